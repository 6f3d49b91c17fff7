"""`asyncio.wait(..., return_when=FIRST_COMPLETED)` returns after the first: that others end is no part of what it waits for."""

from __future__ import annotations

import asyncio

from tests.agreement import Seen, agreed


async def first_of_two(seen: Seen) -> None:
    async def work() -> None:
        await asyncio.sleep(0)

    tasks = [asyncio.create_task(work()) for _ in range(2)]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    seen.add(tuple(task in done for task in tasks))
    await asyncio.gather(*tasks)


def test_either_or_both_are_done() -> None:
    assert agreed(first_of_two) == {(True, True), (True, False), (False, True)}
