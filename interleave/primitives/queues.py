"""Stand-ins for the queues: methods of `queue.Queue` and its subclasses, and the C `SimpleQueue`.

A `put` or `get` is one operation instead of the half dozen that the standard library makes of it with a mutex and conditions. It waits
on a `WaitQueue` of the queue ("items", "room", "done") that is open while the operation can succeed *and* the mutex is free: programs
may hold
`q.mutex` or wait on `q.all_tasks_done` themselves, and those are served as well.

A subclass that overrides `_put`, `_get` or `_qsize`, and `PriorityQueue`, whose items may compare themselves with code of the program,
are left to the standard library's code on controlled locks: there the program's code runs inside the mutex.
"""

from __future__ import annotations

import _queue
import queue
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Self

from interleave.primitives.conditions import _wake
from interleave.primitives.locks import Lock
from interleave.primitives.rows import Kind, Row
from interleave.runtime import WaitQueue, active

Queue = queue.Queue
_RealSimpleQueue = _queue.SimpleQueue
_PLAIN = ("_put", "_get", "_qsize")
_plain_types: dict[type, bool] = {}


def _is_plain(cls: type) -> bool:
    """Tell whether storing and fetching runs no code of the program."""
    known = _plain_types.get(cls)
    if known is None:
        owners = [next(base for base in cls.__mro__ if name in vars(base)) for name in _PLAIN]
        known = _plain_types[cls] = all(owner in (Queue, queue.LifoQueue) for owner in owners)
    return known


class _QueueState:
    """The controlled side of one queue during one execution."""

    __slots__ = ("done", "items", "queue", "room")

    def __init__(self, kernel: Any, target: Any) -> None:
        self.queue = target
        self.items = WaitQueue()
        self.room = WaitQueue()
        self.done = WaitQueue()
        if type(target.mutex) is Lock:
            if target.mutex._epoch is not kernel.epoch:
                target.mutex._renew(kernel)
            target.mutex.listener = self
        self.refresh(kernel)

    def refresh(self, kernel: Any) -> None:
        """Open and close the wait queues after something changed."""
        target = self.queue
        is_free = type(target.mutex) is not Lock or target.mutex.holder() == -1
        is_shut = getattr(target, "is_shutdown", False)
        size = target._qsize()
        has_room = target.maxsize <= 0 or size < target.maxsize or is_shut
        for wait_queue, is_open in (
            (self.items, is_free and (size > 0 or is_shut)),
            (self.room, is_free and has_room),
            (self.done, is_free and target.unfinished_tasks == 0),
        ):
            if is_open is not wait_queue.is_open:
                (kernel.open if is_open else kernel.close)(wait_queue)

    def explain(self, kind: str) -> tuple[str, tuple[int, ...], str]:
        """Say what would let the operation go on."""
        mutex = self.queue.mutex
        holders = (mutex.holder(),) if type(mutex) is Lock and mutex.holder() >= 0 else ()
        needs = {"get": "a put()", "put": "a get() that makes room", "join": "task_done() for every item"}[kind]
        return type(self.queue).__name__, holders, "the release of its mutex" if holders else needs


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
    if kernel is None or not _is_plain(type(self)):
        _originals[Queue, "put"](self, item, block, timeout)
        return
    side = _state_of(kernel, self)
    if not block or self.maxsize <= 0:
        timeout = 0 if not block else None
    else:
        _check(timeout)
    _enter(kernel, side, "put", side.room, timeout)
    if getattr(self, "is_shutdown", False):
        raise queue.ShutDown  # type: ignore[attr-defined]
    if 0 < self.maxsize <= self._qsize():
        raise queue.Full
    self._put(item)
    self.unfinished_tasks += 1
    _wake(kernel, self.not_empty._waiters, 1)
    side.refresh(kernel)


def _get(self: Any, block: bool = True, timeout: float | None = None) -> Any:
    kernel = active()
    if kernel is None or not _is_plain(type(self)):
        return _originals[Queue, "get"](self, block, timeout)
    side = _state_of(kernel, self)
    if block:
        _check(timeout)
    _enter(kernel, side, "get", side.items, timeout if block else 0)
    if not self._qsize():
        if getattr(self, "is_shutdown", False):
            raise queue.ShutDown  # type: ignore[attr-defined]
        raise queue.Empty
    item = self._get()
    _wake(kernel, self.not_full._waiters, 1)
    side.refresh(kernel)
    return item


