"""Stand-ins for the methods of `queue.Queue` and its subclasses.

A `put` or `get` is one operation instead of the half dozen that the standard library makes of it with a mutex and conditions. It waits
on a `WaitQueue` of the queue ("items", "room", "done") that is open while the operation can succeed *and* the mutex is free: programs
may hold `q.mutex` or wait on `q.all_tasks_done` themselves, and those are served as well. For the same reason what an operation
touches is the mutex.

Where storing or fetching an item may run code of the program (`PriorityQueue` compares items, a subclass overrides `_put`), the
operation holds the mutex meanwhile. A subclass that overrides `_qsize`, of which guards are made, is left to the standard
library's code on controlled locks.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Hashable
from typing import Any

from interleave.model import READ
from interleave.primitives.conditions import _wake
from interleave.primitives.locks import Lock, name_after
from interleave.runtime import WaitQueue, active
from interleave.runtime.ends import Ends

Queue = queue.Queue
#: How the methods of a class are stood in for: not at all, as one step, as one step that holds the mutex while code of the program runs.
_NOT, _ATOMIC, _GUARDED = range(3)
_manners: dict[type, int] = {}


def _manner_of(cls: type) -> int:
    """Return `_NOT`, `_ATOMIC` or `_GUARDED`; remembered per class."""
    known = _manners.get(cls)
    if known is None:
        owner = {name: next(base for base in cls.__mro__ if name in vars(base)) for name in ("_put", "_get", "_qsize")}
        if owner["_qsize"] not in (Queue, queue.LifoQueue, queue.PriorityQueue):
            known = _NOT
        else:
            known = _ATOMIC if owner["_put"] in (Queue, queue.LifoQueue) and owner["_get"] in (Queue, queue.LifoQueue) else _GUARDED
        _manners[cls] = known
    return known


def _is_plain(cls: type) -> bool:
    """Tell whether items leave a queue in the order in which they came, and nobody sees it do so."""
    return all(getattr(cls, name) is getattr(Queue, name) for name in ("_put", "_get", "_qsize"))


class _QueueState:
    """The controlled side of one queue during one execution."""

    __slots__ = ("done", "ends", "free", "items", "maxsize", "mutex", "places", "queue", "room", "size", "touched")

    def __init__(self, kernel: Any, target: Any) -> None:
        self.queue = target
        self.items = WaitQueue()
        self.room = WaitQueue()
        self.done = WaitQueue()
        self.size = self.maxsize = 0
        mutex = target.mutex
        #: The mutex if it is one of ours, else None.
        self.mutex: Lock | None = mutex if type(mutex) is Lock else None
        #: Open while the mutex is free.
        self.free = WaitQueue(is_open=True)
        self.touched: tuple[Any, ...] = (target,)
        if self.mutex is not None:
            name_after(kernel, target, self.mutex)
            self.mutex.listener = self
            kernel.partings.append(self.part)
            self.free = self.mutex.free_queue
            self.touched = (mutex,)
        self.update(kernel)
        #: Items to be taken, and room for others.
        may_part = self.mutex is not None and _is_plain(type(target))
        self.ends = Ends(kernel.kernel, "Queue", self.size, may_part=may_part)
        self.places = Ends(kernel.kernel, "Queue", max(0, self.maxsize - self.size), may_part=may_part and self.maxsize > 0)
        # Before, somebody may have used the mutex alone.
        self.items.since = self.room.since = self.done.since = len(kernel.kernel.events)

    def part(self) -> None:
        """Let go of the mutex, which knows the queue: together with it they are a cycle."""
        if self.mutex is not None:
            self.mutex.listener = None

    def refresh(self, kernel: Any) -> None:
        """Take in that somebody else did something with the queue or its mutex."""
        self.ends.mix()
        self.update(kernel)

    def update(self, kernel: Any) -> None:
        """Open and close the wait queues after something changed."""
        target = self.queue
        is_free = self.free.is_open
        is_shut = getattr(target, "is_shutdown", False)
        self.size = size = target._qsize()
        self.maxsize = maxsize = target.maxsize
        has_items = is_free and (size > 0 or is_shut)
        if has_items is not self.items.is_open:
            (kernel.open if has_items else kernel.close)(self.items)
        has_room = is_free and (maxsize <= 0 or size < maxsize or is_shut)
        if has_room is not self.room.is_open:
            (kernel.open if has_room else kernel.close)(self.room)
        is_done = is_free and target.unfinished_tasks == 0
        if is_done is not self.done.is_open:
            (kernel.open if is_done else kernel.close)(self.done)

    def enter(self, kernel: Any, kind: str, wait_queue: WaitQueue, timeout: float | None = None) -> None:
        """Announce an operation; it may go on afterwards, or find that it cannot succeed in time."""
        ends = self.ends
        field: Hashable = ends.head if kind == "get" else ends.tail
        if timeout is not None or kind not in ("get", "put") or getattr(self.queue, "is_shutdown", False):
            field = ends.mix()
        while True:
            if self.queue._qsize() != self.size or self.queue.maxsize != self.maxsize:
                # The program changed it without the mutex.
                self.refresh(kernel)
            if timeout == 0:
                # Even an attempt takes the mutex.
                wait_queue, timeout = self.free, None
            if not kernel.wait(kind, self, wait_queue, timeout, self.touched, field=field) or wait_queue is self.free:
                return
            if self.queue._qsize() == self.size:
                return

    def guard(self, kernel: Any, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function that may run code of the program while holding the mutex."""
        mutex = self.mutex
        if mutex is None:
            return function(*args)
        mutex._take(kernel)
        try:
            return function(*args)
        finally:
            kernel.step("release", mutex, is_point=kernel.is_holding_visible)
            mutex._free(kernel)

    def look(self, kernel: Any, kind: str) -> int:
        """Announce that somebody looks at the size, and return it."""
        kernel.step(kind, self.queue, *self.touched, mode=READ, field=self.ends.mix())
        if self.mutex is not None and not self.free.is_open:
            with self.mutex:
                return int(self.queue._qsize())
        return int(self.queue._qsize())

    def explain(self, kind: str) -> tuple[str, tuple[int, ...], str]:
        """Say what would let the operation go on."""
        holder = self.mutex.holder() if self.mutex is not None else -1
        if holder >= 0:
            return type(self.queue).__name__, (holder,), "the release of its mutex"
        needs = {"get": "a put()", "put": "a get() that makes room", "join": "task_done() for every item"}
        return type(self.queue).__name__, (), needs.get(kind, "the release of its mutex")


