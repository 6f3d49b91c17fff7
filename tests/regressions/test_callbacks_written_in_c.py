"""`task.add_done_callback(tasks.discard)`: what an event loop calls and is written in C was not seen to touch anything."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from tests.agreement import Seen, agreed


async def tasks_in_the_background(seen: Seen) -> None:
    tasks: set[Any] = set()
    sizes: list[int] = []

    async def look() -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        sizes.append(len(tasks))

    task = asyncio.create_task(asyncio.sleep(0))
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    await asyncio.gather(task, asyncio.create_task(look()))
    seen.add(tuple(sizes))


@pytest.mark.parametrize("is_partial", [False, True])
def test_order_of_a_callback_and_a_task(is_partial: bool) -> None:
    async def program(seen: Seen) -> None:
        order: list[int] = []

        async def register() -> None:
            note: Any = partial(order.append, 1) if is_partial else order.append
            asyncio.get_running_loop().call_soon(note, *([] if is_partial else [1]))

        async def append() -> None:
            await asyncio.sleep(0)
            order.append(2)

        await asyncio.gather(register(), append())
        await asyncio.sleep(0)
        seen.add(tuple(order))

    assert agreed(program) == {(1, 2), (2, 1)}


def test_set_of_tasks() -> None:
    assert agreed(tasks_in_the_background) == {(0,), (1,)}
