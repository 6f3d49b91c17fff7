"""A wait with a timeout of zero let all other threads run first, so that what happens if it does not was never explored."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from interleave.explore import explore, replay
from interleave.result import Budget


def _event_wait() -> tuple[Callable[[], object], Callable[[], object]]:
    event = threading.Event()
    return lambda: event.wait(0), event.set


def _join() -> tuple[Callable[[], object], Callable[[], object]]:
    thread = threading.Thread(target=lambda: None)
    thread.start()

    def ended() -> bool:
        thread.join(0)
        return not thread.is_alive()

    return ended, lambda: None


def _condition_wait() -> tuple[Callable[[], object], Callable[[], object]]:
    condition = threading.Condition()

    def wait() -> bool:
        with condition:
            return condition.wait(0)

    def notify() -> None:
        with condition:
            condition.notify()

    return wait, notify


@pytest.mark.parametrize("make", [_event_wait, _join, _condition_wait])
@pytest.mark.parametrize("strategy", ["dfs", "dpor"])
def test_both_outcomes_are_explored(make: Any, strategy: str) -> None:
    seen: set[object] = set()

    def scenario() -> None:
        look, act = make()
        thread = threading.Thread(target=act)
        thread.start()
        seen.add(look())
        thread.join()

    result = explore(scenario, strategy=strategy)
    assert result.verdict == "proven"
    assert False in seen
    assert True in seen


@pytest.mark.parametrize("strategy", ["random", "dfs", "dpor"])
def test_loops_that_poll_end(strategy: str) -> None:
    def scenario() -> None:
        event = threading.Event()
        thread = threading.Thread(target=event.set)
        thread.start()
        while not event.wait(0):
            pass
        while thread.is_alive():
            time.sleep(0)
        thread.join(0)

    result = explore(scenario, strategy=strategy, budget=Budget(executions=100))
    assert not result.failures, result.failures[0].report()


def test_a_sleep_of_zero_is_a_place_to_switch() -> None:
    def scenario() -> None:
        counter = [0]
        order: list[str] = []

        def worker(name: str) -> None:
            order.append(name)
            time.sleep(0)
            order.append(name)
            counter[0] += 1

        threads = [threading.Thread(target=worker, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert order != ["a", "a", "b", "b"], "not switched"

    result = explore(scenario, strategy="dfs", budget=Budget(executions=100))
    assert result.failures, "one may go on without the other"
    again = replay(scenario, result.failures[0].seed)
    assert again.failure is not None
    assert again.failure.message == result.failures[0].message
