"""Virtual time, in seconds, and the deadlines on it.

Time moves to the next deadline when nothing else can run. It also moves a little whenever it is read, by a step that grows while
a thread does nothing but look at the clock, so that a loop that waits for a time by reading it ends within a few dozen
reads; the step is small again after the thread has blocked.
"""

from __future__ import annotations

import heapq
from typing import Any

from interleave.model import Late
from interleave.runtime.threads import LogicalThread

#: Largest step by which a read moves the clock.
_LONGEST_TICK = 0.01
_GROWTH = 1.5
#: Deadlines so close together are one moment: real clocks and schedulers do not keep them apart.
_MOMENT = 1e-4


class Clock:
    """The time of one execution. Deadlines are entries [time, order, thread]; a stale one is no longer its thread's."""

    __slots__ = ("_heap", "now")

    def __init__(self) -> None:
        self.now = 1_000.0
        self._heap: list[list[Any]] = []

    def set(self, thread: LogicalThread, timeout: float, order: int) -> None:
        """Give a thread a deadline `timeout` seconds from now; of equal ones the lower order is first."""
        thread.is_timed_out = False
        thread.deadline = [self.now + max(timeout, 0.0), order, thread]
        heapq.heappush(self._heap, thread.deadline)

    def read(self, thread: LogicalThread) -> int:
        """Let time go on because a thread looks at it; return the mask of the threads that are timed out by that."""
        self.now += thread.tick
        thread.tick = min(thread.tick * _GROWTH, _LONGEST_TICK)
        return self._time_out(self.now)

    def advance(self) -> int:
        """Move to the next deadline and return the mask of the threads that it times out; 0 if there is none.

        Deadlines at one moment are all reached at once: which thread goes on first is a choice.
        """
        heap = self._heap
        while heap and heap[0][2].deadline is not heap[0]:
            heapq.heappop(heap)
        if not heap:
            return 0
        self.now = max(self.now, heap[0][0])
        return self._time_out(self.now + _MOMENT)

    def _time_out(self, limit: float) -> int:
        """Take off the deadlines up to `limit`, and return the mask of their threads."""
        late = 0
        while self._heap and self._heap[0][0] <= limit:
            entry = heapq.heappop(self._heap)
            if entry[2].deadline is entry:
                entry[2].is_timed_out = True
                late |= entry[2].bit
        return late


def pass_time(kernel: Any) -> int:
    """Let time go on until a thread is enabled, and return the mask of those that are; 0 if none ever will be."""
    while not kernel.enabled:
        late = kernel.clock.advance()
        if late:
            kernel.enabled |= late
            kernel.trace.late.append(Late(len(kernel.events), late, is_idle=True))
        elif not kernel.at_quiescence():
            # Those who only look and look are enabled then, and named by whoever judges.
            return 0
    mask: int = kernel.enabled
    return mask
