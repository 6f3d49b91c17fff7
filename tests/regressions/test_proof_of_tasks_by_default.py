"""The default strategy gave up proofs of a few dozen executions, taking the steps of tasks for hopelessly many orders."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from interleave import explore


async def exclusion() -> None:
    semaphore, inside = asyncio.Semaphore(1), [0]

    async def work() -> None:
        async with semaphore:
            inside[0] += 1
            assert inside == [1]
            await asyncio.sleep(0)
            inside[0] -= 1

    await asyncio.gather(work(), work(), work())


async def computed_once() -> None:
    cache: dict[int, asyncio.Task[int]] = {}

    async def load(key: int) -> int:
        await asyncio.sleep(0.1)
        return key * 2

    async def get(key: int) -> int:
        if key not in cache:
            cache[key] = asyncio.ensure_future(load(key))
        return await cache[key]

    assert await asyncio.gather(get(1), get(1)) == [2, 2]


def loop_in_a_thread() -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def work() -> int:
        await asyncio.sleep(0.1)
        return 5

    assert asyncio.run_coroutine_threadsafe(work(), loop).result() == 5
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.mark.parametrize("scenario", [exclusion, computed_once, loop_in_a_thread])
def test_small_programs_are_proven(scenario: Callable[[], Awaitable[None] | None]) -> None:
    result = explore(scenario)
    assert (result.verdict, result.uncontrolled) == ("proven", ())
    assert result.executions < 500
