"""`dfs` took two points for the same where another task was to go on by default: it ran schedules twice, and others never.

Among tasks that is the one that was ready first, which the other things that describe a point do not tell.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.agreement import Seen, agreed


async def debounced(seen: Seen) -> None:
    calls: list[int] = []
    loop, timer = asyncio.get_running_loop(), None

    def call(number: int) -> None:
        nonlocal timer
        if timer is not None:
            timer.cancel()
        timer = loop.call_later(1, calls.append, number)

    async def use(number: int) -> None:
        call(number)
        await asyncio.sleep(1)
        call(number + 10)

    await asyncio.gather(use(1), use(2))
    await asyncio.sleep(3)
    seen.add(tuple(calls))


def test_all_outcomes() -> None:
    assert agreed(debounced) == {(1, 11), (1, 12), (2, 11), (2, 12), (11,), (12,)}


@pytest.mark.slow
def test_all_outcomes_where_timers_fire_at_any_time() -> None:
    """What a step of unknown footprint depends on was taken for settled by the event just before it."""
    assert len(agreed(debounced, timeouts="any")) == 24
