"""In the first call of a function there was a frame more: who counts frames found the wrong caller, and the run was not like the next.

Loguru looks for the name of the module that logs so, and what it logged was not repeatable.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from types import FrameType

from interleave import explore


def _name(frame: FrameType | None) -> str:
    assert frame is not None
    return frame.f_code.co_name


def _caller() -> str:
    return _name(sys._getframe(1))


def _caller_of_caller() -> str:
    return _name(sys._getframe(2))


def _through_another() -> str:
    return _caller_of_caller()


def _through_two() -> str:
    frame = inspect.currentframe()
    assert frame is not None
    return _name(frame.f_back)


class Log:
    """Counts frames from a method on."""

    def info(self) -> str:
        """Return the name of the caller."""
        return self._write(2)

    def _write(self, depth: int) -> str:
        return _name(sys._getframe(depth))


def _warn() -> None:
    warnings.warn("old", DeprecationWarning, stacklevel=2)


def test_callers_are_those_of_the_source() -> None:
    def scenario() -> None:
        names.append((_caller(), _through_another(), _through_two(), Log().info()))

    names: list[tuple[str, ...]] = []
    result = explore(scenario)
    assert (result.verdict, result.uncontrolled) == ("proven", ())
    assert set(names) == {("scenario",) * 4}


def test_warnings_name_the_line_of_the_caller() -> None:
    def scenario() -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _warn()
        lines.append(caught[0].lineno)

    lines: list[int] = []
    assert explore(scenario).verdict == "proven"
    assert set(lines) == {scenario.__code__.co_firstlineno + 3}
