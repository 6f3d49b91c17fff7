"""Futures and tasks that the program makes by itself: `asyncio.Future()`, `asyncio.Task(...)`, and classes derived from these.

The methods of types that are written in C cannot be exchanged, and without them nobody learns who looks at a future. So for the time of an
exploration the *names* `Future` and `Task` lead to classes that say so, in every module that has them; `isinstance` and `issubclass` answer
for these as for the types that they stand for. Classes that were derived before are given noted methods in place of those that they have
from C, and so are asyncio's own in Python. What is found nowhere here (a type kept in a closure, or as a default) may still be met: a task
that waits for such a future makes an execution of which nothing is proven (`callbacks.is_noted`).
"""

from __future__ import annotations

import asyncio
import sys
from abc import ABCMeta
from asyncio import futures as real_futures
from asyncio import tasks as real_tasks
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from interleave.event_loop.futures import CHANGES, LOOKS, NotedFuture, NotedTask, noted, noted_add, noted_cancel
from interleave.model import READ, STATE, WRITE
from interleave.runtime import active

_Future: Any = asyncio.Future
_Task: Any = asyncio.Task
_PyFuture: Any = vars(real_futures)["_PyFuture"]
_PyTask: Any = vars(real_tasks)["_PyTask"]
_ABSENT: Any = object()
#: Noted elsewhere, with what it counts (see `primitives`).
_Gathering: Any = vars(real_tasks)["_GatheringFuture"]
_eager: Any = getattr(asyncio, "eager_task_factory", None)


# Derived from that of abstract classes, so that a class of the program may be both.
class _Standing(ABCMeta):
    """The type of a class that stands for one written in C."""

    def __instancecheck__(cls, instance: Any) -> bool:
        real = _REAL.get(cls)
        return isinstance(instance, real) if real is not None else type.__instancecheck__(cls, instance)

    def __subclasscheck__(cls, subclass: Any) -> bool:
        real = _REAL.get(cls)
        return issubclass(subclass, real) if real is not None else type.__subclasscheck__(cls, subclass)


#: What a class stands for.
_REAL: dict[Any, Any] = {}


class Future(NotedFuture, metaclass=_Standing):
    """Stands for `asyncio.Future`."""

    __slots__ = ()


class Task(NotedTask, metaclass=_Standing):
    """Stands for `asyncio.Task`; one without a name is numbered by its loop."""

    __slots__ = ()

    def __init__(self, coro: Any, *, loop: Any = None, name: Any = None, **options: Any) -> None:
        if name is None and active() is not None:
            number = getattr(loop if loop is not None else asyncio.get_event_loop(), "next_name", None)
            name = number() if number is not None else None
        super().__init__(coro, loop=loop, name=name, **options)


for _stand_in, _original in ((Future, _Future), (Task, _Task)):
    _REAL[_stand_in] = _original
    _stand_in.__name__ = _stand_in.__qualname__ = _original.__name__
    _stand_in.__module__ = _original.__module__
_STAND_INS: dict[Any, Any] = {original: stand_in for stand_in, original in _REAL.items()}


def _noted_methods(cls: Any, *, is_task: bool) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield noted methods for a class, in place of those that it defines or has from wherever."""

    def original(name: str) -> Any:
        return getattr(cls, name)

    for name in LOOKS:
        yield name, noted(original(name), READ)
    for name in (*CHANGES, "__await__", "__iter__"):
        yield name, noted(original(name), WRITE)
    if not is_task:
        yield "cancel", noted(original("cancel"), WRITE)
        yield "add_done_callback", noted(original("add_done_callback"), WRITE)
        return
    yield "cancel", noted_cancel(original("cancel"))
    yield "add_done_callback", noted_add(original("add_done_callback"))
    yield "cancelling", noted(original("cancelling"), READ, STATE)
    yield "uncancel", noted(original("uncancel"), WRITE, STATE)
    yield "get_name", noted(original("get_name"), READ, "name")
    yield "set_name", noted(original("set_name"), WRITE, "name")


def _derived() -> Iterator[Any]:
    """Yield the classes next to those in C, and asyncio's own in Python."""
    for real in (_Future, _Task):
        for cls in real.__subclasses__():
            if cls not in (_Task, _Gathering) and not cls.__module__.startswith("interleave.") and cls not in _REAL:
                yield cls
    yield _PyFuture
    yield _PyTask


class Exchanged:
    """The exchange for one exploration; undone by `restore`."""

    def __init__(self) -> None:
        self._names: list[tuple[dict[str, Any], str, Any]] = []
        self._methods: list[tuple[Any, str, Any, Any]] = []
        for cls in list(_derived()):
            for name, method in list(_noted_methods(cls, is_task=issubclass(cls, (_Task, _PyTask)))):
                self._methods.append((cls, name, vars(cls).get(name, _ABSENT), method))
                setattr(cls, name, method)
        for namespace in _namespaces():
            for name, value in list(namespace.items()):
                if value is _Future or value is _Task:
                    self._names.append((namespace, name, value))
                    namespace[name] = _STAND_INS[value]
        if _eager is not None:
            self._exchange_in(_eager)

    def _exchange_in(self, factory: FunctionType) -> None:
        for cell in factory.__closure__ or ():
            if cell.cell_contents is _Task:
                cell.cell_contents = Task

    def restore(self) -> None:
        """Put everything back where it is still as it was put."""
        for cell in _eager.__closure__ if _eager is not None else ():
            if cell.cell_contents is Task:
                cell.cell_contents = _Task
        for namespace, name, value in self._names:
            if namespace.get(name) is _STAND_INS[value]:
                namespace[name] = value
        for cls, name, value, method in self._methods:
            if vars(cls).get(name) is not method:
                continue
            if value is _ABSENT:
                delattr(cls, name)
            else:
                setattr(cls, name, value)


def _namespaces() -> Iterator[dict[str, Any]]:
    """Yield the globals of all modules but ours."""
    for name, module in list(sys.modules.items()):
        if isinstance(module, ModuleType) and name.partition(".")[0] != "interleave":
            yield vars(module)
