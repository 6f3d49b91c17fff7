"""Objects that got their name in the step of a task had another name where another task came first, and orders were left out.

With three tasks that change a list in a module, a default argument or an argument, `dpor` proved programs of which it had seen four
orders of six.
"""

from __future__ import annotations

import asyncio
from itertools import permutations
from typing import Any

import pytest

from tests.agreement import Seen, agreed

_kept: list[int] = []


async def of_a_module(seen: Seen) -> None:
    async def note(number: int) -> None:
        _kept.append(number)

    await asyncio.gather(note(1), note(2), note(3))
    seen.add(tuple(_kept))
    _kept.clear()


async def of_a_default(seen: Seen) -> None:
    async def note(number: int, order: list[int] = []) -> list[int]:  # noqa: B006
        order.append(number)
        return order

    order, _, _ = await asyncio.gather(note(1), note(2), note(3))
    seen.add(tuple(order))


async def of_an_argument(seen: Seen) -> None:
    async def note(number: int, order: list[int]) -> None:
        order.append(number)

    order = [one for one in ()]  # type: ignore[var-annotated]  # noqa: C416
    await asyncio.gather(note(1, order), note(2, order), note(3, order))
    seen.add(tuple(order))


async def of_an_object_made_meanwhile(seen: Seen) -> None:
    box: list[Any] = [None]

    async def note(number: int) -> None:
        if box[0] is None:
            box[0] = []
        await asyncio.sleep(0)
        box[0].append(number)

    await asyncio.gather(note(1), note(2), note(3))
    seen.add(tuple(box[0]))


@pytest.mark.parametrize("program", [of_a_module, of_a_default, of_an_argument, of_an_object_made_meanwhile])
def test_every_order_is_met(program: Any) -> None:
    assert agreed(program) == set(permutations((1, 2, 3)))
