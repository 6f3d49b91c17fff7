"""Programs were called proven that run code made by `exec`, or read a clock that is not pinned."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import Any

import pytest

from interleave import explore
from tests.threads import together

_SOURCE = "class Counter:\n    n = 0\n    def add(self):\n        self.n += 1\n"


def _run_made_code() -> None:
    namespace: dict[str, Any] = {}
    exec(_SOURCE, namespace)
    counter = namespace["Counter"]()
    together(counter.add, counter.add)


def _evaluate_in_a_thread() -> None:
    box = {"n": 0}
    together(lambda: eval("box.update(n=box['n'] + 1)", {"box": box}), lambda: None)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (_run_made_code, "exec ran code"),
        (_evaluate_in_a_thread, "eval ran code"),
        (lambda: together(datetime.datetime.now, lambda: datetime.datetime.now(tz=datetime.UTC)), "datetime.now read the real clock"),
        (lambda: datetime.date.today(), "date.today read the real clock"),
        (lambda: time.clock_gettime(time.CLOCK_MONOTONIC), "time.clock_gettime read the real clock"),
    ],
)
def test_is_listed_and_nothing_is_proven(body: Callable[[], None], what: str) -> None:
    result = explore(body)
    assert result.verdict == "inconclusive"
    assert result.uncontrolled[0].startswith(what)


def test_dates_that_are_only_computed_with_are_no_clocks() -> None:
    def scenario() -> None:
        together(lambda: datetime.date.fromordinal(1), lambda: datetime.datetime(2020, 1, 1) + datetime.timedelta(1))

    assert explore(scenario).verdict == "proven"
