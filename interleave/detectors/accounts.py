"""Races and lock-order inversions as a reader sees them, from the trace of an execution that was run in detail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from interleave.detectors.benign import Grader
from interleave.detectors.lock_order import Nesting
from interleave.detectors.sightings import Sighting, rank_of
from interleave.detectors.synchronisation import access_of, locks_of
from interleave.model import SHAPE, WHOLE, Access, Inversion, LockStep, Race, RaceAccess, Severity, Site, Trace

#: Operations that begin the step of a task.
_STEPS = ("step", "yield", "resume")
_SEVERITIES = ("harmful", "possible", "benign")


class Accounts:
    """Makes them for one trace, which has its `witness` and `steps`; `reference` is an execution without races, see `benign`."""

    def __init__(self, trace: Trace, reference: Trace | None) -> None:
        assert trace.witness is not None
        self._trace = trace
        self._witness = trace.witness
        self._grader = Grader(trace, reference)
        self._locks = locks_of(trace)

    def race(self, alike: Sequence[Sighting]) -> Race:
        """Return the worst of several sightings of one race."""
        graded = [(one, *self._grader.grade(one.place, one.pattern, one.positions)) for one in alike]
        one, severity, reason = min(graded, key=_preference)
        is_pair = len(one.positions) == 2
        accesses = [self._access(position) for position in self._with_partner(one)]
        place = self._place(one)
        message = self._concurrent(one, place) if is_pair else self._unserializable(one, place)
        kind: Literal["unserializable", "unsynchronised"] = "unsynchronised" if is_pair else "unserializable"
        return Race(kind, one.pattern, severity, place, message, tuple(accesses), one.key, reason=reason)

    def _place(self, one: Sighting) -> str:
        """Return what a place is called: the name is that of the first access of a step, which may be of one item of several."""
        names = [self._trace.steps[position].place for position in one.positions if self._is_named(position, one)]
        if not names and one.place.field in (SHAPE, WHOLE):
            names = [self._container(position) for position in one.positions]
        names += [self._trace.steps[position].place for position in one.positions]
        return next((name for name in names if name), "") or one.key[0].rstrip(".")

    def _is_named(self, position: int, one: Sighting) -> bool:
        """Tell whether what a step is said to touch, with which value, is the place of the race."""
        first = self._first(position)
        return first is not None and (first.owner, first.field) == (one.place.owner, one.place.field)

    def _container(self, position: int) -> str:
        """Return the name of the container that a step accesses an item of; nothing if that is not the first thing that it accesses."""
        first = self._first(position)
        is_item = first is not None and isinstance(first.field, tuple) and not any(bracket in repr(first.field[1:]) for bracket in "[]")
        return self._trace.steps[position].place.rpartition("[")[0] if is_item else ""

    def _first(self, position: int) -> Access | None:
        return next(iter(self._trace.events[position][1].accesses or ()), None)

    def inversion(self, cycle: Sequence[Nesting], key: tuple[str, ...]) -> Inversion:
        """Return a cycle of lock orders in words."""
        steps = tuple(self._lock_step(one) for one in cycle)
        said = "; ".join(f"thread {one.thread!r} takes {one.inner} while it holds {one.outer}" for one in steps)
        return Inversion(steps, f"locks are taken in opposite orders: {said}", key)

    def _lock_step(self, one: Nesting) -> LockStep:
        outer, inner = self._trace.steps[one.outer_at], self._trace.steps[one.inner_at]
        return LockStep(one.tid, self._thread(one.tid), outer.place, outer.where, inner.place, inner.where)

    def _thread(self, tid: int) -> str:
        return self._trace.threads[tid].name

    def _with_partner(self, one: Sighting) -> list[int]:
        """Return the positions of a race, with the read that the other thread's update of a lost update follows from."""
        if len(one.positions) == 2:
            return list(one.positions)
        _, between, _ = one.positions
        touches = one.place.touches
        tid = touches[one.place.index[between]].tid
        earlier = [touch for touch in touches[: one.place.index[between]] if touch.tid == tid][-1:]
        partner = [touch.position for touch in earlier if not touch.mode and rank_of(one.pattern) == 0]
        return sorted({*partner, *one.positions})

    def _access(self, position: int) -> RaceAccess:
        step, held = self._trace.steps[position], self._witness.held[position]
        locks = [name for bit, name in self._locks.items() if held & bit]
        # Those taken while there was one thread only, which makes no events.
        locks += ["a lock"] * (held.bit_count() - len(locks))
        return access_of(step, self._thread(step.tid), locks)

    def _concurrent(self, one: Sighting, place: str) -> str:
        first, second = map(self._access, one.positions)
        if (first.mode, first.file, first.line) == (second.mode, second.file, second.line):
            return f"nothing orders threads {first.thread!r} and {second.thread!r}, which both {first.mode[:-1]} {place} at {_at(first)}"
        return (
            f"nothing orders thread {first.thread!r}, which {first.mode} {place} at {_at(first)}, and thread {second.thread!r}, "
            f"which {second.mode} it at {_at(second)}"
        )

    def _unserializable(self, one: Sighting, place: str) -> str:
        # Of a step that stores an item, the value is not that of the container.
        first, between, second = (
            access if self._is_named(position, one) else replace(access, value="")
            for position, access in zip(one.positions, map(self._access, one.positions), strict=True)
        )
        own, other = repr(first.thread), repr(between.thread)
        start, middle, end = _at(first), _at(between), _at(second)
        if one.pattern == "read-write-write":
            mine, theirs = self._kind(first.tid), self._kind(between.tid)
            return (
                f"lost update of {place}: after {mine} {own} read it{_value(first, 'as')} at {start}{self._awaited(one)}, {theirs} {other} "
                f"wrote{_value(between)} at {middle}, which {mine} {own} overwrites{_value(second, 'with')} at {end}"
            )
        if one.pattern == "write-write-read":
            return (
                f"{place} is overwritten before it is read back: thread {own} wrote{_value(first)} at {start}, thread {other} "
                f"wrote{_value(between)} at {middle}, which thread {own} reads at {end}"
            )
        if one.pattern == "read-write-read":
            return f"{place} changes between two reads by thread {own}, at {start} and {end}: thread {other} writes it at {middle}"
        return f"{place} is seen between two writes by thread {own}, at {start} and {end}: thread {other} reads it at {middle}"

    def _kind(self, tid: int) -> str:
        """Return what a tid is of, in a word."""
        return "task" if any(by == tid and operation.kind in _STEPS for by, operation in self._trace.events) else "thread"

    def _awaited(self, one: Sighting) -> str:
        """Return in words where a task let others go on after its first access: where its next step begins."""
        first, _, second = one.positions
        events = self._trace.events
        tid = events[first][0]
        sites = [operation.site for by, operation in events[first:second] if by == tid and operation.kind in _STEPS]
        return f" and awaited at {_at(sites[0])}" if sites and sites[0].line else ""


def _preference(graded: tuple[Sighting, Severity, str]) -> tuple[bool, int, bool, int]:
    """Order sightings of one race: what does harm, then the worst pattern, of that a place whose values are known."""
    one, severity, _ = graded
    return severity != "harmful", one.rank, not isinstance(one.place.field, (str, tuple)), _SEVERITIES.index(severity)


def _at(access: RaceAccess | Site) -> str:
    return f"{access.file.rpartition('/')[2]}:{access.line}"


def _value(access: RaceAccess, preposition: str = "") -> str:
    """Return the value of an access with a space before it, empty where it is not known."""
    if not access.value:
        return ""
    return f" {preposition} {access.value}" if preposition else f" {access.value}"
