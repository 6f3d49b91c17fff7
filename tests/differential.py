"""The same body on native threads and under control, with the same result.

A body is a function that returns plain data. It runs natively, then under `EXECUTIONS` random schedules, then natively again, in what the
exploration left of the process; every run has to return the same. Bodies are written so that natively their result does not depend
on timing. Where a message may differ between a C function and its stand-in, `kind_of` compares the exception's type only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from interleave.explore import explore, replay
from interleave.result import Budget

EXECUTIONS = 25

Body = Callable[[], Any]


def said(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Return what a call returns, or the type and text of what it raises."""
    try:
        return function(*args, **options)
    except Exception as error:
        return type(error).__name__, str(error)


def kind_of(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Return what a call returns, or the type of what it raises."""
    try:
        return function(*args, **options)
    except Exception as error:
        return type(error).__name__


def assert_same(body: Body, *, executions: int = EXECUTIONS, strategy: str = "random") -> None:
    """Run a body natively, under control, and natively again; all results must be equal."""
    native = body()
    results: list[Any] = []

    def scenario() -> None:
        results.append(body())

    result = explore(scenario, strategy=strategy, budget=Budget(executions=executions), name=body.__name__)
    if result.failures:
        failure = result.failures[0]
        again = replay(scenario, failure.seed, name=body.__name__)
        assert again.failure is not None, f"not again under its own seed: {failure.report()}"
        pytest.fail(failure.report())
    assert not result.uncontrolled
    assert results, "the scenario was not run"
    different = [one for one in results if one != native]
    assert not different, f"natively {native!r}, under control {different[0]!r} ({len(different)} of {len(results)} times)"
    assert body() == native, "not the same natively after the exploration"
