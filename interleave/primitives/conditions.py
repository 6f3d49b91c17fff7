"""Method-level stand-ins for `threading.Condition`, `Event`, `Semaphore` and `BoundedSemaphore`.

The classes stay the classes they are (subclasses, `isinstance`, attributes such as `_value` and `_flag` keep working); only methods
are exchanged, so that what the standard library does in many steps on inner locks is one operation here. Objects that nobody
controls at the moment fall through to the original method.

`Condition.wait` is two operations, as it is two atomic steps in the standard library: "wait" gives up the lock and joins the
waiters, "wake" goes on after a notification with the lock taken again. The first happens under the lock, where nobody else can
look, so it is no scheduling point. A notified thread moves to the lock's own queue and is enabled when the lock is free.
Which waiter is woken is a choice (the documentation promises no order); the first is the oldest.

A wait with a timeout of zero looks once and does not wait, unless it is repeated (see `clocks.polls_again`).
`Event.wait` is two operations as well: a thread that waits is released by a `set` even if a `clear` follows at once.
`Barrier` and `Future` need nothing: their own code runs on these.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from interleave.primitives.clocks import polls_again
from interleave.primitives.locks import Lock, RLock, name_after
from interleave.runtime import WaitQueue, active
from interleave.runtime.ends import Ends

Condition = threading.Condition
Event = threading.Event
Semaphore = threading.Semaphore
_LOCKS = (Lock, RLock)


class Waiter:
    """One thread in `Condition._waiters`; the methods are those of the lock that the standard library keeps there."""

    __slots__ = ("condition", "is_notified", "queue", "tid")

    def __init__(self, condition: Any, tid: int) -> None:
        self.condition = condition
        self.tid = tid
        self.queue = WaitQueue()
        self.is_notified = False

    def release(self) -> None:
        """Wake the thread (for code that pops `_waiters` itself)."""
        kernel = active()
        if kernel is not None:
            self.wake(kernel)

    def wake(self, kernel: Any) -> None:
        """Let the thread go on, as soon as the lock is free where the lock is one of ours."""
        self.is_notified = True
        lock = self.condition._lock
        if type(lock) in _LOCKS:
            kernel.move(self.tid, lock.free_queue, lock)
        else:
            kernel.open(self.queue)

    def explain(self, kind: str) -> tuple[str, tuple[int, ...], str]:
        """Say what a waiting thread waits for."""
        return "Condition", (), "a notify() or notify_all() after it began to wait"


def _name(kernel: Any, obj: Any, lock: Any) -> None:
    """Make sure that an object has a name that is the same in all executions."""
    if id(obj) not in kernel.places.entries:
        name_after(kernel, obj, lock)


def _wait(self: Any, timeout: float | None = None) -> bool:
    kernel = active()
    if kernel is None:
        return bool(_originals[Condition, "wait"](self, timeout))
    if not self._is_owned():
        raise RuntimeError("cannot wait on un-acquired lock")
    lock = self._lock
    _name(kernel, self, lock)
    waiter = Waiter(self, kernel.current)
    is_ours = type(lock) in _LOCKS
    kernel.step("wait", self, lock, is_point=kernel.is_holding_visible)
    self._waiters.append(waiter)
    levels = 0
    if is_ours:
        levels = getattr(lock, "_count", 0)
        lock._free(kernel)
        if levels:
            lock._count = 0
        saved: Any = levels
    else:
        saved = self._release_save()
    # With a timeout of zero it looks once and goes on to take the lock again.
    is_poll = timeout is not None and timeout <= 0 and not polls_again(kernel)
    is_ok = False
    try:
        if not is_poll:
            is_ok = kernel.wait("wake", waiter, waiter.queue, timeout, (self, lock))
    finally:
        try:
            if is_ok and is_ours:
                # "wake" was announced on the lock's queue: it is free, and taking it belongs to the same operation.
                lock._take(kernel)
                if levels:
                    # It belongs to the thread, whichever of its tasks has waited.
                    lock._owner, lock._count = kernel.carrier, levels
            elif not kernel.is_ending:
                _restore(self, lock, saved, is_ours)
        finally:
            # Only now, as in the standard library: a notification that comes too late is lost.
            if not waiter.is_notified:
                self._waiters.remove(waiter)
    return waiter.is_notified if is_poll else bool(is_ok)


def _restore(condition: Any, lock: Any, saved: Any, is_ours: bool) -> None:
    """Take the lock again after a wait that timed out, or whose lock is the program's own class."""
    if not is_ours:
        condition._acquire_restore(saved)
        return
    lock.acquire()
    if saved:
        lock._count = saved


def _is_owned(self: Any) -> bool:
    """Answer without trying the lock: that would be an operation of its own."""
    kernel = active()
    if kernel is not None and type(self._lock) is Lock:
        return self._lock.is_owned_by_anyone(kernel)
    return bool(_originals[Condition, "_is_owned"](self))


def _notify(self: Any, n: int = 1) -> None:
    kernel = active()
    if kernel is None:
        _originals[Condition, "notify"](self, n)
        return
    if not self._is_owned():
        raise RuntimeError("cannot notify on un-acquired lock")
    _name(kernel, self, self._lock)
    kernel.step("notify", self, is_point=kernel.any_timeout)
    _wake(kernel, self._waiters, n)


