"""A seed found under a step bound other than the default one did not replay: the bound is not in it, only the number of steps."""

from __future__ import annotations

import threading

import pytest

from interleave.errors import ReplayMismatch
from interleave.explore import explore, replay
from interleave.result import Budget
from tests.threads import together

rounds = 0


def spins() -> None:
    """Never end."""
    flag = [False]

    def wait() -> None:
        while not flag[0]:
            pass

    together(wait, wait)


def counts() -> None:
    """Take about 25,000 steps, more or fewer by `rounds`."""
    lock = threading.Lock()
    total = 0

    def add() -> None:
        nonlocal total
        for _ in range(rounds):
            with lock:
                total += 1

    together(add, add)
    assert total == 0


def test_a_livelock_under_a_low_bound_replays() -> None:
    failure = explore(spins, strategy="random", budget=Budget(executions=5, steps=500)).failure
    assert failure is not None
    again = replay(spins, failure.seed).failure
    assert again is not None
    assert again.outcome.signature == failure.outcome.signature
    assert len(again.trace.steps) == len(failure.trace.steps)


def test_a_long_execution_replays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "rounds", 4_000)
    failure = explore(counts, strategy="random", budget=Budget(executions=5, steps=100_000), shrink=False).failure
    assert failure is not None
    assert failure.kind == "assertion"
    assert failure.trace.moments > Budget().steps
    again = replay(counts, failure.seed).failure
    assert again is not None
    assert again.kind == "assertion"


def test_code_that_goes_on_is_no_livelock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "rounds", 1)
    failure = explore(counts, strategy="random", budget=Budget(executions=5)).failure
    assert failure is not None
    monkeypatch.setitem(globals(), "rounds", 9)
    with pytest.raises(ReplayMismatch):
        replay(counts, failure.seed)
