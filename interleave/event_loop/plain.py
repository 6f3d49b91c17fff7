"""Futures and tasks that the program makes by itself: `asyncio.Future()`, `asyncio.Task(...)`, and classes derived from these.

The methods of types that are written in C cannot be exchanged, and without them nobody learns who looks at a future. So for the time of an
exploration whatever holds the types `Future` and `Task` (a module, a class, a closure, a default, a list) holds classes that say so;
`isinstance` and `issubclass` answer for these as for the types that they stand for. Classes that were derived before are given noted
methods in place of those that they have from C, and so are asyncio's own in Python. What is not found (a type in a `frozenset`, in a local
variable, or in a default before 3.12) may still be met: code in scope that makes such a future enters it into the ledger
(`instrument.uncontrolled`), and a task that waits for one makes an execution of which nothing is proven (`callbacks.is_noted`).
"""

from __future__ import annotations

import asyncio
import sys
from abc import ABCMeta
from asyncio import futures as real_futures
from asyncio import tasks as real_tasks
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, ClassVar

from interleave.event_loop.futures import NotedFuture, NotedTask, noted_methods
from interleave.primitives.acquaintance import exchange_at, has_count, known_places, remember
from interleave.primitives.holders import Exchange, holds
from interleave.runtime import active

_Future: Any = asyncio.Future
_Task: Any = asyncio.Task
_PyFuture: Any = vars(real_futures)["_PyFuture"]
_PyTask: Any = vars(real_tasks)["_PyTask"]
_ABSENT: Any = object()
#: Noted elsewhere, with what it counts (see `primitives`).
_Gathering: Any = vars(real_tasks)["_GatheringFuture"]


# Derived from that of abstract classes, so that a class of the program may be both.
class _Standing(ABCMeta):
    """The type of a class that stands for one written in C."""

    def __instancecheck__(cls, instance: Any) -> bool:
        real = _real_of(cls)
        return isinstance(instance, real) if real is not None else type.__instancecheck__(cls, instance)

    def __subclasscheck__(cls, subclass: Any) -> bool:
        real = _real_of(cls)
        return issubclass(subclass, real) if real is not None else type.__subclasscheck__(cls, subclass)


def _real_of(cls: type) -> Any:
    """Return what a class stands for, if it does. No table says so: what leads to these types is exchanged."""
    return _Future if cls is Future else _Task if cls is Task else None


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
        if (stack := self._source_traceback) is not None:
            # Of a loop in debug mode: it was made by whoever called us.
            del stack[-1]


for _stand_in, _original in ((Future, _Future), (Task, _Task)):
    _stand_in.__name__ = _stand_in.__qualname__ = _original.__name__
    _stand_in.__module__ = _original.__module__


def _derived() -> Iterator[Any]:
    """Yield the classes next to those in C, and asyncio's own in Python."""
    for real in (_Future, _Task):
        for cls in real.__subclasses__():
            if cls not in (_Task, _Gathering) and not cls.__module__.startswith("interleave.") and cls not in (Future, Task):
                yield cls
    yield _PyFuture
    yield _PyTask


class Exchanged:
    """The exchange for one exploration, of methods and of what leads to the types; undone by `restore`."""

    #: How many references to the types there were when only what was new was looked at.
    _glanced: ClassVar[list[int]] = []
    _searches = 0

    def __init__(self, methods: Mapping[tuple[type, str], Any], made_since: Callable[[], list[Any] | None]) -> None:
        self._methods: list[tuple[Any, str, Any, Any]] = []
        for (cls, name), method in methods.items():
            self._exchange(cls, name, method)
        for cls in list(_derived()):
            for name, method in noted_methods(cls, is_task=issubclass(cls, (_Task, _PyTask))).items():
                self._exchange(cls, name, method)
        self._types = Exchange(_is_ours)
        self._exchange_types(made_since)

    def _exchange_types(self, made_since: Callable[[], list[Any] | None]) -> None:
        """Exchange the types where they are known to be, or search for who holds them.

        Every future refers to its type, so that numbers of references change all the time. As long as they do, the types are exchanged in
        what is new and where they were; a search comes when they stay.
        """
        counts = [sys.getrefcount(_Future), sys.getrefcount(_Task)]
        entries = [self._types.add(_Future, Future), self._types.add(_Task, Task)]
        wanted = {id(_Future), id(_Task)}
        places = [known_places(entry.original) for entry in entries]
        is_same = all(has_count(entry.original, count) for entry, count in zip(entries, counts, strict=True))
        made = None if is_same or counts == self._glanced else made_since()
        if None not in places and (is_same or made is not None):
            for entry, known in zip(entries, places, strict=True):
                exchange_at(self._types, entry, known or [])
            if made is not None:
                Exchanged._glanced = counts
                self._types.exchange_in([one for one in made if holds(one, wanted)])
            return
        # Also where the collector was frozen, which hides what it looks after.
        cells = getattr(getattr(asyncio, "eager_task_factory", None), "__closure__", ())
        self._types.exchange_in([*cells, *(one for one in _namespaces() if holds(one, wanted))])
        self._types.spread(entries)
        # Ever more rarely, where somebody has them who cannot be found again.
        Exchanged._searches += 1
        remember(self._types, list(zip(entries, counts, strict=True)), searches=not Exchanged._searches & (Exchanged._searches - 1))

    def _exchange(self, cls: Any, name: str, method: Any) -> None:
        self._methods.append((cls, name, vars(cls).get(name, _ABSENT), method))
        setattr(cls, name, method)

    def restore(self) -> None:
        """Put everything back where it is still as it was put."""
        self._types.undo()
        for cls, name, value, method in self._methods:
            if vars(cls).get(name) is not method:
                continue
            if value is _ABSENT:
                delattr(cls, name)
            else:
                setattr(cls, name, value)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "interleave"


def _namespaces() -> Iterator[dict[str, Any]]:
    """Yield the globals of all modules but ours."""
    for name, module in list(sys.modules.items()):
        if isinstance(module, ModuleType) and not _is_ours(name):
            yield vars(module)
