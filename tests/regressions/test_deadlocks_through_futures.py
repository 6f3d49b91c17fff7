"""A cycle through the future of a pool, of a loop that is blocked, or of a task was "nobody is left to do a set_result()".

And what another thread did to a loop without waking it was said not to have been done. A thread that runs a loop was blocked in one way in
the first execution and in another in the second, by which the program was said not to repeat itself.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import interleave
from interleave.result import Failure


def failure_of(scenario: Callable[[], Any], strategy: str = "auto") -> Failure:
    result = interleave.explore(scenario, strategy=strategy, races="off")
    assert result.failure is not None
    return result.failure


def ring(failure: Failure) -> list[str]:
    """Return what the threads on the cycle wait for, each with the next one's name."""
    blocked = {one.tid: one for one in failure.outcome.blocked}
    return [f"{blocked[tid].thread}: {blocked[tid].resource}" for tid in failure.outcome.cycle]


async def lock_held_over_a_thread_that_needs_it() -> None:
    lock, loop = asyncio.Lock(), asyncio.get_running_loop()

    async def update() -> None:
        async with lock:
            pass

    def work() -> None:
        asyncio.run_coroutine_threadsafe(update(), loop).result()

    async with lock:
        await asyncio.to_thread(work)


async def result_of_ones_own_loop() -> None:
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), asyncio.get_running_loop()).result()


async def thread_joined_in_a_task() -> None:
    loop = asyncio.get_running_loop()
    thread = threading.Thread(target=lambda: asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(), name="waiter")
    thread.start()
    thread.join()


def pool_that_waits_for_itself() -> None:
    with ThreadPoolExecutor(1, "pool") as pool:
        pool.submit(lambda: pool.submit(str).result()).result()


async def tasks_in_a_wait() -> None:
    async def other(first: Any) -> None:
        await first

    task = asyncio.current_task()
    await asyncio.wait([asyncio.create_task(other(task))])


async def task_in_a_group() -> None:
    async def other(first: Any) -> None:
        await first

    async with asyncio.TaskGroup() as group:
        group.create_task(other(asyncio.current_task()))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        (lock_held_over_a_thread_that_needs_it, ["Task-1: Future", "asyncio_0: Future", "Task-2: Lock"]),
        (result_of_ones_own_loop, ["Task-1: Future"]),
        (thread_joined_in_a_task, ["Task-1: thread 'waiter'", "waiter: Future"]),
        (pool_that_waits_for_itself, ["pool_0: Future"]),
        (tasks_in_a_wait, ["Task-1: Future", "Task-2: task 'Task-1'"]),
        (task_in_a_group, ["Task-1: Future", "Task-2: task 'Task-1'"]),
    ],
)
def test_cycle_is_named(scenario: Callable[[], Any], expected: list[str]) -> None:
    failure = failure_of(scenario)
    assert failure.kind == "deadlock"
    assert ring(failure) == expected


def loop_in_a_thread() -> tuple[threading.Thread, asyncio.AbstractEventLoop]:
    made: queue.Queue[asyncio.AbstractEventLoop] = queue.Queue()

    def run() -> None:
        loop = asyncio.new_event_loop()
        loop.call_soon(made.put, loop)
        loop.run_forever()
        loop.close()

    thread = threading.Thread(target=run, name="loop")
    thread.start()
    return thread, made.get()


def two_loops_that_wait_for_each_other() -> None:
    (one, first), (other, second) = loop_in_a_thread(), loop_in_a_thread()

    async def cross(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()

    waited = asyncio.run_coroutine_threadsafe(cross(second), first), asyncio.run_coroutine_threadsafe(cross(first), second)
    for future in waited:
        future.result()
    for loop, thread in ((first, one), (second, other)):
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("strategy", ["auto", "random", "pos", "dpor"])
def test_loops_block_alike_in_every_execution(strategy: str) -> None:
    failure = failure_of(two_loops_that_wait_for_each_other, strategy)
    assert failure.kind == "deadlock"
    assert {line.partition(": ")[2] for line in ring(failure)} <= {"Future", "the event loop"}


async def event_set_by_a_thread() -> None:
    event = asyncio.Event()
    threading.Thread(target=event.set).start()
    await event.wait()


async def queue_filled_by_a_thread() -> None:
    waiting: asyncio.Queue[int] = asyncio.Queue()
    threading.Thread(target=lambda: waiting.put_nowait(1)).start()
    await waiting.get()


def loop_stopped_by_a_thread() -> None:
    thread, loop = loop_in_a_thread()
    loop.stop()
    thread.join()


@pytest.mark.parametrize("scenario", [event_set_by_a_thread, queue_filled_by_a_thread, loop_stopped_by_a_thread])
def test_loop_that_nobody_wakes(scenario: Callable[[], Any]) -> None:
    failure = failure_of(scenario)
    assert failure.kind == "stuck"
    assert "call_soon_threadsafe" in failure.message
    assert failure.outcome.where is not None
    assert failure.outcome.where.file == __file__


async def blocking_get() -> None:
    waiting: queue.Queue[int] = queue.Queue()

    async def put() -> None:
        waiting.put(1)

    task = asyncio.create_task(put())
    waiting.get()
    await task


def test_task_that_blocks_its_loop() -> None:
    failure = failure_of(blocking_get)
    assert failure.kind == "stuck"
    assert "its event loop with it" in failure.message


async def two_locks_and_two_threads() -> None:
    lock, guard, loop = asyncio.Lock(), threading.Lock(), asyncio.get_running_loop()

    async def one() -> None:
        async with lock:
            await asyncio.to_thread(lambda: guard.acquire() and guard.release())

    async def take() -> None:
        async with lock:
            pass

    def other() -> None:
        with guard:
            asyncio.run_coroutine_threadsafe(take(), loop).result()

    await asyncio.gather(one(), asyncio.to_thread(other))


@pytest.mark.parametrize("strategy", ["auto", "random", "pos"])
def test_seed_of_an_execution_in_which_nobody_asks_whether_threads_were_started(strategy: str) -> None:
    """Others join the workers of the pool when it shuts down, and starts are accesses then; its seed could not be replayed."""
    failure = failure_of(two_locks_and_two_threads, strategy)
    assert failure.kind == "deadlock"
    again = interleave.replay(two_locks_and_two_threads, failure.seed).failure
    assert again is not None
    assert again.message == failure.message


async def set_and_cleared() -> None:
    event = asyncio.Event()

    async def change() -> None:
        event.set()
        event.clear()

    await asyncio.gather(event.wait(), change())


async def cancelled_with_a_lock() -> None:
    lock = asyncio.Lock()

    async def hold() -> None:
        await lock.acquire()
        await asyncio.sleep(0)
        lock.release()

    first = asyncio.create_task(hold(), name="first")
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, hold(), return_exceptions=True)


def test_reports_tell_what_was_missed_and_who_was_cancelled() -> None:
    missed = failure_of(set_and_cleared).report()
    assert "but the set() was missed" in missed
    assert "Do not clear the event between" in missed
    assert "cancels task 'first'" in failure_of(cancelled_with_a_lock).report()
