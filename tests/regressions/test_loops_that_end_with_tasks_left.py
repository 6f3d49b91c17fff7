"""A loop ends while a task yields again and again, and one is run while an execution is being broken off."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from interleave.explore import explore
from interleave.result import Budget


async def forever() -> None:
    while True:
        await asyncio.sleep(0)


async def again() -> None:
    while True:
        try:
            raise BlockingIOError
        except BlockingIOError:
            await asyncio.sleep(0)


@pytest.mark.parametrize("strategy", ["auto", "dpor", "random"])
@pytest.mark.parametrize("poll", [forever, again])
def test_task_that_polls_is_cancelled_at_the_end(poll: Callable[[], Coroutine[Any, Any, None]], strategy: str) -> None:
    """It lets others go first, and has to be let go itself for the loop to end: nobody is stuck."""

    async def scenario() -> None:
        poller = asyncio.create_task(poll())
        for _ in range(30):
            await asyncio.sleep(0)
        assert not poller.done()

    result = explore(scenario, strategy=strategy, budget=Budget(executions=10))
    assert not result.failures, result.failures[0].report()
    assert not result.uncontrolled


@pytest.mark.parametrize("strategy", ["dpor", "random"])
def test_loop_that_cleans_up_when_an_execution_hangs(strategy: str) -> None:
    """The step that hangs is broken off where it stands; what then runs a loop is not a thread of its own."""

    async def hang() -> None:
        await asyncio.sleep(0)
        for _ in itertools.repeat(None):
            pass

    def scenario() -> None:
        runner = asyncio.Runner()
        try:
            runner.run(hang())
        finally:
            with asyncio.Runner() as other:
                other.get_loop().call_soon(other.get_loop().stop)
                other.get_loop().run_forever()

    result = explore(scenario, strategy=strategy, budget=Budget(executions=5, hang=0.2))
    assert (result.verdict, result.stopped_by) == ("inconclusive", "hang")
