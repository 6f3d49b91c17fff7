"""Failures are told apart by how they end and by what explains them, and two runs tell them apart in the same way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from interleave.database import explore_remembering
from interleave.detectors.distinct import Identity, identity_of
from interleave.explore import explore
from interleave.result import Budget, Failure
from tests.threads import together

ROOT = Path(__file__).parent.parent


class Stock:
    def __init__(self) -> None:
        self.apples = 0
        self.pears = 0
        self.last = ""

    def add_apple(self) -> None:
        self.apples += 1

    def add_pear(self) -> None:
        self.pears += 1


def two_reasons() -> None:
    """Fail in one assertion by a lost update of the apples, of the pears, or of both."""
    stock = Stock()

    def work() -> None:
        stock.add_apple()
        stock.add_pear()

    together(work, work)
    assert stock.apples + stock.pears == 4


def many_ways() -> None:
    """Fail by an assertion for two reasons, by an exception, and by a deadlock."""
    stock, first, second, fruits = Stock(), threading.Lock(), threading.Lock(), {"apple": 1}

    def work() -> None:
        stock.add_apple()
        stock.add_pear()
        with first, second:
            pass

    def sell() -> None:
        if len(fruits):
            fruits.popitem()

    def count() -> None:
        with second, first:
            pass
        sell()

    together(work, count, sell)
    together(stock.add_apple, stock.add_apple)
    together(stock.add_pear, stock.add_pear)
    assert stock.apples + stock.pears == 6


def keyed() -> None:
    """Lose an update of one of three keys, always on the same lines."""
    counts = dict.fromkeys("abc", 0)

    def add() -> None:
        for key in sorted(counts):
            counts[key] += 1

    together(add, add)
    assert sum(counts.values()) == 6


def groups(scenario: Callable[[], object], strategy: str, *, executions: int = 300) -> tuple[Failure, ...]:
    found = explore(scenario, strategy=strategy, stop_on_failure=False, budget=Budget(executions=executions), races="off")
    assert sum(failure.count for failure in found.failures) <= executions
    return found.failures


@pytest.mark.parametrize("strategy", ["random", "auto"])
def test_one_assertion_that_fails_for_two_reasons_is_two_failures(strategy: str) -> None:
    failures = groups(two_reasons, strategy)
    places = [identity_of(failure.trace).place for failure in failures]
    assert sorted(places) == ["Stock.apples", "Stock.pears"]
    assert {failure.preemptions for failure in failures} == {1}
    assert all(failure.count > 1 for failure in failures)


def test_all_that_fails_is_counted() -> None:
    failures = groups(two_reasons, "random", executions=150)
    failed = []

    def noted() -> None:
        try:
            two_reasons()
        except AssertionError:
            failed.append(1)
            raise

    explore(noted, strategy="random", stop_on_failure=False, shrink=False, budget=Budget(executions=150), races="off")
    # With it come the runs of the first execution that see whether it repeats, and the one in detail.
    assert 0 <= len(failed) - sum(failure.count for failure in failures) <= 3


def test_keys_do_not_tell_failures_apart() -> None:
    assert len(groups(keyed, "random")) == 1


def test_each_way_to_end_is_a_failure_of_its_own() -> None:
    kinds = Counter(failure.kind for failure in groups(many_ways, "random", executions=120))
    assert kinds == {"assertion": 2, "exception": 1, "deadlock": 1}


def test_what_has_a_line_in_common_is_alike() -> None:
    ending = ("assertion", "AssertionError", "a.py:9")
    one = Identity(ending, "Stock.apples", ("a.py:1", "a.py:2"))
    assert one.is_like(Identity(ending, "Stock.apples", ("a.py:2", "a.py:3")))
    assert one.is_like(Identity(ending))
    assert not one.is_like(Identity(ending, "Stock.apples", ("a.py:3",)))
    assert not one.is_like(Identity(ending, "Stock.pears", ("a.py:1",)))
    assert not one.is_like(Identity(("deadlock",), "Stock.apples", ("a.py:1",)))


def test_seeds_kept_from_before_are_not_found_anew(tmp_path: Path) -> None:
    options = {"strategy": "random", "stop_on_failure": False, "budget": Budget(executions=100), "races": "off"}
    first, again = (explore_remembering(two_reasons, tmp_path, "two_reasons", **options) for _ in range(2))
    assert len(first.failures) == 2
    assert {failure.seed for failure in again.failures} == {failure.seed for failure in first.failures}
    assert sum(failure.count for failure in again.failures) == sum(failure.count for failure in first.failures) + 2


def test_two_runs_give_the_same_groups_whatever_the_hash_seed() -> None:
    found = []
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "interleave", "explore", "tests.test_distinct:many_ways", "--strategy", "random", "--executions", "120",
             "--keep-going", "--no-database", "--json", "-"],
            cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONHASHSEED": hash_seed},
        )  # fmt: skip
        assert done.returncode == 1, done.stderr
        (scenario,) = json.loads(done.stdout)["scenarios"]
        found.append([(one["kind"], one["message"], one["story"], one["seed"], one["count"]) for one in scenario["failures"]])
    assert len(found[0]) == 4
    assert found[0] == found[1]
