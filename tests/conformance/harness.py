"""Run the test cases of the interpreter's own test suite inside scenarios.

One test method is one scenario: a logical thread makes the test case, sets it up, runs the method and tears it down, under one schedule
after another. Nothing in the test cases is changed but three things that have no bearing on what they test:

* `support.gc_collect` collects nothing: with a few hundred thousand objects in the process a full collection per joined thread would be
  most of the time, and reference counting frees what these tests look at.
* Load tests move fewer items (`with_items`): what they are for is contention, and every schedule contends differently.
* `threading_cleanup` must find nothing to clean up.
"""

from __future__ import annotations

import unittest
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from unittest import mock

import pytest

import interleave
from interleave.explore import explore, replay

support = pytest.importorskip("test.support", reason="this interpreter comes without its test package")

#: Schedules per test method.
SCHEDULES = 50
_BUDGET = interleave.Budget(executions=SCHEDULES, steps=400_000)

Case = type[unittest.TestCase]


def methods(cases: Iterable[Case], not_applicable: Iterable[str]) -> Iterator[object]:
    """Yield (case, method name) as parameters for each test method of each case that applies and is not skipped by itself."""
    left_out = set(not_applicable)
    for case in cases:
        for name in unittest.defaultTestLoader.getTestCaseNames(case):
            is_skipped = getattr(getattr(case, name), "__unittest_skip__", False)
            if name not in left_out and f"{case.__name__}.{name}" not in left_out and not is_skipped:
                yield pytest.param(case, name, id=f"{case.__name__}-{name}")


def unknown_names(cases: Iterable[Case], names: Iterable[str]) -> list[str]:
    """Return the names in a list of exclusions that exclude nothing on any interpreter's cases given."""
    known = {name for case in cases for name in unittest.defaultTestLoader.getTestCaseNames(case)}
    return [name for name in names if name.rpartition(".")[2] not in known]


def conform(case: Case, name: str) -> None:
    """Run one test method under `SCHEDULES` random schedules; a failure is replayed from its seed and raised with its report."""

    def scenario() -> None:
        case(name).debug()

    support.environment_altered = False
    with mock.patch.object(support, "gc_collect", _collect_nothing):
        result = explore(scenario, strategy="random", budget=_BUDGET, name=f"{case.__name__}.{name}")
        if result.failures:
            failure = result.failures[0]
            again = replay(scenario, failure.seed, name=f"{case.__name__}.{name}")
            assert again.failure is not None, f"does not fail again: {failure.report()}"
            assert again.failure.message == failure.message
            pytest.fail(f"{failure.report()}\n{failure.outcome.traceback}")
    assert result.verdict == "passed", result.uncontrolled
    assert result.executions == SCHEDULES
    assert not support.environment_altered, "threads were left over"


def _collect_nothing() -> None:
    pass


@contextmanager
def with_items(module: object, most: int) -> Iterator[None]:
    """Let the load tests of a module, which say `range(10000)`, move at most so many items."""

    def fewer(*arguments: int) -> range:
        return range(*(min(one, most) for one in arguments))

    with mock.patch.object(module, "range", fewer, create=True):
        yield


ItemsContext = Callable[[], Iterator[None]]
