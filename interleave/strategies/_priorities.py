"""Random priorities for announced operations, drawn as late as possible.

Each announced operation has a priority of its own, and the enabled one with the highest happens. Only the order of priorities matters,
so they may have any distribution. Take exponentially distributed numbers, the lowest being the highest priority. Where n
operations are compared for the first time, the lowest of their numbers has the same distribution, n times as dense, and each
operation is as likely to have it. Of the others it becomes known that their numbers are higher, and by how much has again the
distribution that they began with: the exponential one has no memory.

So there are no numbers to keep, only groups of operations with the same floor, of which there are few; one number is drawn for each group
whose floor lies below the lowest drawn so far. What comes out is distributed exactly as if each operation had its number. A step costs
the same for a hundred threads as for three.

**Fairness.** An operation that was unlucky waits long for a thread that spins: k operations of the other with a probability of about
1/k, so the expected wait is infinite, and a livelock could be reported that no real scheduler shows. Users therefore draw all
priorities anew (`EVERYBODY`) where a yield has happened, and at every point of an execution that lasts far longer than any before it,
from `PATIENCE` points after twice their length on. That is the uniform random walk, in which long waits are exponentially
improbable. Executions that end sooner are not affected.
"""

from __future__ import annotations

import random
from math import inf, log

from interleave.strategies._points import Picker

#: Points by which an execution has to exceed twice the longest one before it, to be made fair.
PATIENCE = 1_000
#: The mask of all threads.
EVERYBODY = -1


class Priorities:
    """The priorities of the operations that the logical threads have announced, by thread."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        self._picker = Picker()
        # Threads whose operation has been compared and has lost, as (floor, mask), lowest floor first; no mask is 0.
        self._losers: list[tuple[float, int]] = []

    @property
    def losers(self) -> int:
        """The threads whose operation has been compared with others, as a mask."""
        losers = 0
        for _, mask in self._losers:
            losers |= mask
        return losers

    def clear(self) -> None:
        """Forget all priorities."""
        self._losers = []
        self._picker.clear()

    def pick(self, candidates: int, stale: int) -> int:
        """Return the thread of highest priority among the mask `candidates`, which must not be 0.

        Threads in `stale`, and those that are no candidates now, get a new priority next time; so does the one returned.
        """
        draw = self._random.random
        fresh = candidates
        groups: list[tuple[float, int]] = []
        for floor, mask in self._losers:
            mask &= candidates & ~stale
            if mask:
                fresh ^= mask
                groups.append((floor, mask))
        lowest, winners, losers = inf, 0, 0
        if fresh:
            lowest, winners, losers = -log(1.0 - draw()) / fresh.bit_count(), fresh, fresh
        beaten = 0
        for floor, mask in groups:
            if floor >= lowest:
                break
            beaten += 1
            losers |= mask
            number = floor - log(1.0 - draw()) / mask.bit_count()
            if number < lowest:
                lowest, winners = number, mask
        tid = self._picker.pick(winners, self._random)
        losers ^= 1 << tid
        self._losers = [(lowest, losers), *groups[beaten:]] if losers else groups[beaten:]
        return tid
