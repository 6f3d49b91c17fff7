"""Stand-ins for the C-level locks: `_thread.allocate_lock()` and the C `RLock`.

A stand-in carries two states: the controlled one, which lasts one execution, and a real lock for everybody who is not a logical
thread of it (before, after, and other OS threads meanwhile). Locks taken over keep the lock they replace as their real one.

Which steps are scheduling points. An acquire is one. A release is one only once somebody tried a lock without blocking (`acquire(False)`,
`locked()`): before that nobody can tell a lock held a little longer from one that is not, so that a switch before the release and one
after it are equivalent. `Kernel.is_holding_visible` keeps that fact for the exploration, and turning it on counts as new points. Taking an
RLock again, and releasing all but the last level, concerns its owner alone and is no operation at all.
"""

from __future__ import annotations

import _thread
from typing import Any, Self

from interleave.model import Owner, Site
from interleave.primitives.rows import Kind, Row
from interleave.primitives.threads import ident_of
from interleave.runtime import WaitQueue, active, gate
from interleave.runtime.places import born_with_name
from interleave.runtime.sites import current_site

_allocate = _thread.allocate_lock
_RealRLock = _thread.RLock
_FREE = -1
#: Owner of a lock that was held when the exploration began, by somebody who is not explored.
_OUTSIDE = -2


def _check_timeout(blocking: bool, timeout: float) -> None:
    """Raise what the real lock raises for arguments that it refuses, in this interpreter's words."""
    try:
        is_valid = timeout == -1 or (blocking and 0 <= timeout <= _thread.TIMEOUT_MAX)
    except TypeError:
        is_valid = False
    if not is_valid:
        _allocate().acquire(blocking, timeout)


class _Numbers:
    """The last number that was given to a stand-in."""

    last = 0


def outer_name(stand_in: Any) -> Owner:
    """Return the name of a stand-in that is older than the execution: the same in all executions, whoever touches it first.

    Objects made in the execution are named after the thread that makes them. To name others after the thread that happens to
    come first would give them another name in another schedule, and a search could not compare what the two touched.
    """
    if not stand_in.number:
        _Numbers.last = stand_in.number = _Numbers.last + 1
    return (), stand_in.number, type(stand_in).__name__


def adopt_number(stand_in: Any, number: int) -> None:
    """Give a stand-in the number that it has got in a copy of this process."""
    stand_in.number = number
    _Numbers.last = max(_Numbers.last, number)


def name_after(kernel: Any, obj: object, lock: Any) -> None:
    """Name an object after the lock inside it, unless it has a name: who first touches the object says nothing about it, either."""
    if isinstance(lock, _Base):
        if lock._epoch is not kernel.epoch:
            lock._renew(kernel)
        path, number, _ = kernel.name(lock)
        kernel.name_as(obj, (path, number, type(obj).__name__))