def _enter(kernel: Any, side: _QueueState, kind: str, wait_queue: WaitQueue, timeout: float | None) -> None:
    """Announce an operation; it may go on afterwards, or find that it cannot succeed in time."""
    mutex = side.queue.mutex
    if timeout != 0:
        kernel.wait(kind, side, wait_queue, timeout)
    elif type(mutex) is Lock and mutex.holder() != -1:
        # Even an attempt takes the mutex first.
        with mutex:
            pass
    else:
        kernel.step(kind, side)


def _task_done(self: Any) -> None:
    kernel = active()
    if kernel is None or not _is_plain(type(self)):
        _originals[Queue, "task_done"](self)
        return
    side = _state_of(kernel, self)
    _enter(kernel, side, "done", side.done, 0)
    unfinished = self.unfinished_tasks - 1
    if unfinished < 0:
        raise ValueError("task_done() called too many times")
    self.unfinished_tasks = unfinished
    if not unfinished:
        _wake(kernel, self.all_tasks_done._waiters, len(self.all_tasks_done._waiters))
        side.refresh(kernel)


def _join(self: Any) -> None:
    kernel = active()
    if kernel is None or not _is_plain(type(self)):
        _originals[Queue, "join"](self)
        return
    side = _state_of(kernel, self)
    kernel.wait("join", side, side.done)


def _qsize(self: Any) -> int:
    kernel = active()
    if kernel is None or not _is_plain(type(self)):
        return int(_originals[Queue, "qsize"](self))
    kernel.look("qsize", _state_of(kernel, self))
    return int(self._qsize())


def _empty(self: Any) -> bool:
    kernel = active()
    if kernel is None or not _is_plain(type(self)):
        return bool(_originals[Queue, "empty"](self))
    kernel.look("empty", _state_of(kernel, self))
    return not self._qsize()


def _full(self: Any) -> bool:
    kernel = active()
    if kernel is None or not _is_plain(type(self)):
        return bool(_originals[Queue, "full"](self))
    kernel.look("full", _state_of(kernel, self))
    return bool(0 < self.maxsize <= self._qsize())


def _shutdown(self: Any, immediate: bool = False) -> None:
    kernel = active()
    if kernel is None or not _is_plain(type(self)):
        _originals[Queue, "shutdown"](self, immediate)
        return
    side = _state_of(kernel, self)
    _enter(kernel, side, "shutdown", side.done, 0)
    self.is_shutdown = True
    if immediate:
        while self._qsize():
            self._get()
            if self.unfinished_tasks > 0:
                self.unfinished_tasks -= 1
        _wake(kernel, self.all_tasks_done._waiters, len(self.all_tasks_done._waiters))
    for condition in (self.not_empty, self.not_full):
        _wake(kernel, condition._waiters, len(condition._waiters))
    side.refresh(kernel)


