"""CPython, with gh-111693: a task that takes an `asyncio.Semaphore` with more permits left wakes only the first of those in its queue.

So a task that is made later overtakes the others. Repaired in 3.13.0.
"""

from __future__ import annotations

import asyncio
import inspect

import interleave

IS_REPAIRED = "while self._value > 0" in inspect.getsource(asyncio.Semaphore.acquire)


async def permits_wake_as_many() -> None:
    semaphore = asyncio.Semaphore(0)
    order: list[str] = []
    late: list[asyncio.Task[None]] = []

    async def last() -> None:
        order.append("late")

    async def first() -> None:
        await semaphore.acquire()
        late.append(asyncio.create_task(last()))
        order.append("first")

    async def releasing() -> None:
        for _ in range(3):
            semaphore.release()
        await semaphore.acquire()
        order.append("second")

    async def third() -> None:
        await semaphore.acquire()
        order.append("third")

    await asyncio.gather(first(), releasing(), third())
    await asyncio.gather(*late)
    assert order.index("third") < order.index("late"), order


def test_permits_wake_as_many() -> None:
    # In the order in which tasks become ready: in any order nothing is promised of them.
    result = interleave.explore(permits_wake_as_many, strategy="dpor", task_order="fifo")
    if IS_REPAIRED:
        assert result.verdict == "proven"
    else:
        assert result.failure is not None
        assert result.failure.kind == "assertion"
