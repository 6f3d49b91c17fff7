"""A task that waited on a condition, and so held up its loop, had the lock back as a task, while what releases it is the loop's thread:
`executor.submit(...).result()` in a coroutine raised "cannot release un-acquired lock"."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from interleave.explore import explore
from interleave.result import Budget


async def result_of_a_pool() -> None:
    with ThreadPoolExecutor(1) as executor:
        assert executor.submit(lambda: 5).result() == 5


async def condition() -> None:
    condition, done = threading.Condition(), []

    def work() -> None:
        with condition:
            done.append(1)
            condition.notify()

    thread = threading.Thread(target=work)
    with condition, condition:
        thread.start()
        while not done:
            condition.wait()
    assert condition.acquire(blocking=False)
    condition.release()
    thread.join()


@pytest.mark.parametrize("main", [result_of_a_pool, condition])
def test_lock_is_that_of_the_thread(main: Callable[[], object]) -> None:
    result = explore(main, budget=Budget(executions=500))
    assert result.verdict == "proven", result.failures and result.failures[0].report()
