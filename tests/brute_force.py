"""The reference that searches are compared with: every schedule of a simulated program, and what class each is of.

Two schedules are of one Mazurkiewicz class if the same events happened in them, in the same order wherever they depend on each
other: events of one thread, a spawn and what its thread does, the end of a thread and what follows a join of it, and events that
conflict. The canonical form of a trace makes that literal: an event is identified by its thread, what it did, and the
events that happened just before it, themselves so identified; a trace is the set of its events.

Nothing here is shared with the code under test but `model.conflict`, the definition, and nothing here is clever.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from interleave.model import Event, Operation, Point, ThreadInfo, Trace, conflict
from tests.simulation import Machine, Program, Run

#: An event with all that happened before it, interned as a number.
Identity = int
#: The canonical form of a trace, or of the beginning of one.
Class = frozenset[Identity]


class Canon:
    """Names events so that equivalent traces have equal sets of names."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, Identity] = {}
        self._conflicts: dict[Hashable, bool] = {}
        self._found: list[Identity] = []
        self._pasts: list[set[int]] = []

    def start(self) -> None:
        """Begin a new trace."""
        self._found, self._pasts = [], []

    def extend(self, events: Sequence[Event], threads: Sequence[ThreadInfo]) -> Class:
        """Identify the events that are new since the last call, and return the class of the trace so far."""
        found, pasts = self._found, self._pasts
        for position in range(len(found), len(events)):
            tid, operation = events[position]
            past: set[int] = set()
            nearest: list[Identity] = []
            for before in reversed(range(position)):
                if before not in past and self._is_ordered(events[before], events[position]):
                    past |= pasts[before]
                    nearest.append(found[before])
            past.add(position)
            pasts.append(past)
            value = operation.target if operation.kind == "choose" else -1
            key = (threads[tid].path, operation.kind, operation.accesses, value, frozenset(nearest))
            found.append(self._numbers.setdefault(key, len(self._numbers)))
        return frozenset(found)

    def of(self, trace: Trace) -> Class:
        """Return the class of a whole trace."""
        self.start()
        return self.extend(trace.events, trace.threads)

    def _is_ordered(self, first: Event, second: Event) -> bool:
        (one, before), (two, after) = first, second
        return (
            one == two
            or self._is_conflict(before, after)
            or (before.kind == "spawn" and before.target == two)
            or (before.kind == "exit" and after.kind == "join" and after.target == one)
        )

    def _is_conflict(self, one: Operation, other: Operation) -> bool:
        key = one.accesses, other.accesses
        if key not in self._conflicts:
            self._conflicts[key] = conflict(one, other)
        return self._conflicts[key]


class _KnownError(Exception):
    """Stops an execution that has come to where another one was."""


@dataclass
class Script:
    """A strategy that follows a list of choices and then takes the first option everywhere, noting the others."""

    picks: list[int]
    canon: Canon
    #: What was met so far, in this execution and others; None to meet everything again and again.
    seen: set[Class] | None
    stack: list[list[int]]
    every_access: bool = True
    scope: str = ""
    made: list[int] = field(default_factory=list)

    def begin(self) -> bool:
        self.canon.start()
        return True

    def choose(self, point: Point) -> int:
        if len(self.made) < len(self.picks):
            self.made.append(self.picks[len(self.made)])
            return self.made[-1]
        if point.values:
            options = list(range(point.values))
        else:
            options = self.threads(point)
            if self.seen is not None:
                prefix = self.canon.extend(point.events, point.threads)
                if prefix in self.seen:
                    return self.leave(point)
                self.seen.add(prefix)
        self.stack.extend([*self.made, other] for other in options[1:])
        self.made.append(options[0])
        return options[0]

    def end(self, trace: Trace) -> None:
        pass

    def leave(self, point: Point) -> int:
        """Stop here: another execution goes on from an equivalent prefix."""
        raise _KnownError

    def threads(self, point: Point) -> list[int]:
        """Return the threads to try."""
        enabled = enabled_tids(point)
        if self.seen is not None:
            # An operation that touches nothing and decides nothing can as well be done at once.
            for tid in enabled:
                operation = point.pending[tid]
                if operation is not None and operation.accesses == () and operation.kind not in ("choose", "sleep"):
                    return [tid]
        return enabled


def enabled_tids(point: Point) -> list[int]:
    """Return the tids that may be chosen, lowest first."""
    return [tid for tid in range(len(point.threads)) if point.enabled >> tid & 1]


def enumerate_classes(program: Program, *, limit: int = 20_000, merge: bool = True) -> dict[Class, Run] | None:
    """Run every schedule of the program; return one run of each class, or None if that takes more than `limit` executions.

    With `merge`, prefixes of one class are continued once, since what can follow is the same, and operations that depend on nothing
    are not tried at other times.
    """
    canon = Canon()
    classes: dict[Class, Run] = {}
    seen: set[Class] | None = set() if merge else None
    stack: list[list[int]] = [[]]
    executions = 0
    while stack:
        executions += 1
        if executions > limit:
            return None
        script = Script(stack.pop(), canon, seen, stack)
        script.begin()
        try:
            run = Machine(program, script).run()
        except _KnownError:
            continue
        classes[canon.extend(run.trace.events, run.trace.threads)] = run
    return classes
