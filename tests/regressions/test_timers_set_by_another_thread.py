"""A timer or a task that another thread gives to a loop does not wake it: that nobody did a `set()` was all that was said of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from interleave import explore


async def a_timer() -> None:
    event, loop = asyncio.Event(), asyncio.get_running_loop()
    threading.Thread(target=loop.call_later, args=(1, event.set)).start()
    await event.wait()


async def a_task() -> None:
    event, loop = asyncio.Event(), asyncio.get_running_loop()

    async def work() -> None:
        event.set()

    threading.Thread(target=lambda: loop.create_task(work())).start()
    await event.wait()


@pytest.mark.parametrize("scenario", [a_timer, a_task])
def test_it_is_said_what_to_call(scenario: Callable[[], Awaitable[None]]) -> None:
    failure = explore(scenario).failure
    assert failure is not None
    assert failure.kind == "stuck"
    assert [one.needs.partition(":")[0] for one in failure.outcome.blocked if one.resource == "Event"] == ["a call_soon_threadsafe()"]
