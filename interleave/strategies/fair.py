"""Coming to an end: a schedule is followed, and then everybody that can go on gets its turns.

It tells an execution that is only long from one that never ends: under this, whatever waits for another thread sees it go on.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from interleave.model import Point, Schedule, Strategy
from interleave.strategies._points import bits
from interleave.strategies.replay import Replay

#: A thread is given so many moments at most before another has its turn; how many is drawn, as threads that are in step with each other
#: would stay so under equal turns.
LONGEST = 1 << 10


class Fair(Strategy):
    """Make one execution: by a schedule up to a moment, after that by turns."""

    every_access = True

    def __init__(self, schedule: Schedule, until: int, look: Callable[[], object] = int) -> None:
        self._replay = Replay(schedule, strict=False)
        self._until = until
        #: Called before each turn; it raises an error to break off.
        self._look = look
        #: When the turn under way is over.
        self._end = until
        self._source = random.Random(0)

    def begin(self) -> bool:
        """Begin the only execution."""
        return self._replay.begin()

    def choose(self, point: Point) -> int:
        """Follow the schedule; then go on with who is at it, until its turn is over."""
        if point.moment < self._until:
            return self._replay.choose(point)
        if point.values or point.moment < self._end:
            return point.default
        self._look()
        self._end = point.moment + (1 << self._source.randrange(LONGEST.bit_length()))
        able = bits(point.enabled)
        return next((tid for tid in able if tid > point.current), able[0])
