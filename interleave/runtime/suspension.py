"""Letting code that is not the program's run in the middle of an execution: the judgement on it, strategies written by users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from interleave.runtime import gate, state


def aside(choose: Callable[[Any], int]) -> Callable[[Any], int]:
    """Keep the code of a strategy that is not ours, and may be in scope itself, out of the execution."""

    def chooseaside(point: Any) -> int:
        is_open = gate.is_open
        with Suspended():
            pick = choose(point)
        gate.is_open, gate.is_naming = is_open, True
        return pick

    return chooseaside


class Suspended:
    """Lets our own code use locks and clocks in the middle of an execution."""

    def __enter__(self) -> None:
        self._saved = state.kernel
        state.kernel = None
        gate.is_open = gate.is_naming = False

    def __exit__(self, *_: object) -> None:
        state.kernel = self._saved