class SimpleQueue(metaclass=Kind):
    """Stand in for the C `SimpleQueue`: unbounded, first in first out."""

    stands_for = _RealSimpleQueue
    __slots__ = ("__weakref__", "_epoch", "_given", "_items", "_ready")

    def __init__(self) -> None:
        #: The real queue; None until somebody who is not controlled needs one.
        self._given: Any = None
        self._epoch: Any = None
        self._items: deque[Any] = deque()
        self._ready = WaitQueue()
        kernel = active()
        if kernel is not None:
            kernel.publish(self)
            self._renew(kernel)

    @classmethod
    def standing_in_for(cls, real: Any) -> Self:
        """Make a stand-in that takes over a queue that exists."""
        stand_in = cls()
        stand_in._given = real
        return stand_in

    def real(self) -> Any:
        """Return the queue for everybody who is not controlled, with what the last execution left."""
        if self._epoch is not None and active() is None:
            self._give_back()
        return self._real()

    def _real(self) -> Any:
        if self._given is None:
            self._given = _RealSimpleQueue()
        return self._given

    def _renew(self, kernel: Any) -> None:
        """Take the items over into the controlled state; they return with `_give_back`."""
        if self._epoch is not None:
            self._give_back()
        self._epoch = kernel.epoch
        while self._given is not None and not self._given.empty():
            self._items.append(self._given.get())
        self._ready = WaitQueue(is_open=bool(self._items))

    def _give_back(self) -> None:
        """Move what an ended execution left to the real queue."""
        self._epoch = None
        while self._items:
            self._real().put(self._items.popleft())

    def _active(self) -> Any:
        kernel = active()
        if kernel is None:
            if self._epoch is not None:
                self._give_back()
        elif self._epoch is not kernel.epoch:
            self._renew(kernel)
        return kernel

    def explain(self, kind: str) -> tuple[str, tuple[int, ...], str]:
        """Say what a thread that gets waits for."""
        return "SimpleQueue", (), "a put()"

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Add an item; never blocks."""
        kernel = self._active()
        if kernel is None:
            self._real().put(item)
            return
        kernel.step("put", self)
        self._items.append(item)
        kernel.open(self._ready)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Remove and return the oldest item; `queue.Empty` if there is none (in time)."""
        kernel = self._active()
        if kernel is None:
            return self._real().get(block, timeout)
        if block and timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        if block and timeout != 0:
            kernel.wait("get", self, self._ready, timeout)
        else:
            kernel.step("get", self)
        if not self._items:
            raise _queue.Empty
        item = self._items.popleft()
        if not self._items:
            kernel.close(self._ready)
        return item

    def put_nowait(self, item: Any) -> None:
        """Add an item."""
        self.put(item)

    def get_nowait(self) -> Any:
        """Remove and return the oldest item; `queue.Empty` if there is none."""
        return self.get(False)

    def empty(self) -> bool:
        """Return whether there are no items."""
        return self.qsize() == 0

    def qsize(self) -> int:
        """Return the number of items."""
        kernel = self._active()
        if kernel is None:
            return int(self._real().qsize())
        kernel.look("qsize", self)
        return len(self._items)

    def __class_getitem__(cls, item: Any) -> Any:
        return _RealSimpleQueue.__class_getitem__(item)

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle '_queue.SimpleQueue' object")


class _Inherited:
    """The C methods of an instance of a subclass, for the stand-in that takes it over."""

    __slots__ = ("_instance",)

    def __init__(self, instance: Any) -> None:
        self._instance = instance

    def __getattr__(self, name: str) -> Any:
        return partial(getattr(_RealSimpleQueue, name), self._instance)


def _method_of_subclass(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **options: Any) -> Any:
        kernel = active()
        if kernel is None:
            return getattr(_RealSimpleQueue, name)(self, *args, **options)
        stand_in = kernel.side.get(id(self))
        if stand_in is None:
            stand_in = kernel.side[id(self)] = SimpleQueue.standing_in_for(_Inherited(self))
        return getattr(stand_in, name)(*args, **options)

    method.__name__ = name
    return method


def inherited() -> dict[tuple[type, str], Callable[..., Any]]:
    """Return the methods that subclasses made before the exploration inherit from the C class, which cannot be changed itself."""
    return {
        (cls, name): method for cls in type.__subclasses__(_RealSimpleQueue) for name, method in _INHERITED.items() if name not in vars(cls)
    }


_INHERITED = {name: _method_of_subclass(name) for name in ("put", "get", "put_nowait", "get_nowait", "empty", "qsize")}

METHODS: dict[tuple[type, str], Callable[..., Any]] = {
    (Queue, "put"): _put,
    (Queue, "get"): _get,
    (Queue, "task_done"): _task_done,
    (Queue, "join"): _join,
    (Queue, "qsize"): _qsize,
    (Queue, "empty"): _empty,
    (Queue, "full"): _full,
}
if hasattr(Queue, "shutdown"):
    METHODS[Queue, "shutdown"] = _shutdown

OBJECTS: tuple[Row, ...] = (Row(_RealSimpleQueue, SimpleQueue),)
INSTANCES: tuple[Row, ...] = (Row(_RealSimpleQueue, SimpleQueue),)

_originals: dict[tuple[type, str], Any] = {key: vars(key[0])[key[1]] for key in METHODS}