def _wake(kernel: Any, waiters: Any, count: int) -> None:
    """Wake up to `count` waiters, chosen by the strategy."""
    while waiters and count > 0:
        pick = kernel.value("choose", len(waiters)) if count < len(waiters) else 0
        waiter = waiters[pick]
        del waiters[pick]
        count -= 1
        if isinstance(waiter, Waiter):
            waiter.wake(kernel)
        else:
            waiter.release()


def _event_is_set(self: Any) -> bool:
    kernel = active()
    if kernel is not None:
        _name(kernel, self, self._cond._lock)
        kernel.look("is_set", self)
    return bool(self._flag)


def _event_set(self: Any) -> None:
    kernel = active()
    if kernel is None:
        _originals[Event, "set"](self)
        return
    _name(kernel, self, self._cond._lock)
    kernel.step("set", self)
    self._flag = True
    waiters = self._cond._waiters
    while waiters:
        waiter = waiters.popleft()
        waiter.is_notified = True
        kernel.open(waiter.queue)


def _event_clear(self: Any) -> None:
    kernel = active()
    if kernel is None:
        _originals[Event, "clear"](self)
        return
    _name(kernel, self, self._cond._lock)
    kernel.step("clear", self)
    self._flag = False


class _EventWaiter(Waiter):
    __slots__ = ()

    def explain(self, kind: str) -> tuple[str, tuple[int, ...], str]:
        """Say what a waiting thread waits for."""
        return "Event", (), "a set()"


def _event_wait(self: Any, timeout: float | None = None) -> bool:
    kernel = active()
    if kernel is None:
        return bool(_originals[Event, "wait"](self, timeout))
    _name(kernel, self, self._cond._lock)
    kernel.look("wait", self)
    if self._flag:
        return True
    if timeout is not None and timeout <= 0 and not polls_again(kernel):
        return False
    waiter = _EventWaiter(self, kernel.current)
    self._cond._waiters.append(waiter)
    try:
        return bool(kernel.wait("wake", waiter, waiter.queue, timeout, (self,)))
    finally:
        if not waiter.is_notified and waiter in self._cond._waiters:
            self._cond._waiters.remove(waiter)


class _SemaphoreState:
    """The controlled side of a semaphore: open while the value is above zero."""

    __slots__ = ("ends", "queue", "semaphore")

    def __init__(self, kernel: Any, semaphore: Any) -> None:
        self.semaphore = semaphore
        self.queue = WaitQueue(is_open=semaphore._value > 0)
        self.ends = Ends(kernel.kernel, "Semaphore", semaphore._value, may_part=type(semaphore) is Semaphore)

    def explain(self, kind: str) -> tuple[str, tuple[int, ...], str]:
        """Say what a thread that acquires waits for."""
        return type(self.semaphore).__name__, (), "a release()"


def _semaphore_state(kernel: Any, semaphore: Any) -> _SemaphoreState:
    found = kernel.side.get(id(semaphore))
    if found is None:
        _name(kernel, semaphore, semaphore._cond._lock)
        found = kernel.side[id(semaphore)] = _SemaphoreState(kernel, semaphore)
    return found  # type: ignore[no-any-return]


def _semaphore_acquire(self: Any, blocking: bool = True, timeout: float | None = None) -> bool:
    kernel = active()
    if kernel is None:
        return bool(_originals[Semaphore, "acquire"](self, blocking, timeout))
    if not blocking and timeout is not None:
        raise ValueError("can't specify timeout for non-blocking acquire")
    side = _semaphore_state(kernel, self)
    ends = side.ends
    field = ends.head if blocking and timeout is None and len(ends) == self._value else ends.mix()
    if blocking and (timeout is None or timeout > 0):
        if not kernel.wait("acquire", side, side.queue, timeout, (self,), field=field):
            return False
    else:
        kernel.step("try", self, field=field)
        kernel.spinning.tried(is_taken=self._value > 0)
        if self._value <= 0:
            return False
    ends.take()
    self._value -= 1
    if self._value == 0:
        kernel.close(side.queue)
    return True


def _releasing(cls: type) -> Callable[..., None]:
    """Return the stand-in for the method by which semaphores of a class are released."""
    is_bounded = cls is threading.BoundedSemaphore

    def release(self: Any, n: int = 1) -> None:
        kernel = active()
        if kernel is None:
            _originals[cls, "release"](self, n)
            return
        if n < 1:
            raise ValueError("n must be one or more")
        side = _semaphore_state(kernel, self)
        kernel.step("release", self, field=side.ends.tail)
        side.ends.give(n)
        if is_bounded and self._value + n > self._initial_value:
            raise ValueError("Semaphore released too many times")
        self._value += n
        kernel.open(side.queue)

    return release


#: What is exchanged for the time of an exploration: (class, method) -> stand-in.
METHODS: dict[tuple[type, str], Callable[..., Any]] = {
    (Condition, "wait"): _wait,
    (Condition, "_is_owned"): _is_owned,
    (Condition, "notify"): _notify,
    (Event, "is_set"): _event_is_set,
    (Event, "set"): _event_set,
    (Event, "clear"): _event_clear,
    (Event, "wait"): _event_wait,
    (Semaphore, "acquire"): _semaphore_acquire,
    (Semaphore, "__enter__"): _semaphore_acquire,
    **{(cls, "release"): _releasing(cls) for cls in (Semaphore, threading.BoundedSemaphore)},
}

_originals: dict[tuple[type, str], Any] = {key: vars(key[0])[key[1]] for key in METHODS if key[1] in vars(key[0])}
