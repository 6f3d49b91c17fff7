"""What code of an installed package did in the steps of tasks was not seen where nobody in scope called it: proofs missed orders.

That is what `await`, `async for` and `with` call of its classes, its generator functions that `contextlib` makes managers of, what a task
does inside a coroutine that an object's `__await__` has made, its descriptors, and its callbacks.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from interleave import Result, explore
from tests.agreement import Seen, agreed
from tests.installed import installed
from tests.threads import together

_PACKAGE = """
import asyncio
import contextlib


class Counting:
    def __init__(self):
        self.n = 0

    def _next(self):
        self.n += 1
        return self.n

    def __await__(self):
        return self._next()
        yield

    def __aiter__(self):
        return self

    async def __anext__(self):
        return self._next()

    @contextlib.contextmanager
    def entered(self):
        yield self._next()

    @contextlib.asynccontextmanager
    async def slot(self):
        yield self._next()

    def done(self, _):
        self.n = 10


class Late(Counting):
    def __await__(self):
        return self._later().__await__()

    async def _later(self):
        await asyncio.sleep(0)
        return self._next()


class Stepping(Counting):
    def __await__(self):
        return Steps(self)


class Steps:
    def __init__(self, owner):
        self._owner, self._is_waiting = owner, True

    def __next__(self):
        if not self._is_waiting:
            raise StopIteration(self._owner._next())
        self._is_waiting = False


class Number:
    def __get__(self, instance, owner):
        number = vars(instance)["last"] = vars(instance).get("last", 0) + 1
        return number
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    with installed(tmp_path_factory.mktemp("counting"), "some_counting", _PACKAGE) as module:
        yield module


async def wait(counting: Any) -> Any:
    return await counting


async def loop(counting: Any) -> Any:
    async for number in counting:
        return number
    return None


async def step(counting: Any) -> Any:
    return await anext(counting)


async def time_limited(counting: Any) -> Any:
    return await asyncio.wait_for(counting, 5)


async def gathered(counting: Any) -> Any:
    return (await asyncio.gather(counting))[0]


async def enter(counting: Any) -> Any:
    with counting.entered() as number:
        return number


async def enter_slot(counting: Any) -> Any:
    async with counting.slot() as number:
        return number


async def enter_by_stack(counting: Any) -> Any:
    async with contextlib.AsyncExitStack() as stack:
        return stack.enter_context(counting.entered()) + await stack.enter_async_context(counting.slot())


async def numbers_of(make: Callable[[], Any], use: Callable[[Any], Any], seen: Seen) -> None:
    """Have two tasks use an object, and note what each of them gets."""
    shared = make()
    got: tuple[list[Any], list[Any]] = [], []

    async def work(own: list[Any]) -> None:
        await asyncio.sleep(0)
        own.append(await use(shared))

    await asyncio.gather(*map(work, got))
    seen.add((*got[0], *got[1]))


@pytest.mark.parametrize("use", [wait, loop, step, time_limited, gathered, enter, enter_slot])
def test_both_orders(package: ModuleType, use: Callable[[Any], Any]) -> None:
    assert agreed(lambda seen: numbers_of(package.Counting, use, seen)) == {(1, 2), (2, 1)}


@pytest.mark.parametrize("kind", ["Late", "Stepping"])
def test_awaitable_that_is_suspended(package: ModuleType, kind: str) -> None:
    assert agreed(lambda seen: numbers_of(getattr(package, kind), wait, seen)) == {(1, 2), (2, 1)}


def test_managers_on_a_stack(package: ModuleType) -> None:
    assert agreed(lambda seen: numbers_of(package.Counting, enter_by_stack, seen)) == {(3, 7), (7, 3)}


def test_descriptor(package: ModuleType) -> None:
    class Owner:
        number = package.Number()

    async def look(owner: Owner) -> Any:
        return owner.number

    assert agreed(lambda seen: numbers_of(Owner, look, seen)) == {(1, 2), (2, 1)}


def test_descriptor_in_threads(package: ModuleType) -> None:
    class Owner:
        number = package.Number()

    def scenario() -> None:
        owner = Owner()
        together(lambda: owner.number, lambda: owner.number)

    assert _verdict(explore(scenario)) == "inconclusive"


def test_managers_in_threads(package: ModuleType) -> None:
    def scenario() -> None:
        counting = package.Counting()

        def use() -> None:
            with counting.entered():
                pass

        together(use, use)

    assert _verdict(explore(scenario)) == "inconclusive"


def _verdict(result: Result) -> str:
    assert any("some_counting" in sentence for sentence in result.uncontrolled)
    return result.verdict


def test_callback(package: ModuleType) -> None:
    async def program(seen: Seen) -> None:
        counting = package.Counting()

        async def look() -> None:
            await asyncio.sleep(0)
            seen.add(counting.n)

        task = asyncio.create_task(asyncio.sleep(0))
        task.add_done_callback(counting.done)
        await asyncio.gather(task, look())

    assert agreed(program) == {0, 10}
