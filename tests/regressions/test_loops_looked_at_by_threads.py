"""What another thread does to an event loop, to its futures and to asyncio's primitives.

None of that was an operation: nobody saw that a thread may find a loop running or not, open or closed, a task done or not. Only
`call_soon_threadsafe` was, and not for a loop that did not run yet. And what was registered before another thread began to run the loop
waited for a step that did not come.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import interleave

#: Returns what the scenario comes to.
Program = Callable[[], object]


def outcomes(program: Program, strategy: str) -> set[object]:
    """Return what all executions of a program come to."""
    seen: set[object] = set()

    def scenario() -> None:
        seen.add(program())

    result = interleave.explore(scenario, strategy=strategy, budget=interleave.Budget(executions=5_000), races="off")
    assert result.verdict == "proven", result
    assert not result.statistics.redundant
    return seen


def beside(run: Callable[[], object], do: Callable[[], object]) -> object:
    """Do something while another thread runs a loop; return what that gives, or the error that it raises."""
    thread = threading.Thread(target=run)
    thread.start()
    try:
        return do()
    except RuntimeError as error:
        return str(error)
    finally:
        thread.join()


async def pause() -> None:
    await asyncio.sleep(0)


def is_running() -> object:
    loop = asyncio.new_event_loop()
    found = beside(lambda: loop.run_until_complete(pause()), loop.is_running)
    loop.close()
    return found


def is_closed() -> object:
    loop = asyncio.new_event_loop()
    return beside(loop.close, loop.is_closed)


def closed_meanwhile() -> object:
    loop = asyncio.new_event_loop()
    return beside(loop.close, lambda: loop.call_soon_threadsafe(len, "") and None)


def task_done() -> object:
    loop = asyncio.new_event_loop()
    task = loop.create_task(pause())
    found = beside(lambda: loop.run_until_complete(task), task.done)
    loop.close()
    return found


def task_shown() -> object:
    loop = asyncio.new_event_loop()
    task = loop.create_task(pause())
    found = beside(lambda: loop.run_until_complete(task), lambda: "finished" in repr(task))
    loop.close()
    return found


def _in_a_loop(look: Callable[[Any], object], do: Callable[[Any], object]) -> object:
    """Do something to an event of a loop that another thread runs, and look at it there."""
    loop, found = asyncio.new_event_loop(), []
    event = asyncio.Event()

    async def main() -> None:
        await asyncio.sleep(0)
        found.append(look(event))

    beside(lambda: loop.run_until_complete(main()), lambda: do(event))
    loop.close()
    return found[0]


def event_set() -> object:
    return _in_a_loop(asyncio.Event.is_set, asyncio.Event.set)


def task_cancelled() -> object:
    loop = asyncio.new_event_loop()
    task = loop.create_task(pause())

    def run() -> None:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            pass

    beside(run, task.cancel)
    loop.close()
    return task.cancelled()


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (is_running, {True, False}),
        (is_closed, {True, False}),
        (closed_meanwhile, {None, "Event loop is closed"}),
        (task_done, {True, False}),
        (task_shown, {True, False}),
        (event_set, {True, False}),
        (task_cancelled, {True, False}),
    ],
)
@pytest.mark.parametrize("strategy", ["dfs", "dpor"])
def test_all_outcomes_are_seen(program: Program, expected: set[object], strategy: str) -> None:
    assert outcomes(program, strategy) == expected


@pytest.mark.parametrize("strategy", ["dfs", "dpor"])
def test_loop_that_two_threads_run(strategy: str) -> None:
    """What each does to it while the other does not run it is no operation, unless it is alone."""

    def one_after_the_other(first: Callable[[Any], object]) -> str:
        def scenario() -> None:
            loop = asyncio.new_event_loop()
            first(lambda: loop.run_until_complete(pause()))
            beside(lambda: loop.run_until_complete(pause()), list)
            loop.close()

        return interleave.explore(scenario, strategy=strategy).verdict

    def in_a_thread(run: Callable[[], object]) -> None:
        event = threading.Event()
        bystander = threading.Thread(target=event.wait)
        bystander.start()
        beside(run, list)
        event.set()
        bystander.join()

    assert one_after_the_other(lambda run: run()) == "proven"
    assert one_after_the_other(in_a_thread) == "passed"


@pytest.mark.parametrize("strategy", ["dfs", "dpor"])
def test_waiting_until_a_loop_runs(strategy: str) -> None:
    def program() -> object:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        while not loop.is_running():
            time.sleep(0.01)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        return None

    assert outcomes(program, strategy) == {None}
