"""The livelock of a task that only yields was said to be one of the thread `main`: at the bound the task let all others go first."""

from __future__ import annotations

import asyncio

import pytest

from interleave import Budget, explore


@pytest.mark.parametrize("strategy", ["dpor", "random"])
def test_it_is_named(strategy: str) -> None:
    async def scenario() -> None:
        async def poll() -> None:
            while True:
                await asyncio.sleep(0)

        await asyncio.create_task(poll(), name="poller")

    failure = explore(scenario, strategy=strategy, budget=Budget(steps=200)).failure
    assert failure is not None
    assert "thread 'poller' repeats" in failure.message
