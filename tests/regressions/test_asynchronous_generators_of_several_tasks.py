"""An asynchronous generator that tasks share was nobody's object: who got which value, and who found it running, was not explored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tests.agreement import Seen, agreed


@pytest.mark.parametrize("waits", [False, True])
def test_who_gets_what(waits: bool) -> None:
    async def program(seen: Seen) -> None:
        async def numbers() -> AsyncGenerator[int, None]:
            for number in range(2):
                if waits:
                    await asyncio.sleep(0)
                yield number

        source, got = numbers(), [None, None]

        async def take(index: int) -> None:
            await asyncio.sleep(0)
            try:
                got[index] = await anext(source)  # type: ignore[call-overload]
            except RuntimeError:
                got[index] = "busy"  # type: ignore[call-overload]

        await asyncio.gather(take(0), take(1))
        seen.add(tuple(got))

    assert agreed(program) == {(0, 1), (1, 0)} | ({(0, "busy"), ("busy", 0)} if waits else set())


async def two_loops(seen: Seen) -> None:
    async def numbers() -> AsyncGenerator[int, None]:
        yield 0
        yield 1

    source, got = numbers(), []

    async def take(name: str) -> None:
        async for number in source:
            got.append((name, number))
            await asyncio.sleep(0)

    await asyncio.gather(take("a"), take("b"))
    seen.add(tuple(got))


async def cancelled_inside(seen: Seen) -> None:
    async def numbers() -> AsyncGenerator[int, None]:
        await asyncio.sleep(0)
        yield 0

    source, got = numbers(), []

    async def take() -> None:
        try:
            got.append(str(await anext(source)))
        except (RuntimeError, StopAsyncIteration) as error:
            got.append(type(error).__name__)

    first, second = asyncio.create_task(take()), asyncio.create_task(take())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    seen.add(tuple(got))


def test_loops_over_one_generator() -> None:
    assert len(agreed(two_loops)) == 4


def test_generator_that_ends_with_its_task() -> None:
    assert {("RuntimeError",), ("StopAsyncIteration",)} <= agreed(cancelled_inside)
