"""Programs were called proven that run code made by `exec`, or read the clock by functions that were not pinned; those are pinned by now.

A program that sleeps and asks `datetime.now` how long failed, although it is correct: it slept in virtual time and asked the machine.
"""

from __future__ import annotations

import dataclasses
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
    ],
)
def test_is_listed_and_nothing_is_proven(body: Callable[[], None], what: str) -> None:
    result = explore(body)
    assert result.verdict == "inconclusive"
    assert result.uncontrolled[0].startswith(what)


class Day(datetime.datetime):
    """A class of a program."""


@dataclasses.dataclass
class Entry:
    """Keeps a method of C, as its default."""

    made: datetime.datetime = dataclasses.field(default_factory=datetime.datetime.now)


_now = datetime.datetime.now
_MOMENTS: list[Callable[[], float]] = [
    lambda: datetime.datetime.now().timestamp(),
    lambda: datetime.datetime.now(tz=datetime.UTC).timestamp(),
    lambda: datetime.datetime.today().timestamp(),
    lambda: Day.now().timestamp(),
    lambda: Entry().made.timestamp(),
    lambda: _now().timestamp(),
    lambda: datetime.datetime.utcnow().replace(tzinfo=datetime.UTC).timestamp(),
    lambda: time.clock_gettime(time.CLOCK_REALTIME),
    lambda: time.clock_gettime_ns(time.CLOCK_REALTIME) / 1e9,
]


@pytest.mark.filterwarnings("ignore:.*utcnow:DeprecationWarning")
@pytest.mark.parametrize("moment", _MOMENTS)
def test_every_way_to_ask_for_the_time_is_virtual(moment: Callable[[], float]) -> None:
    asked: list[float] = []

    def scenario() -> None:
        begun, start = moment(), time.time()
        assert abs(start - begun) < 1e-3
        time.sleep(5)
        asked.append(moment())
        assert 5 <= asked[-1] - begun < 5.001

    for _ in range(2):
        result = explore(scenario)
        assert (result.verdict, result.uncontrolled) == ("proven", ())
    assert len(set(asked)) == 1


def test_dates_are_those_of_the_virtual_day() -> None:
    def scenario() -> None:
        assert datetime.date.today() == datetime.datetime.now().date() == datetime.date.fromtimestamp(time.time())
        assert type(Day.now()) is Day
        assert datetime.datetime.now(datetime.UTC).tzinfo is datetime.UTC

    assert explore(scenario).verdict == "proven"


def test_afterwards_the_clock_is_the_real_one() -> None:
    before = vars(datetime.datetime)["now"], _now, Entry.__dataclass_fields__["made"].default_factory
    explore(lambda: together(datetime.datetime.now, Entry))
    assert (vars(datetime.datetime)["now"], _now, Entry.__dataclass_fields__["made"].default_factory) == before
    assert abs(datetime.datetime.now().timestamp() - time.time()) < 60


def test_dates_that_are_only_computed_with_are_no_clocks() -> None:
    def scenario() -> None:
        together(lambda: datetime.date.fromordinal(1), lambda: datetime.datetime(2020, 1, 1) + datetime.timedelta(1))

    assert explore(scenario).verdict == "proven"