def _state_of(kernel: Any, target: Any) -> _QueueState:
    found = kernel.side.get(id(target))
    if found is None:
        found = kernel.side[id(target)] = _QueueState(kernel, target)
    return found  # type: ignore[no-any-return]


def _check(timeout: float | None) -> None:
    if timeout is not None and timeout < 0:
        raise ValueError("'timeout' must be a non-negative number")


def _put(self: Any, item: Any, block: bool = True, timeout: float | None = None) -> None:
    kernel = active()
    manner = _manner_of(type(self)) if kernel is not None else _NOT
    if manner == _NOT:
        _originals[Queue, "put"](self, item, block, timeout)
        return
    side = _state_of(kernel, self)
    if self.maxsize <= 0:
        timeout = None
    elif not block:
        timeout = 0
    else:
        _check(timeout)
    side.enter(kernel, "put", side.room, timeout)
    if getattr(self, "is_shutdown", False):
        raise queue.ShutDown  # type: ignore[attr-defined]
    if 0 < self.maxsize <= self._qsize():
        raise queue.Full
    if manner == _ATOMIC:
        self._put(item)
    else:
        side.guard(kernel, self._put, item)
    side.ends.give()
    side.places.take()
    self.unfinished_tasks += 1
    _wake(kernel, self.not_empty._waiters, 1)
    side.update(kernel)


def _get(self: Any, block: bool = True, timeout: float | None = None) -> Any:
    kernel = active()
    manner = _manner_of(type(self)) if kernel is not None else _NOT
    if manner == _NOT:
        return _originals[Queue, "get"](self, block, timeout)
    side = _state_of(kernel, self)
    if block:
        _check(timeout)
    side.enter(kernel, "get", side.items, timeout if block else 0)
    if not self._qsize():
        if getattr(self, "is_shutdown", False):
            raise queue.ShutDown  # type: ignore[attr-defined]
        raise queue.Empty
    item = self._get() if manner == _ATOMIC else side.guard(kernel, self._get)
    side.ends.take()
    side.places.give()
    _wake(kernel, self.not_full._waiters, 1)
    side.update(kernel)
    return item


def _task_done(self: Any) -> None:
    kernel = active()
    if kernel is None or not _manner_of(type(self)):
        _originals[Queue, "task_done"](self)
        return
    side = _state_of(kernel, self)
    side.enter(kernel, "done", side.free)
    unfinished = self.unfinished_tasks - 1
    if unfinished < 0:
        raise ValueError("task_done() called too many times")
    self.unfinished_tasks = unfinished
    if not unfinished:
        _wake(kernel, self.all_tasks_done._waiters, len(self.all_tasks_done._waiters))
        side.update(kernel)


def _join(self: Any) -> None:
    kernel = active()
    if kernel is None or not _manner_of(type(self)):
        _originals[Queue, "join"](self)
        return
    side = _state_of(kernel, self)
    side.enter(kernel, "join", side.done)


def _looking(name: str, answer: Callable[[int, Any], Any]) -> Callable[[Any], Any]:
    """Return the stand-in for a method whose answer follows from the size of the queue."""

    def method(self: Any) -> Any:
        kernel = active()
        if kernel is None or not _manner_of(type(self)):
            return _originals[Queue, name](self)
        return answer(_state_of(kernel, self).look(kernel, name), self)

    return method


def _shutdown(self: Any, immediate: bool = False) -> None:
    kernel = active()
    if kernel is None or _manner_of(type(self)) != _ATOMIC:
        _originals[Queue, "shutdown"](self, immediate)
        return
    side = _state_of(kernel, self)
    side.enter(kernel, "shutdown", side.free)
    self.is_shutdown = True
    if immediate:
        while self._qsize():
            self._get()
            if self.unfinished_tasks > 0:
                self.unfinished_tasks -= 1
        _wake(kernel, self.all_tasks_done._waiters, len(self.all_tasks_done._waiters))
    for condition in (self.not_empty, self.not_full):
        _wake(kernel, condition._waiters, len(condition._waiters))
    side.update(kernel)


METHODS: dict[tuple[type, str], Callable[..., Any]] = {
    (Queue, "put"): _put,
    (Queue, "get"): _get,
    (Queue, "task_done"): _task_done,
    (Queue, "join"): _join,
    (Queue, "qsize"): _looking("qsize", lambda size, target: size),
    (Queue, "empty"): _looking("empty", lambda size, target: not size),
    (Queue, "full"): _looking("full", lambda size, target: 0 < target.maxsize <= size),
}
if hasattr(Queue, "shutdown"):
    METHODS[Queue, "shutdown"] = _shutdown

_originals: dict[tuple[type, str], Any] = {key: vars(key[0])[key[1]] for key in METHODS}
