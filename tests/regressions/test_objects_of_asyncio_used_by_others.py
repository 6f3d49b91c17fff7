"""Handles, timeouts, names and groups of one task that another one looks at or changes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import interleave
from tests.agreement import Seen, agreed


async def cancelled_handle(seen: Seen) -> None:
    called, handles, loop = [], [], asyncio.get_running_loop()

    async def register() -> None:
        handles.append(loop.call_soon(lambda: called.append(1)))

    async def cancel() -> None:
        await asyncio.sleep(0)
        for handle in handles:
            handle.cancel()

    await asyncio.gather(register(), cancel())
    await asyncio.sleep(0)
    seen.add(tuple(called))


async def renamed_task(seen: Seen) -> None:
    async def look() -> None:
        await asyncio.sleep(0)
        seen.add(task.get_name())

    async def rename() -> None:
        await asyncio.sleep(0)
        task.set_name("renamed")

    task = asyncio.create_task(look(), name="named")
    await asyncio.gather(task, rename())


async def group_that_may_be_over(seen: Seen) -> None:
    async def join() -> None:
        await asyncio.sleep(0)
        work = asyncio.sleep(0)
        try:
            inner.create_task(work)
            seen.add("in time")
        except RuntimeError:
            work.close()
            seen.add("late")

    async with asyncio.TaskGroup() as outer:
        async with asyncio.TaskGroup() as inner:
            outer.create_task(join())
            inner.create_task(asyncio.sleep(0))


async def expired_timeout(seen: Seen) -> None:
    timeouts: list[Any] = []
    order: list[object] = []

    async def wait() -> None:
        try:
            async with asyncio.timeout(1) as timeout:
                timeouts.append(timeout)
                await asyncio.sleep(5)
        except TimeoutError:
            order.append("late")

    async def look() -> None:
        await asyncio.sleep(1)
        order.append(timeouts[0].expired())

    await asyncio.gather(wait(), look())
    seen.add(tuple(order))


async def early_look(seen: Seen) -> None:
    """Look at a timeout that may not have begun when a timer fires."""
    timeouts: list[Any] = []

    async def wait() -> None:
        async with asyncio.timeout(2) as timeout:
            timeouts.append(timeout)
            await asyncio.sleep(1)

    async def look() -> None:
        await asyncio.sleep(1)
        seen.add(len(timeouts))

    await asyncio.gather(wait(), look(), return_exceptions=True)


def test_handle() -> None:
    assert agreed(cancelled_handle) == {(1,), ()}


def test_name() -> None:
    assert agreed(renamed_task) == {"named", "renamed"}


def test_group() -> None:
    assert agreed(group_that_may_be_over) == {"in time", "late"}


def test_timeout() -> None:
    assert agreed(expired_timeout) == {("late", True), (True, "late"), (False, "late")}


def test_timer_that_needs_no_other_task() -> None:
    assert agreed(early_look, timeouts="any") == {0, 1}


@pytest.mark.parametrize("strategy", ["dfs", "dpor"])
def test_loop_that_ends_while_a_timer_is_set(strategy: str) -> None:
    """Its thread was chosen again and again for the timer, which does not fire any more: a livelock."""

    async def scenario() -> None:
        async def wait() -> None:
            async with asyncio.timeout(1):
                await asyncio.sleep(2)

        task = asyncio.create_task(wait())
        await asyncio.sleep(1)
        task.remove_done_callback(print)
        raise ValueError

    budget = interleave.Budget(executions=500, steps=300)
    result = interleave.explore(scenario, strategy=strategy, budget=budget, timeouts="any", stop_on_failure=False)
    assert {failure.kind for failure in result.failures} == {"exception"}