class _Base(metaclass=Kind):
    """What both locks share: the controlled state and how it is renewed for each execution."""

    __slots__ = ("__weakref__", "_bit", "_epoch", "_given", "_owner", "_site", "birth", "free_queue", "listener", "number")

    def __init__(self) -> None:
        #: The real lock; None until somebody who is not controlled needs one.
        self._given: Any = None
        self._owner = _FREE
        #: Open while the lock is free.
        self.free_queue = WaitQueue(is_open=True)
        self._site: Site | None = None
        #: See `outer_name`.
        self.number = 0
        #: Told when the lock is taken or freed (a queue whose operations need its mutex free).
        self.listener: Any = None
        kernel = active()
        if kernel is None:
            self._epoch: Any = None
            self._bit = 0
            self.birth: Any = None
        else:
            if type(self) in born_with_name:
                self.birth = kernel.bear()
            else:
                self.birth = None
                kernel.publish(self)
            self._epoch = kernel.epoch
            self._bit = kernel.number_lock()

    def _renew(self, kernel: Any) -> None:
        """Come into an execution that began after the lock was made: free, unless somebody outside holds it."""
        kernel.name_as(self, outer_name(self))
        self._epoch = kernel.epoch
        self._bit = kernel.number_lock()
        held = self._is_really_held()
        self._owner = _OUTSIDE if held else _FREE
        self.free_queue = WaitQueue(is_open=not held)
        self._site = None
        self.listener = None
        self._reset()

    @classmethod
    def standing_in_for(cls, real: Any) -> Self:
        """Make a stand-in that takes over a lock that exists."""
        lock = cls()
        lock._given = real
        return lock

    def _reset(self) -> None:
        """Forget what else the last execution left."""

    def real(self) -> Any:
        """Return the lock for everybody who is not controlled."""
        if self._given is None:
            self._given = self._make_real()
        return self._given

    def _make_real(self) -> Any:
        return _allocate()

    def _is_really_held(self) -> bool:
        return self._given is not None and bool(self._given.locked())

    def _take(self, kernel: Any) -> None:
        """Become the owner; the queue must be open."""
        self._owner = kernel.hold(self._bit, self.free_queue)
        if gate.is_detailed:
            # For the report. Otherwise nobody but the program keeps a lock alive.
            self._site = current_site()
            kernel.side[id(self)] = self
        if self.listener is not None:
            self.listener.refresh(kernel)

    def _free(self, kernel: Any) -> None:
        """Stop being the owner."""
        kernel.let_go(self._bit, self._owner, self.free_queue)
        self._owner = _FREE
        if gate.is_detailed:
            kernel.side.pop(id(self), None)
        if self.listener is not None:
            self.listener.refresh(kernel)

    def holder(self) -> int:
        """Return the tid of the owner, -1 if free, -2 if held from outside the execution."""
        return self._owner

    def taken_at(self) -> Site | None:
        """Return where the owner took it; known in detailed runs only."""
        return self._site

    def explain(self, kind: str) -> tuple[str, tuple[int, ...], str]:
        """Say who holds the lock."""
        label = type(self).__name__
        if self._owner == _OUTSIDE:
            return label, (), "its release by a thread that is not part of the exploration"
        return label, (self._owner,) if self._owner >= 0 else (), "its release"

    def locked(self) -> bool:
        """Return whether somebody holds the lock."""
        kernel = active()
        if kernel is None:
            return self._is_really_held()
        if self._epoch is not kernel.epoch:
            self._renew(kernel)
        self._see_holding(kernel)
        kernel.look("locked", self)
        return self._owner != _FREE

    def _at_fork_reinit(self) -> None:
        self._given = None
        self._epoch = None

    def _see_holding(self, kernel: Any) -> None:
        """Make releases points from now on: somebody looks whether locks are held."""
        if not kernel.is_holding_visible:
            kernel.show_holding()

    def _attempt(self, kernel: Any, blocking: bool, timeout: float) -> bool:
        """Announce an acquire of any form; return whether the lock may be taken now."""
        if blocking and timeout < 0:
            kernel.wait("acquire", self, self.free_queue)
            return True
        self._see_holding(kernel)
        if blocking and timeout > 0:
            return bool(kernel.wait("acquire", self, self.free_queue, timeout))
        kernel.step("try", self)
        is_free = self._owner == _FREE
        kernel.spinning.tried(is_taken=is_free)
        return is_free


