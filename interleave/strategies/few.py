"""Random schedules with few preemptions, to find a simple one that fails as a complicated one does.

A few preemptions, fewer ones being likelier, at points drawn uniformly; at all others the thread that runs goes on while it can, and where
it cannot, each enabled one is as likely. That is the space of preemption bounding (Musuvathi, Qadeer, "Iterative Context Bounding for
Systematic Testing of Multithreaded Programs", PLDI 2007), sampled. Unlike with the priorities of `pct`, who wakes a thread is not
preempted by it.

Which thread another gives way to makes no schedule less simple, and there may be thousands of ways to choose where threads only block:
where `dfs` with the same bound is lost among them, samples come to all parts.
"""

from __future__ import annotations

from collections.abc import Callable

from interleave.model import Point, Strategy, Trace
from interleave.strategies._draws import Draws
from interleave.strategies._points import bits


class Few(Strategy):
    """Sample schedules with at most as many preemptions as `most` returns; runs as long as it is asked to and proves nothing."""

    def __init__(self, most: Callable[[], int], *, seed: int = 0) -> None:
        self._preemptions = most
        self._draws = Draws(seed)
        self._execution = 0
        #: Points at which a preemption was possible: in the execution under way, and the most in one before it.
        self._passed = 0
        self._most = 0
        self._places: set[int] = set()

    def begin(self) -> bool:
        """Draw where the next execution has its preemptions."""
        self._draws.begin(self._execution)
        self._execution += 1
        self._passed = 0
        most = self._preemptions()
        # Fewer ones are likelier, but not by so much that many do not come.
        number = 1 + self._draws.below(1 + self._draws.below(most)) if most else 0
        self._places = {self._draws.below(self._most) for _ in range(number)} if self._most else set()
        return True

    def choose(self, point: Point) -> int:
        """Go on with the thread that runs, unless it cannot, or is to be preempted here."""
        if point.values:
            return self._draws.below(point.values)
        others = point.enabled & ~(1 << point.current)
        if others != point.enabled:
            place, self._passed = self._passed, self._passed + 1
            if place not in self._places or not others:
                return point.current
        tids = bits(others)
        return tids[self._draws.below(len(tids))]

    def end(self, trace: Trace) -> None:
        """Learn how many points there may be."""
        self._most = max(self._most, self._passed)
