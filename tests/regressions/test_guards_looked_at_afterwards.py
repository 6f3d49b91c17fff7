"""Whether an operation could have come earlier is known although nobody waited then: no execution is made to find out.

A `get` announced after a `put` was tried before it, where the queue was empty; of two waits that time ended at once, one was tried before
the other began. Each such trial ended as an execution that had been made before.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import pytest

from interleave import Budget, Result, explore
from tests.threads import together


def search(scenario: Callable[[], object]) -> Result:
    result = explore(scenario, strategy="dpor", budget=Budget(executions=100), stop_on_failure=False, races="off")
    assert result.exhausted
    return result


def late_get() -> None:
    jobs: queue.Queue[int] = queue.Queue()
    condition = threading.Condition()
    ready: list[int] = []

    def notify_and_get() -> None:
        with condition:
            ready.append(1)
            condition.notify()
        jobs.get()

    def put_twice() -> None:
        jobs.put(1)
        jobs.put(2)

    together(notify_and_get, put_twice)


def late_put() -> None:
    narrow: queue.Queue[int] = queue.Queue(maxsize=1)
    lock = threading.Lock()

    def put() -> None:
        with lock:
            pass
        narrow.put(1)

    together(lambda: narrow.get(), put, lambda: narrow.put(2))


def timed_waits() -> None:
    event = threading.Event()
    together(lambda: event.wait(0.1), lambda: event.wait(0.1))


@pytest.mark.parametrize(("scenario", "executions"), [(late_get, 1), (late_put, 2), (timed_waits, 2)])
def test_no_execution_is_made_twice(scenario: Callable[[], None], executions: int) -> None:
    result = search(scenario)
    assert result.statistics.redundant == 0
    assert result.executions == executions
