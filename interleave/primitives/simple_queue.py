"""Stand-in for the C `SimpleQueue`, and for what its subclasses inherit."""

from __future__ import annotations

import _queue
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Self

from interleave.model import READ
from interleave.primitives.locks import outer_name
from interleave.primitives.rows import Kind, Row
from interleave.runtime import WaitQueue, active
from interleave.runtime.ends import Ends

_RealSimpleQueue = _queue.SimpleQueue


class SimpleQueue(metaclass=Kind):
    """Stand in for the C `SimpleQueue`: unbounded, first in first out."""

    stands_for = _RealSimpleQueue
    __slots__ = ("__weakref__", "_ends", "_epoch", "_given", "_items", "_ready", "number")

    def __init__(self) -> None:
        #: The real queue; None until somebody who is not controlled needs one.
        self._given: Any = None
        self._epoch: Any = None
        #: See `locks.outer_name`.
        self.number = 0
        self._items: deque[Any] = deque()
        self._ready = WaitQueue()
        kernel = active()
        self._ends: Any = None
        if kernel is not None:
            kernel.publish(self)
            self._epoch = kernel.epoch
            self._ends = Ends(kernel.kernel, "SimpleQueue", 0)

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
        kernel.name_as(self, outer_name(self))
        while self._given is not None and not self._given.empty():
            self._items.append(self._given.get())
        self._ready = WaitQueue(is_open=bool(self._items))
        self._ends = Ends(kernel.kernel, "SimpleQueue", len(self._items))

    def _give_back(self) -> None:
        """Move what an ended execution left to the real queue."""
        self._epoch = self._ends = None
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
        ends = self._ends
        kernel.step("put", self, field=ends.tail)
        ends.give()
        self._items.append(item)
        kernel.open(self._ready)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Remove and return the oldest item; `queue.Empty` if there is none (in time)."""
        kernel = self._active()
        if kernel is None:
            return self._real().get(block, timeout)
        if block and timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        ends = self._ends
        field = ends.head if block and timeout is None else ends.mix()
        if block and timeout != 0:
            kernel.wait("get", self, self._ready, timeout, field=field)
        else:
            kernel.step("get", self, field=field)
        if not self._items:
            raise _queue.Empty
        item = self._items.popleft()
        ends.take()
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
        kernel.step("qsize", self, mode=READ, field=self._ends.mix())
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


OBJECTS: tuple[Row, ...] = (Row(_RealSimpleQueue, SimpleQueue),)
INSTANCES: tuple[Row, ...] = (Row(_RealSimpleQueue, SimpleQueue),)
