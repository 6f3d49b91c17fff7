"""A timer that is due at once, and is cancelled by the next step.

The thread of the loop stayed ready for it: a step of nothing, which failed where steps are performed the short way, and hid from `dpor`
that the timer might have fired.
"""

from __future__ import annotations

import asyncio

import interleave
from tests.agreement import Seen, agreed


async def no_time_to_wait(seen: Seen) -> None:
    task = asyncio.create_task(asyncio.sleep(0))

    async def wait() -> None:
        done, _ = await asyncio.wait([task], timeout=0)
        seen.add(len(done))

    await asyncio.gather(task, wait())


def test_all_outcomes() -> None:
    assert agreed(no_time_to_wait) == {0, 1}


def test_no_step_of_nothing() -> None:
    async def scenario() -> None:
        await no_time_to_wait(set())

    result = interleave.explore(scenario, strategy="random", budget=interleave.Budget(executions=100))
    assert result.failure is None
