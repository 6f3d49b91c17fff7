"""Partial order sampling: random priorities for operations, drawn anew where two of them race.

Yuan, Yang, Gu, "Partial Order Aware Concurrency Sampling", CAV 2018, section 4. Every announced operation has a random
priority, and the enabled one with the highest happens (BasicPOS). A thread that has gone on announces its next operation, with
a fresh priority. So every schedule can come out, but races that follow each other depend: an operation that has lost keeps its
low priority, and is likely to lose again. Therefore each announced operation that conflicts with the one that has happened
(`model.conflict`) gets a fresh priority too (POS). Then every partial order is met with a probability that has a bound of its own,
exponentially better in the number of operations than that of the random walk. How the priorities are drawn is in `_priorities`.

Departures:

* Operations are announced at scheduling points only. Accesses never met in conflict race with nothing; so which partial orders
  come out does not depend on them.
* A thread that was started runs to its first operation at once: that it begins races with nothing, and only what it does then has a
  priority. Else it would have to be the highest twice, and threads that are started late would come late.
* A thread that is not enabled has no priority until it is. Nothing is changed by that: one that announces what is blocked has not
  been compared with any other, and one that was enabled and is not any more was blocked by an operation in conflict with its
  own, upon which its priority is due to be drawn anew.
* Values (`interleave.choose`, and the like) are drawn uniformly.
* A yield conflicts with everything, and executions that do not seem to end become fair (`_priorities`).
"""

from __future__ import annotations

import random

from interleave.model import Access, Operation, Owner, Point, Strategy, Trace, conflict
from interleave.strategies._draws import seed_of
from interleave.strategies._points import bits
from interleave.strategies._priorities import EVERYBODY, PATIENCE, Priorities

#: Announced operations with the same footprint: that, one of them, and the mask of the threads.
_Groups = dict[tuple[Access, ...], tuple[Operation, int]]
_NOBODY: _Groups = {}
_NOTHING = (None, 0)


class Pos(Strategy):
    """Let the operation of highest random priority happen; runs as long as it is asked to and proves nothing."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
        #: Index of the next execution.
        self.execution = 0
        #: The most scheduling points in an execution that ended before it was made fair.
        self.longest = 0
        self._random = random.Random()
        self._priorities = Priorities(self._random)
        # By tid: what was announced when last looked at; the same by owner that is touched; and the mask of the threads of
        # which it is not known what they touch.
        self._announced: list[Operation | None] = []
        self._touching: dict[Owner, _Groups] = {}
        self._unknown = 0
        # The masks of the threads that have not begun, and of those whose priority is to be drawn anew.
        self._new = self._stale = 0
        # How many events have been looked at; how many points there were, and from which on the execution is made fair.
        self._seen = 0
        self._points = 0
        self._fair_from = 0

    def begin(self) -> bool:
        """Seed the generator for the next execution."""
        self._random.seed(seed_of(self.seed, self.execution))
        self.execution += 1
        self._priorities.clear()
        self._announced.clear()
        self._touching.clear()
        self._unknown = self._new = self._stale = self._seen = self._points = 0
        self._fair_from = PATIENCE + 2 * self.longest
        return True

    def choose(self, point: Point) -> int:
        """Return the thread whose operation has the highest priority; values are drawn uniformly."""
        if point.values:
            return self._random.randrange(point.values)
        self._points += 1
        self._stale |= self._catch_up(point) if self._points <= self._fair_from else EVERYBODY
        if new := self._new & point.enabled:
            return bits(new)[0]
        stale, self._stale = self._stale, 0
        return self._priorities.pick(point.enabled, stale)

    def end(self, trace: Trace) -> None:
        """Learn how long executions are."""
        if self._points <= self._fair_from:
            self.longest = max(self.longest, self._points)

    def _catch_up(self, point: Point) -> int:
        """Return the threads that have gone on since the last point, or whose operation conflicts with one that happened."""
        pending, announced = point.pending, self._announced
        happened = point.events[self._seen :]
        self._seen += len(happened)
        gone_on = 0
        for tid, _ in happened:
            gone_on |= 1 << tid
        # Whoever has lost and not gone on announces still what it announced then.
        stale, losers = gone_on, self._priorities.losers
        for _, operation in happened:
            stale |= self._rivals(operation, losers & ~stale)
        for tid in range(len(announced), len(pending)):
            announced.append(None)
            gone_on |= 1 << tid
        for tid in bits(gone_on):
            self._announce(tid, pending[tid])
        return stale

    def _rivals(self, operation: Operation, among: int) -> int:
        """Return the threads of the mask `among` whose announced operation conflicts with one that happened."""
        if operation.accesses is None or operation.kind == "yield":
            return among
        found = self._unknown
        for access in operation.accesses:
            for other, mask in self._touching.get(access[0], _NOBODY).values():
                if mask & among & ~found and conflict(operation, other):
                    found |= mask
        return found & among

    def _announce(self, tid: int, operation: Operation | None) -> None:
        """Note what a thread is about to do, in place of what it was about to do before."""
        before = self._announced[tid]
        self._announced[tid] = operation
        bit = 1 << tid
        self._new &= ~bit
        if operation is not None and operation.kind == "begin":
            self._new |= bit
        if before is not None:
            old = before.accesses
            if operation is not None and operation.accesses == old:
                return
            if old is None:
                self._unknown ^= bit
            else:
                for access in old:
                    groups = self._touching[access[0]]
                    mask = groups.pop(old, _NOTHING)[1] & ~bit
                    if mask:
                        groups[old] = before, mask
        if operation is not None:
            new = operation.accesses
            if new is None:
                self._unknown |= bit
            else:
                for access in new:
                    groups = self._touching.setdefault(access[0], {})
                    groups[new] = operation, groups.get(new, _NOTHING)[1] | bit
