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
from typing import NamedTuple

from interleave.model import Access, Event, Operation, Point, Strategy, ThreadInfo, Trace, conflict
from tests.simulation import Machine, Program, Run

#: An event with all that happened before it, interned as a number.
Identity = int
#: The canonical form of a trace, or of the beginning of one.
Class = frozenset[Identity]
#: Kinds of operations that touch nothing, and yet decide something.
DECIDING = ("choose", "sleep")


class Canon:
    """Names events so that equivalent traces have equal sets of names."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, Identity] = {}
        self._conflicts: dict[Hashable, bool] = {}
        self._found: list[Identity] = []
        #: By event: a mask of the positions of all that happened before it, and its own.
        self._pasts: list[int] = []

    def start(self) -> None:
        """Begin a new trace."""
        self._found, self._pasts = [], []

    def extend(self, events: Sequence[Event], threads: Sequence[ThreadInfo]) -> Class:
        """Identify the events that are new since the last call, and return the class of the trace so far."""
        found, pasts = self._found, self._pasts
        for position in range(len(found), len(events)):
            identity, past = self._identify(events, threads, position, events[position])
            pasts.append(past)
            found.append(identity)
        return frozenset(found)

    def foresee(self, event: Event, events: Sequence[Event], threads: Sequence[ThreadInfo]) -> Class:
        """Return the class that the trace so far will be of with one more event."""
        return frozenset((*self._found, self._identify(events, threads, len(self._found), event)[0]))

    def _identify(self, events: Sequence[Event], threads: Sequence[ThreadInfo], position: int, event: Event) -> tuple[Identity, int]:
        tid, operation = event
        past = 0
        nearest: list[Identity] = []
        for before in reversed(range(position)):
            if not past >> before & 1 and self._is_ordered(events[before], event):
                past |= self._pasts[before]
                nearest.append(self._found[before])
        value = operation.target if operation.kind == "choose" else -1
        key = (threads[tid].path, operation.kind, operation.accesses, value, frozenset(nearest))
        return self._numbers.setdefault(key, len(self._numbers)), past | 1 << position

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


class Locality:
    """What each thread has been seen to announce. An operation is local if nothing that other threads announce conflicts with it.

    A local operation can as well be done at once: whatever others do, up to where one of them announces what conflicts with it, they can
    do after it too. So a search that does local operations at once sees that announcement; then `has_grown`, and it has to begin anew.
    """

    def __init__(self) -> None:
        self.has_grown = False
        self._announced: dict[tuple[int, ...], dict[tuple[Access, ...], Operation]] = {}
        self._shared: set[Hashable] = set()
        #: Whether it is not known of anything what it touches.
        self._is_void = False

    def learn(self, path: tuple[int, ...], operation: Operation) -> None:
        """Take note of what a thread announces."""
        own = self._announced.setdefault(path, {})
        accesses = operation.accesses
        if accesses is None:
            self.has_grown |= not self._is_void
            self._is_void = True
            return
        if accesses in own:
            return
        own[accesses] = operation
        for other, theirs in self._announced.items():
            for one in theirs.values() if other != path else ():
                if conflict(one, operation):
                    self.has_grown |= (other, one.accesses) not in self._shared
                    self._shared |= {(other, one.accesses), (path, accesses)}

    def is_local(self, path: tuple[int, ...], operation: Operation) -> bool:
        """Tell whether an operation, as far as known, conflicts with nothing that others do. A choice is one's own, and yet decides."""
        return not self._is_void and operation.kind not in DECIDING and (path, operation.accesses) not in self._shared


class KnownError(Exception):
    """Stops an execution that has come to where another one was."""


class Branch(NamedTuple):
    """Choices that lead to something not yet tried, and the class of prefixes that it is, None where that cannot be told before."""

    picks: list[int]
    foreseen: Class | None = None


@dataclass
class Script(Strategy):
    """A strategy that follows a list of choices and then takes the first option that leads to anything new, noting the others.

    With `foresees` it reckons that what a thread has announced is what it does, and leaves out what leads to a class of prefixes that is
    known. Without, it goes there to see, and only what follows is left out.
    """

    canon: Canon
    #: What was met so far, in this execution and others; None to meet everything again and again.
    seen: set[Class] | None
    foresees: bool = False
    #: What is done at once; None for what touches nothing.
    locality: Locality | None = None
    every_access: bool = True
    scope: str = ""
    stack: list[Branch] = field(default_factory=lambda: [Branch([])])
    picks: list[int] = field(default_factory=list)
    made: list[int] = field(default_factory=list)
    #: What is announced, kept up to date by who runs the program.
    pending: Sequence[Operation | None] = ()

    def begin(self) -> bool:
        while self.stack:
            branch = self.stack.pop()
            if branch.foreseen is None or not self.is_known(branch.foreseen):
                self.picks, self.made = branch.picks, []
                self.canon.start()
                return True
        return False

    def choose(self, point: Point) -> int:
        self.pending = point.pending
        if len(self.made) < len(self.picks):
            self.made.append(self.picks[len(self.made)])
            return self.made[-1]
        if point.values:
            options: Sequence[int] = range(point.values)
        else:
            self.learn(point.threads)
            options = self.threads(point)
            if self.seen is not None:
                prefix = self.canon.extend(point.events, point.threads)
                if prefix in self.seen:
                    return self.leave(point)
                self.seen.add(prefix)
        branches = [Branch([*self.made, option], self.foresee(point, option)) for option in options]
        branches = [one for one in branches if one.foreseen is None or not self.is_known(one.foreseen)]
        if not branches:
            return self.leave(point)
        self.stack += branches[1:]
        self.made = branches[0].picks
        return self.made[-1]

    def end(self, trace: Trace) -> None:
        # Who is blocked in the end may have announced it only after the last choice.
        self.learn(trace.threads)

    def learn(self, threads: Sequence[ThreadInfo]) -> None:
        """Take note of what is announced."""
        if self.locality is not None:
            for info, operation in zip(threads, self.pending, strict=True):
                if operation is not None:
                    self.locality.learn(info.path, operation)

    def is_known(self, prefix: Class) -> bool:
        return self.seen is not None and prefix in self.seen

    def foresee(self, point: Point, option: int) -> Class | None:
        """Return the class of prefixes that an option leads to, None where that is not known."""
        operation = point.pending[option] if self.foresees and not point.values else None
        if operation is None or operation.accesses is None or operation.kind == "choose":
            return None
        return self.canon.foresee((option, operation), point.events, point.threads)

    def leave(self, point: Point) -> int:
        """Stop here: another execution goes on from an equivalent prefix."""
        raise KnownError

    def threads(self, point: Point) -> list[int]:
        """Return the threads to try."""
        enabled = enabled_tids(point)
        if self.seen is not None:
            for tid in enabled:
                if self.is_silent(point, tid):
                    return [tid]
        return enabled

    def is_silent(self, point: Point, tid: int) -> bool:
        """Tell whether what a thread does next can as well be done at once."""
        operation = point.pending[tid]
        if operation is None or self.locality is None:
            return operation is not None and operation.accesses == () and operation.kind not in DECIDING
        return self.locality.is_local(point.threads[tid].path, operation)


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
    script = Script(canon, set() if merge else None, foresees=merge)
    executions = 0
    while script.begin():
        executions += 1
        if executions > limit:
            return None
        try:
            run = Machine(program, script).run()
        except KnownError:
            continue
        classes[canon.extend(run.trace.events, run.trace.threads)] = run
    return classes
