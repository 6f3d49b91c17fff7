"""`dpor` proved what fails where a timer fires early, before a plain callback: to the search both are steps of one thread, the loop's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from interleave import explore


async def fails_and_calls_back() -> None:
    box, seen = [0], []

    async def fail() -> None:
        box[0] = 1
        raise ValueError

    async def sleep() -> None:
        await asyncio.sleep(1)
        seen.append(box[0])

    await asyncio.gather(fail(), sleep(), return_exceptions=True)
    assert seen == [1]


async def calls_back() -> None:
    box, seen = [0], []

    async def register() -> None:
        box[0] = 1
        asyncio.get_running_loop().call_soon(len, box)

    async def sleep() -> None:
        await asyncio.sleep(1)
        seen.append(box[0])

    await asyncio.gather(register(), sleep())
    assert seen == [1]


async def only_sleeps() -> None:
    box, seen = [0], []

    async def write() -> None:
        box[0] = 1

    async def sleep() -> None:
        await asyncio.sleep(1)
        seen.append(box[0])

    await asyncio.gather(write(), sleep())
    assert seen in ([0], [1])


@pytest.mark.parametrize("program", [fails_and_calls_back, calls_back])
def test_nothing_is_proven(program: Callable[[], Coroutine[Any, Any, None]]) -> None:
    assert explore(program, strategy="dpor", timeouts="any").verdict != "proven"
    assert explore(program, strategy="dfs", timeouts="any").verdict == "failed"
    assert explore(program, timeouts="any").verdict == "failed"


def test_timers_alone_are_proven() -> None:
    assert explore(only_sleeps, strategy="dpor", timeouts="any").verdict == "proven"
