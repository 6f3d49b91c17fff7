"""A task that slept and looked, again and again, at what nobody would change was run for a hundred thousand steps before it was reported.

`Budget(seconds=...)` did not end that. What may change after all, by a timer, a thread or the time itself, is no livelock.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable

import pytest

import interleave.runner
from interleave import Budget, explore, replay


class Flag:
    def __init__(self) -> None:
        self.is_up = False
        self.end = time.monotonic() + 100

    @property
    def is_late(self) -> bool:
        return time.monotonic() > self.end

    def done(self) -> bool:
        return time.monotonic() > self.end


async def one_sleeps() -> None:
    while True:
        await asyncio.sleep(1)


async def two_look() -> None:
    flag, event = Flag(), asyncio.Event()

    async def look_at_the_flag() -> None:
        while not flag.is_up:
            await asyncio.sleep(0.5)

    async def look_at_the_event() -> None:
        while True:
            if event.is_set():
                break
            await asyncio.sleep(3)

    await asyncio.gather(look_at_the_flag(), look_at_the_event())


@pytest.mark.parametrize("strategy", ["auto", "dfs", "random"])
@pytest.mark.parametrize("scenario", [one_sleeps, two_look])
def test_it_is_known_after_a_few_rounds(scenario: Callable[[], Awaitable[None]], strategy: str) -> None:
    result = explore(scenario, strategy=strategy)
    assert result.failure is not None
    assert result.failure.kind == "livelock"
    assert "nobody is left to change what it reads" in result.failure.message
    assert len(result.failure.trace.events) < 500
    again = replay(scenario, result.failure.seed).failure
    assert again is not None
    assert again.kind == "livelock"


async def another_task_ends_it() -> None:
    flag = Flag()

    async def wait() -> None:
        while not flag.is_up:
            await asyncio.sleep(0.5)

    task = asyncio.create_task(wait())
    await asyncio.sleep(100)
    flag.is_up = True
    await task


async def a_timer_ends_it() -> None:
    flag = Flag()
    asyncio.get_running_loop().call_later(100, setattr, flag, "is_up", True)
    while not flag.is_up:
        await asyncio.sleep(0.5)


async def a_thread_ends_it() -> None:
    flag = Flag()

    def work() -> None:
        time.sleep(100)
        flag.is_up = True

    threading.Thread(target=work).start()
    while not flag.is_up:
        await asyncio.sleep(1)


async def the_time_ends_it() -> None:
    flag = Flag()
    while not flag.is_late:
        await asyncio.sleep(1)
    flag = Flag()
    while not flag.done():
        await asyncio.sleep(1)


async def it_counts() -> None:
    rounds = 0
    while rounds < 100:
        await asyncio.sleep(1)
        rounds += 1
    for _ in range(100):
        await asyncio.sleep(1)


@pytest.mark.parametrize("scenario", [another_task_ends_it, a_timer_ends_it, a_thread_ends_it, the_time_ends_it, it_counts])
def test_what_ends_is_none(scenario: Callable[[], Awaitable[None]]) -> None:
    assert explore(scenario, budget=Budget(executions=50)).verdict == "proven"


def test_seconds_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def counts() -> None:
        rounds = 0
        while True:
            await asyncio.sleep(1)
            rounds += 1

    monkeypatch.setattr(interleave.runner, "_now", lambda: float("inf"))
    result = explore(counts, budget=Budget(seconds=60, executions=1, steps=200))
    assert result.verdict == "inconclusive"
    assert not result.failures
    assert "time was up" in result.uncontrolled[0]
