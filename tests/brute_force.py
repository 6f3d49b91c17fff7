"""The reference that searches are compared with: every schedule of a simulated program, and what class each is of.

Two schedules are of one Mazurkiewicz class if the same events happened in them, in the same order wherever they depend on each
other: events of one thread, a spawn and what its thread does, the end of a thread and what follows a join of it, and events that
conflict. The canonical form of a trace makes that literal: an event is identified by its thread, what it did, and the
set of the events that happened before it; a trace is the set of its events.

Nothing here is shared with the code under test but `model.conflict`, the definition, and nothing here is clever.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from interleave.model import Event, Operation, Point, ThreadInfo, Trace, conflict
from tests.simulation import Machine, Program, Run

#: An event with all that happened before it, interned as a number.
Identity = int


class Canon:
    """Names events so that equivalent traces have equal sets of names."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, Identity] = {}
        self._conflicts: dict[Hashable, bool] = {}

    def identities(self, events: list[Event], threads: list[ThreadInfo]) -> list[Identity]:
        """Return the identity of each event."""
        found: list[Identity] = []
        pasts: list[set[int]] = []
        for position, (tid, operation) in enumerate(events):
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
        return found

    def _is_ordered(self, first: Event, second: Event) -> bool:
        (one, before), (two, after) = first, second
        return (
            one == two
            or self._conflict(before, after)
            or (before.kind == "spawn" and before.target == two)
            or (before.kind == "exit" and after.kind == "join" and after.target == one)
        )

    def _conflict(self, one: Operation, other: Operation) -> bool:
        key = one.accesses, other.accesses
        if key not in self._conflicts:
            self._conflicts[key] = conflict(one, other)
        return self._conflicts[key]

    def trace(self, trace: Trace) -> frozenset[Identity]:
        """Return the canonical form of a whole trace."""
        return frozenset(self.identities(trace.events, trace.threads))


@dataclass(slots=True)
class Script:
    """A strategy that follows a list of choices, then the default, and notes where it chose among what."""

    picks: list[int]
    #: Whether an operation that touches nothing and decides nothing is done at once, without alternatives.
    is_shortened: bool = True
    every_access: bool = True
    scope: str = ""
    #: By choice: number of events before, what could be chosen, whether it was a thread.
    met: list[tuple[int, list[int], bool]] = field(default_factory=list)

    def begin(self) -> bool:
        return True

    def choose(self, point: Point) -> int:
        options = list(range(point.values)) if point.values else self._threads(point)
        index = len(self.met)
        self.met.append((len(point.events), options, not point.values))
        if index == len(self.picks):
            self.picks.append(options[0])
        return self.picks[index]

    def end(self, trace: Trace) -> None:
        pass

    def _threads(self, point: Point) -> list[int]:
        enabled = [tid for tid in range(len(point.threads)) if point.enabled >> tid & 1]
        if self.is_shortened:
            for tid in enabled:
                operation = point.pending[tid]
                if operation is not None and operation.accesses == () and operation.kind not in ("choose", "sleep"):
                    return [tid]
        return enabled


def enumerate_classes(program: Program, *, limit: int = 20_000, merge: bool = True) -> dict[frozenset[Identity], Run] | None:
    """Run every schedule of the program; return one run of each class, or None if that takes more than `limit` executions.

    With `merge`, prefixes of one class are continued once, since what can follow is the same, and operations that depend on nothing
    are not tried at other times.
    """
    canon = Canon()
    classes: dict[frozenset[Identity], Run] = {}
    seen: set[frozenset[Identity]] = set()
    stack: list[list[int]] = [[]]
    executions = 0
    while stack:
        start = stack.pop()
        executions += 1
        if executions > limit:
            return None
        script = Script(list(start), is_shortened=merge)
        run = Machine(program, script).run()
        identities = canon.identities(run.trace.events, run.trace.threads)
        for index in range(len(start), len(script.met)):
            length, options, is_thread = script.met[index]
            if is_thread and merge:
                prefix = frozenset(identities[:length])
                if prefix in seen:
                    break
                seen.add(prefix)
            stack.extend([*script.picks[:index], other] for other in options if other != script.picks[index])
        classes[frozenset(identities)] = run
    return classes
