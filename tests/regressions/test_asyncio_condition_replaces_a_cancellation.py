"""CPython gh-111693: a task cancelled while it takes the lock of an `asyncio.Condition` again gets a CancelledError without the message.

Repaired in 3.13.0.
"""

from __future__ import annotations

import asyncio
import inspect

import pytest

import interleave

IS_REPAIRED = "raise exceptions.CancelledError" not in inspect.getsource(asyncio.Condition.wait)


async def cancellation_keeps_its_message() -> None:
    condition = asyncio.Condition()

    async def wait() -> None:
        async with condition:
            await condition.wait()

    waiter = asyncio.create_task(wait())
    await asyncio.sleep(1)

    async def notify() -> None:
        async with condition:
            condition.notify()
            await asyncio.sleep(1)

    async def cancel() -> bool:
        await asyncio.sleep(0.5)
        return waiter.cancel("shutting down")

    await asyncio.gather(notify(), cancel())
    with pytest.raises(asyncio.CancelledError) as caught:
        await waiter
    assert caught.value.args == ("shutting down",)


def test_cancellation_keeps_its_message() -> None:
    result = interleave.explore(cancellation_keeps_its_message, strategy="dpor")
    if IS_REPAIRED:
        assert result.verdict == "proven"
    else:
        assert result.failure is not None
        assert result.failure.kind == "assertion"
