"""What an exception keeps in C was ordered with nothing: its arguments and notes, and how it was raised."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from interleave import explore
from tests.regressions.test_objects_that_lead_to_others import orders_that_fail
from tests.threads import together


def _args(error: Exception) -> None:
    error.args = ("b",)


def _context(error: Exception) -> None:
    error.__context__ = KeyError("b")


def _raise(error: Exception) -> None:
    try:
        raise error
    except ValueError:
        pass


def _raise_from(error: Exception) -> None:
    try:
        raise error from KeyError("b")
    except ValueError:
        pass


@pytest.mark.parametrize(
    ("look", "change"),
    [
        (lambda error: error.args, _args),
        (str, _args),
        (lambda error: f"{error}", _args),
        (lambda error: f"{error!r}", _args),
        (lambda error: hasattr(error, "__notes__"), lambda error: error.add_note("b")),
        (lambda error: error.__context__, _context),
        (lambda error: error.__traceback__ is None, _raise),
        (lambda error: error.__cause__, _raise_from),
    ],
)
def test_orders_are_found(look: Callable[[Exception], object], change: Callable[[Exception], object]) -> None:
    assert orders_that_fail(lambda: ValueError("a"), look, change) == ["failed", "failed"]


def test_notes_have_an_order() -> None:
    def scenario() -> None:
        error = ValueError()
        together(lambda: error.add_note("a"), lambda: error.add_note("b"))
        assert error.__notes__ == ["a", "b"]

    assert explore(scenario, strategy="dpor").verdict == "failed"


def test_who_raises_one_exception_disturbs_nobody_who_does_too() -> None:
    def scenario() -> None:
        error = ValueError("a")
        together(lambda: _raise(error), lambda: _raise(error))

    result = explore(scenario, strategy="dpor", races="fail")
    assert (result.verdict, result.executions) == ("proven", 1)
