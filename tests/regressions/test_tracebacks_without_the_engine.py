"""The traceback of an exception that another one led to showed the frames of this package's own futures."""

from __future__ import annotations

import asyncio

from interleave import explore


async def times_out() -> None:
    async with asyncio.timeout(1):
        await asyncio.sleep(2)


async def fails_in_a_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(times_out())


def test_frames_of_ours_are_left_out() -> None:
    for scenario in (times_out, fails_in_a_group):
        failure = explore(scenario).failure
        assert failure is not None
        assert "in times_out" in failure.outcome.traceback
        assert "interleave/event_loop" not in failure.outcome.traceback.replace("\\", "/")
