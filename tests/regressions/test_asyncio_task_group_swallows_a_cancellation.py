"""CPython gh-116720: a task that is cancelled while its `asyncio.TaskGroup` fails goes on as if nobody had cancelled it.

So does the body of a group that fails together with one inside it. Repaired in 3.13.0.
"""

from __future__ import annotations

import asyncio
import inspect

import pytest

import interleave

IS_REPAIRED = "self._parent_task.cancelling()" in inspect.getsource(asyncio.TaskGroup)


async def fail() -> None:
    await asyncio.sleep(0)
    raise ValueError("failed")


async def cancelled_while_it_fails() -> None:
    async def work() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                await asyncio.sleep(10)
        except* ValueError:
            pass
        await asyncio.sleep(10)

    task = asyncio.create_task(work())

    async def cancel() -> None:
        await asyncio.sleep(0)
        task.cancel()

    await cancel()
    await asyncio.wait([task])
    assert task.cancelled(), "the cancellation is lost"


async def nested_groups_fail() -> None:
    async def work() -> None:
        try:
            async with asyncio.TaskGroup() as outer:
                outer.create_task(fail())
                try:
                    async with asyncio.TaskGroup() as inner:
                        inner.create_task(fail())
                        await asyncio.sleep(10)
                except* ValueError:
                    pass
                await asyncio.sleep(10)
                raise AssertionError("the outer group has failed, and its body goes on")
        except* ValueError:
            pass

    await asyncio.create_task(work())


@pytest.mark.parametrize("scenario", [cancelled_while_it_fails, nested_groups_fail])
def test_cancellation_arrives(scenario: object) -> None:
    result = interleave.explore(scenario, strategy="dpor")  # type: ignore[arg-type]
    if IS_REPAIRED:
        assert result.verdict == "proven"
    else:
        assert result.failure is not None
