"""With `task_order="fifo"`, tasks whose sleep ends at one moment went on in one order only: that in which they had gone to sleep."""

from __future__ import annotations

import asyncio
from itertools import permutations

from tests.agreement import Seen, agreed


async def sleepers(seen: Seen) -> None:
    order: list[int] = []

    async def sleep(number: int) -> None:
        await asyncio.sleep(1)
        order.append(number)

    await asyncio.gather(*map(sleep, range(3)))
    seen.add(tuple(order))


async def sleepers_of_two_moments(seen: Seen) -> None:
    order: list[int] = []

    async def sleep(number: int) -> None:
        await asyncio.sleep(1 + number // 2)
        order.append(number)

    await asyncio.gather(*map(sleep, range(4)))
    seen.add(tuple(order))


async def sleeper_and_timer(seen: Seen) -> None:
    order: list[str] = []
    asyncio.get_running_loop().call_later(1, order.append, "called")
    await asyncio.sleep(1)
    order.append("slept")
    await asyncio.sleep(1)
    seen.add(tuple(order))


def test_sleepers_of_one_moment() -> None:
    assert agreed(sleepers, task_order="fifo") == set(permutations(range(3)))


def test_sleepers_of_two_moments() -> None:
    assert agreed(sleepers_of_two_moments, task_order="fifo") == {(0, 1, 2, 3), (1, 0, 2, 3), (0, 1, 3, 2), (1, 0, 3, 2)}


def test_timers_are_called_before_the_steps_that_come_of_them() -> None:
    assert agreed(sleeper_and_timer, task_order="fifo") == {("called", "slept")}
    assert agreed(sleeper_and_timer) == {("called", "slept"), ("slept", "called")}