class Lock(_Base):
    """Stand in for `_thread.lock`."""

    __slots__ = ()
    stands_for = _thread.LockType

    def __init_subclass__(cls) -> None:
        raise TypeError("type '_thread.lock' is not an acceptable base type")

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock; return False if it was not to be had (in time)."""
        kernel = active()
        if kernel is None:
            return bool(self.real().acquire(blocking, timeout))
        if not blocking or timeout != -1:
            _check_timeout(blocking, timeout)
        if self._epoch is not kernel.epoch:
            self._renew(kernel)
        if blocking and timeout == -1:
            kernel.wait("acquire", self, self.free_queue)
        elif not self._attempt(kernel, blocking, timeout):
            return False
        self._take(kernel)
        return True

    def release(self) -> None:
        """Free the lock, whoever took it; RuntimeError if it is free."""
        kernel = active()
        if kernel is None:
            self.real().release()
            return
        if self._epoch is not kernel.epoch:
            self._renew(kernel)
        kernel.step("release", self, is_point=kernel.is_holding_visible)
        if self._owner == _FREE:
            if kernel.is_ending:
                return
            raise RuntimeError("release unlocked lock")
        if self._owner == _OUTSIDE:
            self.real().release()
        self._free(kernel)

    __enter__ = acquire
    acquire_lock = acquire
    release_lock = release
    locked_lock = _Base.locked

    def __exit__(self, *_: object) -> None:
        self.release()

    def is_owned_by_anyone(self, kernel: Any) -> bool:
        """Return whether it is held, without announcing that somebody looks."""
        return self._epoch is kernel.epoch and self._owner != _FREE

    def __repr__(self) -> str:
        kernel = active()
        is_held = self.is_owned_by_anyone(kernel) if kernel is not None else self.real().locked()
        return f"<{'locked' if is_held else 'unlocked'} _thread.lock object at {id(self):#x}>"

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle '_thread.lock' object")


class RLock(_Base):
    """Stand in for the C `RLock`."""

    __slots__ = ("_count",)
    stands_for = _RealRLock

    def __init__(self, *_: object, **__: object) -> None:
        # The real one takes any arguments. Not `super()`: it keeps the class in a cell, where the takeover would find it.
        self._count = 0
        _Base.__init__(self)

    def _reset(self) -> None:
        self._count = 0

    def _make_real(self) -> Any:
        return _RealRLock()

    def _is_really_held(self) -> bool:
        if self._given is None or not self._given.acquire(False):
            return self._given is not None
        self._given.release()
        return False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock, again if it is already the caller's; return False if it was not to be had (in time)."""
        kernel = active()
        if kernel is None:
            return bool(self.real().acquire(blocking, timeout))
        if not blocking or timeout != -1:
            _check_timeout(blocking, timeout)
        if self._epoch is not kernel.epoch:
            self._renew(kernel)
        if self._owner == kernel.carrier:
            self._count += 1
            return True
        if not self._attempt(kernel, blocking, timeout):
            return False
        self._take(kernel)
        # It belongs to a thread: all tasks of an event loop are the same owner.
        self._owner = kernel.carrier
        self._count = 1
        return True

    def release(self) -> None:
        """Give back one level; RuntimeError if the caller is not the owner."""
        kernel = active()
        if kernel is None:
            self.real().release()
            return
        if self._epoch is not kernel.epoch:
            self._renew(kernel)
        if self._owner != kernel.carrier:
            if kernel.is_ending:
                return
            raise RuntimeError("cannot release un-acquired lock")
        if self._count == 1:
            kernel.step("release", self, is_point=kernel.is_holding_visible)
            self._count = 0
            self._free(kernel)
        else:
            self._count -= 1

    __enter__ = acquire

    def __exit__(self, *_: object) -> None:
        self.release()

    # What `threading.Condition` asks of a lock.

    def _is_owned(self) -> bool:
        kernel = active()
        if kernel is None:
            return bool(self.real()._is_owned())
        return self._epoch is kernel.epoch and self._owner == kernel.carrier

    def _release_save(self) -> Any:
        kernel = active()
        if kernel is None:
            return self.real()._release_save()
        count, self._count = self._count, 1
        self.release()
        return count

    def _acquire_restore(self, saved: Any) -> None:
        kernel = active()
        if kernel is None:
            self.real()._acquire_restore(saved)
            return
        self.acquire()
        self._count = saved

    def _recursion_count(self) -> int:
        kernel = active()
        if kernel is None:
            return int(self.real()._recursion_count())
        return self._count if self._is_owned() else 0

    def __repr__(self) -> str:
        kernel = active()
        if kernel is None:
            return repr(self.real())
        is_held = self._epoch is kernel.epoch and self._owner != _FREE
        owner, count = (ident_of(self._owner), self._count) if is_held else (0, 0)
        return f"<{'locked' if is_held else 'unlocked'} _thread.RLock object owner={owner} count={count} at {id(self):#x}>"

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle '_thread.RLock' object")


born_with_name.update((Lock, RLock))

OBJECTS: tuple[Row, ...] = (
    Row(_thread.allocate_lock, Lock),
    Row(_thread.allocate, Lock),
    Row(_thread.LockType, Lock),
    Row(_thread.RLock, RLock),
)
INSTANCES: tuple[Row, ...] = (Row(_thread.LockType, Lock), Row(_thread.RLock, RLock))
