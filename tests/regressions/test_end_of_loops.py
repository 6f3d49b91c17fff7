"""What was entered before the callback that stops a loop is run before it ends, the rest is not, and no conflict told who came first.

So where the main task does not wait for others, schedules were left out in which those come less far, and all others called proven.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from interleave.explore import explore
from tests.exhaustion import compare_tasks
from tests.generated_tasks import Program, leaving

LEFT: tuple[Program, ...] = (
    ((("yield", 0),), (("yield", 0),)),
    ((("lock", 0),), (("lock", 0),)),
    ((("put", 0),), (("get", 0),)),
    # Here the end comes before steps that the loop does not wait for, with others after them that it does wait for.
    ((("yield", 1), ("lock", 0)), (("yield", 0),)),
    ((("put", 1),), (("lock", 1),), (("semaphore", 0), ("done", 0))),
)


@pytest.mark.parametrize("waits", [0, 1])
@pytest.mark.parametrize("program", LEFT)
def test_main_task_ends_anywhere_among_the_others(program: Program, waits: int) -> None:
    tally = compare_tasks([program], partial(leaving, waits=waits))
    assert (tally.programs, tally.redundant) == (1, 0)
    assert tally.executions == tally.classes


def stopped(outcomes: set[int], stop: Callable[[Any], None]) -> Callable[[], None]:
    """Return a scenario that notes how far a task has come when another one has the loop stopped."""

    def scenario() -> None:
        steps = [0]
        loop = asyncio.new_event_loop()

        async def work() -> None:
            for _ in range(2):
                await asyncio.sleep(0)
                steps[0] += 1

        async def end() -> None:
            await asyncio.sleep(0)
            stop(loop)

        tasks = [loop.create_task(work()), loop.create_task(end())]
        loop.run_forever()
        outcomes.add(steps[0])
        tasks[0].cancel()
        loop.run_until_complete(asyncio.wait(tasks))
        loop.close()

    return scenario


def test_stop_that_was_registered() -> None:
    outcomes: set[int] = set()
    result = explore(stopped(outcomes, lambda loop: loop.call_soon(loop.stop)), strategy="dpor")
    assert (result.verdict, result.statistics.redundant) == ("proven", 0)
    assert outcomes == {0, 1, 2}


@pytest.mark.parametrize("stop", [lambda loop: loop.stop(), lambda loop: loop.call_soon(lambda: loop.stop())])
def test_stop_that_nobody_knew_of_proves_nothing(stop: Callable[[Any], None]) -> None:
    assert explore(stopped(set(), stop), strategy="dpor").verdict == "passed"
