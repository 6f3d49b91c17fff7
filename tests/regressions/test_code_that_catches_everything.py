"""Who catches everything in a loop, `Unwind` and `GeneratorExit` too, kept an exploration from coming to its end."""

from __future__ import annotations

import asyncio
import threading
import time

from interleave import Budget, explore


def worker_that_never_gives_up() -> None:
    log: list[int] = []

    def work() -> None:
        while True:
            try:
                log.append(1)
                time.sleep(1)
            except:  # noqa: E722
                pass

    threading.Thread(target=work, daemon=True).start()
    time.sleep(3)


async def sleeps_for_ever() -> None:
    while True:
        try:
            await asyncio.sleep(1)
        except:  # noqa: E722
            pass


async def task_that_never_gives_up() -> None:
    task = asyncio.create_task(sleeps_for_ever())
    await asyncio.sleep(3)
    task.cancel()
    await task


def test_thread() -> None:
    result = explore(worker_that_never_gives_up, budget=Budget(executions=3))
    assert result.verdict == "inconclusive"
    assert "could not be unwound" in result.uncontrolled[0]


def test_task() -> None:
    failure = explore(task_that_never_gives_up, strategy="random", budget=Budget(executions=3, steps=200)).failure
    assert failure is not None
    assert failure.kind == "livelock"


def test_task_of_a_loop_that_is_closed() -> None:
    def scenario() -> None:
        loop = asyncio.new_event_loop()
        task = loop.create_task(sleeps_for_ever())
        loop.run_until_complete(asyncio.sleep(2))
        loop.close()
        del task

    failure = explore(scenario, budget=Budget(executions=3, hang=20)).failure
    assert failure is not None
    assert "Task was destroyed but it is pending" in failure.message
