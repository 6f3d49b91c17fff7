"""CPython gh-86296: a task that is cancelled in `asyncio.wait_for` when that has just got its result goes on.

`cancel` has said that it would not. Repaired in 3.12.0.
"""

from __future__ import annotations

import asyncio
import inspect

import interleave

IS_REPAIRED = "timeouts.timeout" in inspect.getsource(asyncio.wait_for)


async def who_is_cancelled_ends() -> None:
    future = asyncio.get_running_loop().create_future()

    async def work() -> None:
        await asyncio.wait_for(future, 10)

    task = asyncio.create_task(work())

    async def answer() -> None:
        await asyncio.sleep(1)
        if not future.done():
            future.set_result("answer")

    async def cancel() -> bool:
        await asyncio.sleep(1)
        return task.cancel()

    _, is_cancelled = await asyncio.gather(answer(), cancel())
    await asyncio.wait([task])
    assert task.cancelled() or not is_cancelled, "the cancellation is lost"


def test_who_is_cancelled_ends() -> None:
    result = interleave.explore(who_is_cancelled_ends, strategy="dpor")
    if IS_REPAIRED:
        assert result.verdict == "proven"
    else:
        assert result.failure is not None
        assert "the cancellation is lost" in result.failure.message
