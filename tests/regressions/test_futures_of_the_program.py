"""Futures and tasks that the program makes itself, not by `loop.create_future` and `loop.create_task`: who looks at them conflicts with who
changes them.

To those written in C a reduction was blind, and so it was to classes derived from them and to eager tasks: it called proven what had an
outcome that it had not seen.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import sys
from asyncio import Future as ImportedFuture
from collections.abc import Callable
from typing import Any

import pytest

import interleave


class Derived(asyncio.Future):  # type: ignore[type-arg]
    """A class that is there before the exploration."""


class Overriding(asyncio.Future):  # type: ignore[type-arg]
    """One with a method of its own."""

    def set_result(self, value: Any) -> None:
        super().set_result(value)


class DerivedTask(asyncio.Task):  # type: ignore[type-arg]
    """A task that is there before the exploration."""


def outcomes(scenario: Callable[[set[Any]], Any]) -> tuple[Any, ...]:
    """Return verdict and outcomes of full search and of reduction."""
    found = []
    for strategy in ("dfs", "dpor"):
        seen: set[Any] = set()

        async def run(seen: set[Any] = seen) -> None:
            await scenario(seen)

        result = interleave.explore(run, strategy=strategy, budget=interleave.Budget(executions=2_000))
        found += [result.verdict, seen]
    return tuple(found)


PythonFuture = vars(asyncio.futures)["_PyFuture"]
MAKERS: list[Callable[[], Any]] = [
    lambda: asyncio.Future(),
    lambda: ImportedFuture(),
    lambda: asyncio.futures.Future(loop=asyncio.get_running_loop()),
    Derived,
    Overriding,
    PythonFuture,
]


@pytest.mark.parametrize("make", MAKERS)
def test_future(make: Callable[[], Any]) -> None:
    async def scenario(seen: set[Any]) -> None:
        log: list[str] = []
        future = make()

        async def give() -> None:
            await asyncio.sleep(0)
            future.set_result(None)

        async def wait() -> None:
            await future
            log.append("waited")

        async def look() -> None:
            log.append(f"done: {future.done()}")

        await asyncio.gather(give(), wait(), look())
        seen.add(tuple(log))

    expected = {("waited", "done: True"), ("done: True", "waited"), ("done: False", "waited")}
    assert outcomes(scenario) == ("proven", expected, "proven", expected)


def task_factories() -> list[Any]:
    factories: list[Any] = [
        lambda loop, coro, **options: asyncio.Task(coro, loop=loop, **options),
        lambda loop, coro, **options: DerivedTask(coro, loop=loop, **options),
        lambda loop, coro, **options: vars(asyncio.tasks)["_PyTask"](coro, loop=loop, **options),
    ]
    return [*factories, asyncio.eager_task_factory] if sys.version_info >= (3, 12) else factories  # type: ignore[attr-defined]


@pytest.mark.parametrize("factory", task_factories())
def test_task(factory: Any) -> None:
    async def scenario(seen: set[Any]) -> None:
        log: list[str] = []
        asyncio.get_running_loop().set_task_factory(factory)
        task = asyncio.create_task(asyncio.sleep(0))

        async def look() -> None:
            await asyncio.sleep(0)
            log.append(f"done: {task.done()}")

        await asyncio.gather(look(), task)
        seen.add(tuple(log))

    expected = {("done: True",), ("done: False",)}
    assert outcomes(scenario) == ("proven", expected, "proven", expected)


def test_names_are_told_apart_from_nothing() -> None:
    real = asyncio.Future

    async def scenario() -> None:
        future, made = asyncio.Future(), asyncio.get_running_loop().create_future()
        task = asyncio.current_task()
        assert isinstance(future, asyncio.Future)
        assert isinstance(made, asyncio.Future)
        assert isinstance(task, asyncio.Future)
        assert isinstance(task, asyncio.Task)
        assert not isinstance(future, asyncio.Task)
        assert not isinstance(future, Derived)
        assert issubclass(Derived, asyncio.Future)
        assert not issubclass(int, asyncio.Future)
        assert repr(future) == "<Future pending>"
        future.cancel()

        class Late(asyncio.Future):  # type: ignore[type-arg]
            pass

        assert isinstance(Late(), Late)
        assert not isinstance(future, Late)

    result = interleave.explore(scenario, strategy="random", budget=interleave.Budget(executions=3))
    assert result.failure is None, result.failure.report()
    assert asyncio.Future is real
    assert ImportedFuture is real
    assert set(vars(Derived)) & {"result", "set_result", "__await__"} == set()
    assert "result" not in vars(Overriding)
    assert vars(Overriding)["set_result"].__qualname__ == "Overriding.set_result"


class _Holder:
    """Holds the type that is exchanged, as a class."""

    kind: Any = asyncio.Future


def _default(kind: Any = asyncio.Future) -> Any:
    return kind()


def _keyword(*, kind: Any = asyncio.Future) -> Any:
    return kind()


def _closure() -> Callable[[], Any]:
    kind: Any = asyncio.Future
    return lambda: kind()


_part: Any = functools.partial(asyncio.Future)
_listed: Any = [asyncio.Future]
_hidden: Any = frozenset(_listed)
HOLDERS: list[Callable[[], Any]] = [_default, _keyword, _closure(), _part, lambda: _listed[0](), lambda: _Holder.kind()]


def _looked_at(make: Callable[[], Any]) -> Any:
    """Return a program in which a future is set and looked at, and nobody waits for it."""

    async def scenario() -> None:
        future, seen = make(), []

        async def give() -> None:
            await asyncio.sleep(0)
            future.set_result(None)

        async def look() -> None:
            await asyncio.sleep(0)
            seen.append(future.done())

        await asyncio.gather(give(), look())
        assert seen == [True]

    return scenario


@pytest.mark.parametrize("make", HOLDERS)
def test_types_are_found_wherever_they_are_held(make: Callable[[], Any]) -> None:
    # Tuples of types that are no objects of the garbage collector's are not found by it: the ledger says so.
    is_hidden = make in HOLDERS[:2] and not gc.is_tracked(asyncio.Future)
    assert interleave.explore(_looked_at(make), strategy="dpor").verdict == ("inconclusive" if is_hidden else "failed")
    assert type(make).__name__ != "function" or make.__defaults__ in (None, (asyncio.Future,))


def test_nothing_is_proven_of_what_is_not_found() -> None:
    result = interleave.explore(_looked_at(lambda: next(iter(_hidden))()), strategy="dpor")
    assert result.verdict == "inconclusive"
    assert "asyncio.Future was made at" in result.uncontrolled[0]


def test_nothing_is_proven_of_what_is_waited_for_and_not_found() -> None:
    async def scenario() -> None:
        future = next(map(_make, _hidden))
        asyncio.get_running_loop().call_later(1, future.set_result, None)
        await future

    assert interleave.explore(scenario, strategy="dpor").verdict != "proven"


def _make(kind: Any) -> Any:
    return kind(loop=asyncio.get_running_loop())


class _Counting:
    """Counts callbacks, as a class beside `asyncio.Future`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.callbacks = 0
        super().__init__(*arguments, **options)

    def add_done_callback(self, *arguments: Any, **options: Any) -> None:
        self.callbacks += 1
        super().add_done_callback(*arguments, **options)  # type: ignore[misc]


class _CountingFuture(_Counting, asyncio.Future):  # type: ignore[type-arg]
    pass


def test_methods_of_a_class_beside_it_are_called() -> None:
    async def scenario() -> None:
        future = _CountingFuture()
        asyncio.get_running_loop().call_soon(future.set_result, 1)
        assert await future == 1
        assert future.callbacks == 1

    assert interleave.explore(scenario).verdict == "proven"
