"""Run the test cases of the interpreter's own test suite inside scenarios.

One test method is one scenario: a logical thread makes the test case, sets it up, runs the method and tears it down, under one schedule
after another. Nothing in the test cases is changed but three things that have no bearing on what they test:

* `support.gc_collect` collects nothing: with a few hundred thousand objects in the process a full collection per joined thread would be
  most of the time, and reference counting frees what these tests look at.
* Load tests move fewer items (`with_constants`): what they are for is contention, and every schedule contends differently.
* `threading_cleanup` must find nothing to clean up.
"""

from __future__ import annotations

import importlib
import sys
import unittest
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from types import FunctionType
from typing import Any
from unittest import mock

import pytest

import interleave
from interleave.explore import explore, replay

support = pytest.importorskip("test.support", reason="this interpreter comes without its test package")

#: Schedules per test method.
SCHEDULES = 50
_STEPS = 400_000

Case = type[unittest.TestCase]


def methods(cases: Iterable[Case], not_applicable: Iterable[str]) -> Iterator[object]:
    """Yield (case, method name) as parameters for each test method of each case that applies and is not skipped by itself."""
    left_out = set(not_applicable)
    for case in cases:
        for name in unittest.defaultTestLoader.getTestCaseNames(case):
            is_skipped = getattr(getattr(case, name), "__unittest_skip__", False)
            if name not in left_out and f"{case.__name__}.{name}" not in left_out and not is_skipped:
                yield pytest.param(case, name, id=f"{case.__name__}-{name}")


def cases_of(module_name: str) -> Iterator[Case]:
    """Yield the test cases of a module of `test.test_asyncio`; none if this interpreter does not have it."""
    try:
        module = importlib.import_module(f"test.test_asyncio.{module_name}")
    except ImportError:
        return
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, unittest.TestCase) and value.__module__ == module.__name__:
            yield value


def share_of(parameters: Iterable[Any], every: int) -> list[Any]:
    """Return every so many of the parameters: a share for runs that have to be short."""
    return list(parameters)[::every]


def unknown_names(cases: Iterable[Case], names: Iterable[str]) -> list[str]:
    """Return the names in a list of exclusions that exclude nothing on any interpreter's cases given."""
    known = {name for case in cases for name in unittest.defaultTestLoader.getTestCaseNames(case)}
    return [name for name in names if name.rpartition(".")[2] not in known]


def conform(case: Case, name: str, *, task_order: str = "any") -> None:
    """Run one test method under `SCHEDULES` random schedules; a failure is replayed from its seed and raised with its report."""

    skipped: list[str] = []

    def scenario() -> None:
        try:
            case(name).debug()
        except unittest.SkipTest as skip:
            skipped.append(str(skip))

    support.environment_altered = False
    with ExitStack() as patches:
        for module in [support, *(sys.modules[base.__module__] for base in case.__mro__)]:
            if hasattr(module, "gc_collect"):
                patches.enter_context(mock.patch.object(module, "gc_collect", _collect_nothing))
        result = explore(
            scenario,
            strategy="random",
            budget=interleave.Budget(executions=SCHEDULES, steps=_STEPS),
            name=f"{case.__name__}.{name}",
            task_order=task_order,
        )
        if result.failures:
            failure = result.failures[0]
            again = replay(scenario, failure.seed, name=f"{case.__name__}.{name}", task_order=task_order)
            assert again.failure is not None, f"does not fail again: {failure.report()}"
            assert again.failure.message == failure.message
            pytest.fail(f"{failure.report()}\n{failure.outcome.traceback}")
    if skipped:
        pytest.skip(skipped[0])
    assert result.verdict == "passed", result.uncontrolled
    assert result.executions == SCHEDULES
    assert not support.environment_altered, "threads were left over"


def _collect_nothing() -> None:
    pass


def with_constants(function: FunctionType, constants: Mapping[int, int]) -> FunctionType:
    """Return a copy of a function in whose code some numbers are others; KeyError if one of them is not there."""
    code = function.__code__
    missing = [number for number in constants if number not in code.co_consts]
    if missing:
        raise KeyError(f"{function.__qualname__} does not contain {missing}")
    changed = tuple(constants.get(one, one) if type(one) is int else one for one in code.co_consts)
    copy = FunctionType(code.replace(co_consts=changed), function.__globals__, function.__name__, function.__defaults__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy
