"""CPython gh-115957: a coroutine given to an `asyncio.TaskGroup` that is about to end is refused, and neither run nor closed.

Repaired in 3.13.0.
"""

from __future__ import annotations

import asyncio
import inspect

import interleave

IS_REPAIRED = "coro.close()" in inspect.getsource(asyncio.TaskGroup.create_task)


async def refused_coroutine_is_closed() -> None:
    refused = []

    async def nothing() -> None:
        pass

    async def fail() -> None:
        await asyncio.sleep(1)
        raise ValueError("failed")

    async def hand_over(group: asyncio.TaskGroup) -> None:
        coroutine = nothing()
        try:
            await asyncio.sleep(1)
        finally:
            try:
                group.create_task(coroutine)
            except RuntimeError:
                refused.append(inspect.getcoroutinestate(coroutine))
                coroutine.close()

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(hand_over(group))
            group.create_task(fail())
    except* ValueError:
        pass
    assert set(refused) <= {inspect.CORO_CLOSED}


def test_refused_coroutine_is_closed() -> None:
    result = interleave.explore(refused_coroutine_is_closed, strategy="dpor")
    if IS_REPAIRED:
        assert result.verdict == "proven"
    else:
        assert result.failure is not None
        assert result.failure.kind == "assertion"
