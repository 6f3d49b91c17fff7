"""Letting code that is not the program's run in the middle of an execution: the judgement on it, strategies written by users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from interleave.model import Point, Strategy
from interleave.runtime import active, gate, state

T = TypeVar("T")


def aside(function: Callable[..., T]) -> Callable[..., T]:
    """Keep what a function does out of the execution that it is called in, if any."""

    def run_aside(*arguments: Any) -> T:
        if active() is None:
            return function(*arguments)
        is_open, is_naming = gate.is_open, gate.is_naming
        with Suspended():
            result = function(*arguments)
        gate.is_open, gate.is_naming = is_open, is_naming
        return result

    return run_aside


def asked(strategy: Strategy) -> Callable[[Point], int]:
    """Return what asks a strategy to choose: aside, unless it is one of ours."""
    return strategy.choose if type(strategy).__module__.startswith("interleave.") else aside(strategy.choose)


class Suspended:
    """Lets our own code use locks and clocks in the middle of an execution."""

    def __enter__(self) -> None:
        self._saved = state.kernel
        state.kernel = None
        gate.is_open = gate.is_naming = False

    def __exit__(self, *_: object) -> None:
        state.kernel = self._saved
