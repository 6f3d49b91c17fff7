"""Leading one execution to where a prediction may come true.

What a detector foretells is a list of *goals*, steps that certain logical threads make in a certain order: read, the other's write, write;
or: take this lock, the other takes that one, then both want the other's. A thread that stands before a goal whose turn has not come is
held back, and the thread of the goal that is due is preferred; everything else follows the default. That is the active scheduling
of Joshi, Naik, Park, Sen, "CalFuzzer: An Extensible Active Testing Framework for Concurrent Programs" (CAV 2009) and of DeadlockFuzzer
(Joshi, Park, Sen, Naik, PLDI 2009, section 3).

Departures: threads are named by their path and steps by site and number, which are the same in every execution, instead of by abstractions
of objects; and nothing is drawn at random, as who is held back is known exactly. If everybody who could go on is held back, all are let
go, as there: then the goals cannot be reached in this order (or the deadlock that was foretold comes). The same is done when nothing
was reached for long; from there on threads take turns, so that one which spins does not do so for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from interleave.model import Event, Point, Site, Strategy, ThreadInfo

#: Announcements without a goal reached after which the prediction is given up, besides twice the length of the execution it is from.
PATIENCE = 500


class Goal(NamedTuple):
    """The `number`-th event that the thread with this path makes at this site."""

    path: tuple[int, ...]
    site: Site
    number: int


def goals_of(positions: Sequence[int], events: Sequence[Event], threads: Sequence[ThreadInfo]) -> list[Goal]:
    """Return events of a trace, by position, as goals in the order given."""
    goals = []
    for position in positions:
        tid, operation = events[position]
        number = sum(1 for other, one in events[: position + 1] if other == tid and one.site is operation.site)
        goals.append(Goal(threads[tid].path, operation.site, number))
    return goals


class Steer(Strategy):
    """Run one execution towards `goals`; `length` is about how many announcements it makes."""

    every_access = True

    def __init__(self, goals: Sequence[Goal], *, length: int = 0) -> None:
        self._goals = goals
        #: How many goals have been reached.
        self.reached = 0
        self._is_lost = False
        self._patience = PATIENCE + 2 * length
        self._since = 0
        self._seen = 0
        self._counts: dict[tuple[int, Site], int] = {}
        self._tids: dict[tuple[int, ...], int] = {}

    def choose(self, point: Point) -> int:
        """Return the thread whose goal is due if it can go on, else the default of those not held back."""
        if point.values:
            return point.default
        self._take_note(point)
        if not self._is_lost and point.moment - self._since > self._patience:
            self._is_lost = True
        if self._is_lost:
            later = point.enabled >> point.current + 1 << point.current + 1
            return _lowest(later or point.enabled)
        if self.reached == len(self._goals):
            return point.default
        allowed = self._allowed(point)
        due = self._tids.get(self._goals[self.reached].path, -1)
        if not allowed:
            # They are let go in this order, which keeps the first from undoing what the others came to.
            allowed = point.enabled
        if due >= 0 and allowed >> due & 1:
            return due
        return point.default if allowed >> point.default & 1 else _lowest(allowed)

    def _take_note(self, point: Point) -> None:
        """Count what has happened since the last choice, and note the goals reached by it."""
        for info in point.threads[len(self._tids) :]:
            self._tids[info.path] = info.tid
        events = point.events
        for position in range(self._seen, len(events)):
            tid, operation = events[position]
            key = (tid, operation.site)
            count = self._counts[key] = self._counts.get(key, 0) + 1
            if self.reached < len(self._goals):
                path, site, due = self._goals[self.reached]
                if site is operation.site and count == due and self._tids.get(path) == tid:
                    self.reached += 1
                    self._since = point.moment
        self._seen = len(events)

    def _allowed(self, point: Point) -> int:
        """Return the enabled threads without those that stand before a goal whose turn has not come."""
        allowed = point.enabled
        for path, site, number in self._goals[self.reached + 1 :]:
            tid = self._tids.get(path, -1)
            announced = point.pending[tid] if tid >= 0 else None
            if announced is not None and announced.site is site and self._counts.get((tid, site), 0) + 1 == number:
                allowed &= ~(1 << tid)
        return allowed


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
