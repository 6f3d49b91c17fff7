"""A lock taken by code that `exec` made was at another place in every execution, and the program said not to repeat itself."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from interleave import explore, replay
from tests.threads import together

_SOURCE = """
def add(sums, lock, fail):
    with lock:
        sums[0] += 1
    with lock:
        assert not fail or sums[0] != 1
"""


def _scenario(*, fails: bool) -> None:
    made: dict[str, Any] = {}
    exec(compile(_SOURCE, "<made>", "exec"), made)
    sums, lock = [0], threading.Lock()
    together(*[lambda: made["add"](sums, lock, fails)] * 2)


def passing() -> None:
    _scenario(fails=False)


def failing() -> None:
    _scenario(fails=True)


@pytest.mark.parametrize("strategy", ["auto", "dpor", "dfs", "random"])
def test_it_repeats_itself(strategy: str) -> None:
    result = explore(passing, strategy=strategy)
    assert (result.verdict, result.failures) == ("inconclusive", ())
    assert "exec ran code" in result.uncontrolled[0]


def test_failure_is_replayed() -> None:
    failure = explore(failing).failure
    assert failure is not None
    assert failure.kind == "assertion"
    again = replay(failing, failure.seed).failure
    assert again is not None
    assert again.outcome.signature == failure.outcome.signature
