"""Following a schedule where fewer switches are possible than when it was made: each as soon as it can be.

A schedule of free-threaded Python may switch in the midst of what the GIL makes one atomic block. Here such a switch comes at the next
point. What follows a switch is counted from there, so that a delay does not take the rest of the schedule out of step.
"""

from __future__ import annotations

from interleave.model import Point, Schedule, Strategy


class Nearest(Strategy):
    """Make one execution with the choices of a schedule, in their order, none earlier than recorded."""

    every_access = True

    def __init__(self, schedule: Schedule) -> None:
        self._deviations = schedule.deviations
        self._next = 0
        #: By how many moments what is done lags behind what was recorded.
        self._delay = 0

    def choose(self, point: Point) -> int:
        """Return the pick that is due, if it is possible here."""
        if self._next == len(self._deviations):
            return point.default
        moment, pick = self._deviations[self._next]
        if point.moment < moment + self._delay:
            return point.default
        is_possible = pick < point.values if point.values else bool(point.enabled >> pick & 1)
        if not is_possible and point.moment == moment + self._delay:
            return point.default
        self._next += 1
        if not is_possible:
            return point.default
        self._delay = point.moment - moment
        return pick
