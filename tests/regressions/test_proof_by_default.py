"""The default strategy gave up proofs of a few dozen executions, taking what tasks and conditions do for hopelessly many orders."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable

import pytest

from interleave import explore
from tests.threads import together


async def exclusion() -> None:
    semaphore, inside = asyncio.Semaphore(1), [0]

    async def work() -> None:
        async with semaphore:
            inside[0] += 1
            assert inside == [1]
            await asyncio.sleep(0)
            inside[0] -= 1

    await asyncio.gather(work(), work(), work())


async def computed_once() -> None:
    cache: dict[int, asyncio.Task[int]] = {}

    async def load(key: int) -> int:
        await asyncio.sleep(0.1)
        return key * 2

    async def get(key: int) -> int:
        if key not in cache:
            cache[key] = asyncio.ensure_future(load(key))
        return await cache[key]

    assert await asyncio.gather(get(1), get(1)) == [2, 2]


def loop_in_a_thread() -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def work() -> int:
        await asyncio.sleep(0.1)
        return 5

    assert asyncio.run_coroutine_threadsafe(work(), loop).result() == 5
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def two_loops_and_a_queue() -> None:
    """The guess is e to the power of 112, and 24 executions are all."""
    handed: queue.Queue[int] = queue.Queue()

    async def give() -> None:
        await asyncio.sleep(1)
        handed.put(1)

    async def take() -> None:
        assert await asyncio.to_thread(handed.get) == 1

    together(lambda: asyncio.run(give()), lambda: asyncio.run(take()))


class Shelf:
    """Many may read, one may write."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.readers, self.is_written = 0, False
        self.left, self.right = 0, 0

    def write(self) -> None:
        """Change both sides."""
        with self.changed:
            self.changed.wait_for(lambda: not self.is_written and not self.readers)
            self.is_written = True
        self.left += 1
        self.right += 1
        with self.changed:
            self.is_written = False
            self.changed.notify_all()

    def difference(self) -> int:
        """Look at both sides."""
        with self.changed:
            self.changed.wait_for(lambda: not self.is_written)
            self.readers += 1
        difference = self.left - self.right
        with self.changed:
            self.readers -= 1
            self.changed.notify_all()
        return difference


def readers_and_writers() -> None:
    shelf, seen = Shelf(), list[int]()
    together(shelf.write, lambda: seen.append(shelf.difference()), shelf.write)
    assert seen == [0]


@pytest.mark.parametrize("scenario", [readers_and_writers, exclusion, computed_once, loop_in_a_thread, two_loops_and_a_queue])
def test_small_programs_are_proven(scenario: Callable[[], Awaitable[None] | None]) -> None:
    result = explore(scenario)
    assert (result.verdict, result.uncontrolled) == ("proven", ())
    assert result.executions < 500
