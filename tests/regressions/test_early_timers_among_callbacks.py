"""`dpor` proved what fails where a timer fires early, before a plain callback: to the search both were steps of one thread, the loop's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from interleave import explore
from tests.agreement import Seen, agreed
from tests.generated_tasks import generate, scenario_of


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


async def cancels(seen: Seen) -> None:
    log: list[str] = []
    loop = asyncio.get_running_loop()
    timer = loop.call_later(1, log.append, "timer")

    async def cancel() -> None:
        loop.call_soon(log.append, "callback")
        timer.cancel()

    await asyncio.gather(cancel(), asyncio.sleep(0))
    seen.add(tuple(log))


async def waits(seen: Seen) -> None:
    event, log = asyncio.Event(), []

    async def wait() -> None:
        try:
            await asyncio.wait_for(event.wait(), 1)
            log.append("set")
        except TimeoutError:
            log.append("late")

    async def provide() -> None:
        asyncio.get_running_loop().call_soon(event.set)

    await asyncio.gather(wait(), provide())
    seen.add(tuple(log))


@pytest.mark.parametrize("program", [fails_and_calls_back, calls_back])
@pytest.mark.parametrize("strategy", ["dpor", "dfs", "auto"])
def test_timer_before_the_callback_is_found(program: Callable[[], Coroutine[Any, Any, None]], strategy: str) -> None:
    assert explore(program, strategy=strategy, timeouts="any").verdict == "failed"


def test_timers_alone_are_proven() -> None:
    assert explore(only_sleeps, strategy="dpor", timeouts="any").verdict == "proven"


def test_timer_that_is_cancelled_beside_a_callback() -> None:
    assert agreed(cancels, timeouts="any") == {("timer", "callback"), ("callback",)}


def test_timeout_among_callbacks() -> None:
    assert agreed(waits, timeouts="any") == {("set",), ("late",)}


@pytest.mark.parametrize("seed", [*range(12), 27, 44])
def test_generated_programs(seed: int) -> None:
    reduced: set[Any] = set()
    brute: set[Any] = set()
    program = generate(seed, 2, 2)
    one = explore(scenario_of(program, reduced), strategy="dpor", timeouts="any", races="off")
    other = explore(scenario_of(program, brute), strategy="dfs", timeouts="any", races="off")
    assert reduced == brute
    assert (one.verdict, other.verdict) == ("proven", "proven")
