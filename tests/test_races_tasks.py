"""Races of tasks, and of threads beside them: found without an assertion, and not where the program orders its steps."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import interleave
from interleave.model import Race
from interleave.result import Result


class Cache:
    """What the tasks share."""

    def __init__(self) -> None:
        self.hits = 0
        self.lock = asyncio.Lock()


def explore(scenario: Callable[[], Any], strategy: str = "auto", **options: Any) -> Result:
    return interleave.explore(scenario, strategy=strategy, budget=interleave.Budget(executions=100), **options)


def races(scenario: Callable[[], Any], strategy: str = "auto") -> tuple[Race, ...]:
    return explore(scenario, strategy).races


async def lost() -> None:
    cache = Cache()

    async def count() -> None:
        value = cache.hits
        await asyncio.sleep(0)
        cache.hits = value + 1

    await asyncio.gather(count(), count())


@pytest.mark.parametrize("strategy", ["auto", "random", "dpor", "pct"])
def test_lost_update(strategy: str) -> None:
    (race,) = races(lost, strategy)
    assert (race.kind, race.pattern, race.severity) == ("unserializable", "read-write-write", "harmful")
    first = lost.__code__.co_firstlineno + 4
    lines = {access.line for access in race.accesses}
    assert lines == {first, first + 2}
    assert f"awaited at test_races_tasks.py:{first + 1}" in race.message


def test_lost_update_fails_if_asked() -> None:
    result = explore(lost, "random", races="harmful")
    assert result.failure is not None
    assert result.failure.kind == "race"
    replayed = interleave.replay(lost, result.failure.seed, races="harmful")
    assert replayed.failure is not None


async def locked() -> None:
    cache = Cache()

    async def count() -> None:
        async with cache.lock:
            value = cache.hits
            await asyncio.sleep(0)
            cache.hits = value + 1

    await asyncio.gather(count(), count())


async def in_one_step() -> None:
    cache = Cache()

    async def count() -> None:
        for _ in range(2):
            await asyncio.sleep(0)
            cache.hits += 1

    await asyncio.gather(count(), count())


async def checked_again() -> None:
    cache = Cache()

    async def fill() -> None:
        if cache.hits == 0:
            await asyncio.sleep(0)
            if cache.hits == 0:
                cache.hits = 1

    await asyncio.gather(fill(), fill())


async def handed_over() -> None:
    cache, asked, answered = Cache(), asyncio.Event(), asyncio.Event()

    async def ask() -> None:
        value = cache.hits
        asked.set()
        await answered.wait()
        cache.hits = value + 5

    async def answer() -> None:
        await asked.wait()
        cache.hits += 1
        answered.set()

    await asyncio.gather(ask(), answer())


async def by_queue() -> None:
    cache: Cache = Cache()
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def put() -> None:
        cache.hits += 1
        await queue.put(1)

    async def get() -> None:
        await queue.get()
        cache.hits += 1
        await asyncio.sleep(0)

    await asyncio.gather(put(), get())


async def by_the_end_of_a_task() -> None:
    cache = Cache()

    async def work() -> None:
        cache.hits += 1

    cache.hits = 1
    async with asyncio.TaskGroup() as group:
        group.create_task(work())
    value = cache.hits
    await asyncio.create_task(asyncio.sleep(1))
    cache.hits = value + 1


@pytest.mark.parametrize("strategy", ["auto", "random", "dpor"])
@pytest.mark.parametrize("scenario", [locked, in_one_step, checked_again, handed_over, by_queue, by_the_end_of_a_task])
def test_no_race(scenario: Callable[[], Any], strategy: str) -> None:
    assert not races(scenario, strategy)


async def thread_beside_a_task() -> None:
    cache = Cache()

    def work() -> None:
        cache.hits += 1

    thread = threading.Thread(target=work)
    thread.start()
    cache.hits += 1
    await asyncio.to_thread(thread.join)


async def lost_beside_a_thread() -> None:
    cache, stop = Cache(), threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()

    async def count() -> None:
        value = cache.hits
        await asyncio.sleep(0)
        cache.hits = value + 1

    await asyncio.gather(count(), count())
    stop.set()
    thread.join()


async def two_in_threads() -> None:
    cache = Cache()

    def work() -> None:
        cache.hits += 1

    await asyncio.gather(asyncio.to_thread(work), asyncio.to_thread(work))


@pytest.mark.parametrize("strategy", ["auto", "random"])
@pytest.mark.parametrize("scenario", [thread_beside_a_task, lost_beside_a_thread])
def test_lost_update_where_there_are_threads(scenario: Callable[[], Any], strategy: str) -> None:
    """One race, whatever is sampled; whether an update is lost depends on which of the executions are looked at."""
    found = [explore(scenario, strategy, seed=seed).races for seed in range(3)]
    assert [len(one) for one in found] == [1, 1, 1]
    assert ("read-write-write", "harmful") in [(race.pattern, race.severity) for (race,) in found]


@pytest.mark.parametrize("strategy", ["auto", "random"])
def test_accesses_of_threads_that_nothing_orders(strategy: str) -> None:
    found = races(two_in_threads, strategy)
    assert found
    assert {race.place for race in found} == {"Cache.hits"}


async def threads_with_a_lock() -> None:
    cache, lock = Cache(), threading.Lock()

    def work() -> None:
        with lock:
            cache.hits += 1

    await asyncio.gather(asyncio.to_thread(work), asyncio.to_thread(work))
    assert cache.hits == 2


async def told_by_call_soon_threadsafe() -> None:
    cache, loop = Cache(), asyncio.get_running_loop()
    done = loop.create_future()

    def count() -> None:
        cache.hits += 1
        if cache.hits == 2:
            done.set_result(None)

    thread = threading.Thread(target=loop.call_soon_threadsafe, args=(count,))
    thread.start()
    count()
    await done
    thread.join()


async def handed_to_a_thread_and_back() -> None:
    cache = Cache()

    async def count() -> None:
        cache.hits += 1

    def work() -> None:
        cache.hits += 1
        asyncio.run_coroutine_threadsafe(count(), loop).result()
        cache.hits += 1

    loop = asyncio.get_running_loop()
    cache.hits = 1
    await asyncio.to_thread(work)
    cache.hits += 1


async def locked_beside_a_thread() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    await locked()
    stop.set()
    thread.join()


def loop_in_a_thread() -> None:
    cache, loop = Cache(), asyncio.new_event_loop()

    async def count() -> None:
        cache.hits += 1

    def run() -> None:
        cache.hits += 1
        loop.run_forever()
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    asyncio.run_coroutine_threadsafe(count(), loop).result()
    cache.hits += 1
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    cache.hits += 1


@pytest.mark.parametrize("strategy", ["auto", "random"])
@pytest.mark.parametrize(
    "scenario", [threads_with_a_lock, told_by_call_soon_threadsafe, handed_to_a_thread_and_back, locked_beside_a_thread, loop_in_a_thread]
)
def test_no_race_where_there_are_threads(scenario: Callable[[], Any], strategy: str) -> None:
    assert not races(scenario, strategy)
