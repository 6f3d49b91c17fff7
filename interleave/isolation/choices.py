"""Choices that a strategy made in another process, made once more by the one here: its state is then the same.

For strategies whose state cannot be pickled. They are given the points as they were, one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from interleave.errors import InternalError
from interleave.model import Event, Operation, Point, Strategy, ThreadInfo, Trace
from interleave.runtime.suspension import asked


class Note(NamedTuple):
    """What a point was, and what was chosen; of threads and events how many there were."""

    enabled: int
    current: int
    default: int
    moment: int
    values: int
    pending: tuple[Operation | None, ...]
    threads: int
    events: int
    chosen: int


def is_pickled_otherwise(kind: type) -> bool:
    """Tell whether objects of a type are pickled in a way of their own, which may leave out something."""
    return any(getattr(kind, name) is not getattr(object, name) for name in ("__reduce__", "__reduce_ex__"))


class Noting:
    """A strategy that notes what it is asked."""

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy
        self.notes: list[Note] = []
        self._choose = asked(strategy)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.strategy, name)

    def choose(self, point: Point) -> int:
        """Let the strategy choose."""
        before = (point.enabled, point.current, point.default, point.moment, point.values, tuple(point.pending))
        counts = len(point.threads), len(point.events)
        chosen = self._choose(point)
        self.notes.append(Note(*before, *counts, chosen))
        return chosen


class _Past:
    """A point of an execution that is over."""

    def __init__(self, note: Note, threads: Sequence[ThreadInfo], events: Sequence[Event]) -> None:
        self.enabled, self.current, self.default, self.moment, self.values = note[:5]
        self.pending = note.pending
        self.threads = threads
        self.events = events


def repeat(strategy: Strategy, notes: Sequence[Note], trace: Trace) -> None:
    """Ask a strategy what its copy was asked."""
    for note in notes:
        chosen = strategy.choose(_Past(note, trace.threads[: note.threads], trace.events[: note.events]))
        if chosen != note.chosen:
            raise InternalError(f"a strategy chose {note.chosen} at moment {note.moment} in a child process, and {chosen} here")
