"""CPython gh-112202: a task that is cancelled when it has just been notified by an `asyncio.Condition` takes the notification with it.

Repaired in 3.13.0. On an interpreter with the fault it is found; where it is repaired, every order passes.
"""

from __future__ import annotations

import asyncio
import inspect

import interleave

IS_REPAIRED = "self._notify(1)" in inspect.getsource(asyncio.Condition.wait)


async def one_notification_wakes_somebody() -> None:
    condition = asyncio.Condition()
    woken: list[str] = []

    async def wait(name: str) -> None:
        async with condition:
            await condition.wait()
            woken.append(name)

    waiters = [asyncio.create_task(wait(name)) for name in ("first", "second")]
    await asyncio.sleep(1)

    async def notify() -> None:
        async with condition:
            condition.notify()

    async def cancel() -> None:
        waiters[0].cancel()

    await asyncio.gather(notify(), cancel())
    await asyncio.sleep(1)
    assert woken, "the notification is lost"
    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)


def test_one_notification_wakes_somebody() -> None:
    result = interleave.explore(one_notification_wakes_somebody, strategy="dpor")
    if IS_REPAIRED:
        assert result.verdict == "proven"
    else:
        assert result.failure is not None
        assert "the notification is lost" in result.failure.message
