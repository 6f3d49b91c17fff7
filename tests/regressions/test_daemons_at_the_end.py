"""The end of the program was no scheduling point: `dfs` called programs proven whose daemon threads had never run.

`random` and the other samplers never ran them either if nothing else was a point.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from interleave import Budget, explore, replay

STRATEGIES = ("auto", "dfs", "dpor", "pct", "pos", "random", "surw")


class Box:
    """Something to share."""

    def __init__(self) -> None:
        self.value = 0


def starts_late() -> None:
    box = Box()

    def check() -> None:
        assert box.value == 0

    threading.Thread(target=check, daemon=True).start()
    box.value = 1


def fails_by_itself() -> None:
    def fail() -> None:
        raise ValueError("on purpose")

    threading.Thread(target=fail, daemon=True).start()


def goes_on_for_ever() -> None:
    box = Box()

    def count() -> None:
        while True:
            box.value += 1

    threading.Thread(target=count, daemon=True).start()
    box.value = 5


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("scenario", "kind"), [(starts_late, "assertion"), (fails_by_itself, "exception")])
def test_daemon_that_fails_is_found(scenario: Callable[[], None], kind: str, strategy: str) -> None:
    failure = explore(scenario, strategy=strategy, budget=Budget(executions=50)).failure
    assert failure is not None
    assert failure.kind == kind
    again = replay(scenario, failure.seed).failure
    assert again is not None
    assert again.message == failure.message


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_daemon_that_never_ends_is_no_livelock(strategy: str) -> None:
    result = explore(goes_on_for_ever, strategy=strategy, budget=Budget(executions=10))
    assert not result.failures, result.failures[0].report()


def test_a_search_that_cut_a_daemon_off_proves_nothing() -> None:
    result = explore(goes_on_for_ever, strategy="dfs", preemptions=1, budget=Budget(executions=2_000))
    assert result.verdict == "passed"
