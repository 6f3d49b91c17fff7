"""The timers of a loop. They belong to its carrier, which is enabled when the earliest is due; those that are due join the plain callbacks.

Where timers may fire early (`timeouts="any"`), that one does is a step of a logical thread of its own, which the carrier performs. It moves
time on and calls the timer: so callbacks and timers are not taken for steps of one thread, in the only order that these could come in. The
thread is enabled while a timer is set and no plain callback is waiting: what is due joins those, and who joins them fires as well later.

Two timers that are due at exactly the same time are called in either order, as the documentation has it: asyncio keeps them in a heap,
which does not keep the order of what is equal. For real, deadlines that were computed one after the other differ by some microseconds,
where the clock shows that: on Windows it stands still for 15 ms. Here it stands still while anything can run, and nothing is built upon the
difference. Timers that only wake tasks that sleep are called first where any task may step next: when these tasks go on, before the other
timers are called or after, is a choice anyway. Where tasks step in the order in which they became ready, the order of waking is that of
their steps, and is chosen like that of the others; all that is due is called before any of these steps, as in one iteration of asyncio's.
"""

from __future__ import annotations

import heapq
from typing import Any

from interleave.event_loop.actors import FIRE, NO_FIRE, Actor
from interleave.event_loop.ready import Ready, add_thread, release_patient
from interleave.event_loop.sleeping import WAKE_UP, Sleepers
from interleave.model import READ

#: By how much time goes on while all that is ready only yields: it reaches the next timer in the end.
_LULL = 0.01
#: How often the time may be read before it goes on.
_READS = 1_000


class Timers:
    """The clock of one loop."""

    __slots__ = ("_is_fifo", "_kernel", "_loop", "_read_at", "_reads", "_ready", "_sleepers", "_steps", "_trap", "may_be_early", "thread")

    def __init__(self, loop: Any, ready: Ready, trap: Any, *, is_fifo: bool) -> None:
        self._loop = loop
        self._is_fifo = is_fifo
        self._ready = ready
        self._trap = trap
        self._kernel = trap.kernel
        self._steps = trap.steps
        self._reads, self._read_at = 0, -1.0
        self._sleepers = Sleepers()
        #: Whose steps let time go on: the carrier's, or where that may come early those of a thread of its own.
        self.thread: Any = ready.carrier
        self.may_be_early = self._kernel.any_timeout
        if self.may_be_early:
            self.thread = add_thread(ready, "timers")
            self.thread.task = Actor(loop, self.thread, None)

    def move_to(self, carrier: Any) -> None:
        """Let another thread run the loop."""
        if not self.may_be_early:
            self.thread = carrier
        self.thread.carrier, self.thread.fiber = carrier.tid, carrier.fiber
        self._ready.move_to(carrier)

    def rest(self, announced: Any = NO_FIRE) -> None:
        """Let none fire until they are looked at again (`wind`)."""
        if self.may_be_early:
            self._kernel.enabled &= ~self.thread.bit
            self._kernel.pending[self.thread.tid] = announced
        if self.thread.deadline is not None:
            self._kernel.clear_deadline(self.thread)

    def are_unseen(self) -> bool:
        """Tell whether there are timers of which the loop does not know that it has to wait for them: another thread has set them."""
        return self.thread.deadline is None and any(not one._cancelled for one in self._loop._scheduled)

    def read_clock(self) -> float:
        """Return the virtual time; let it go on for who reads it again and again, as if it waited for a moment to come."""
        kernel = self._kernel
        self._reads = self._reads + 1 if self._read_at == kernel.clock.now else 0
        if self._reads > _READS:
            self._steps.break_up()
            self._trap.read_clock()
        self._read_at = now = kernel.clock.now
        return float(now)

    def wind(self) -> None:
        """Set the deadline to the earliest timer, and to a moment from now if somebody yields again and again."""
        scheduled, kernel, thread = self._loop._scheduled, self._kernel, self.thread
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False
        if self._loop.scheduler.stopped_by < 0 and not self._ready.plain.handles:
            # It may have been ready for a timer that was due, and was cancelled since.
            self._ready.mask &= ~self._ready.carrier.bit
        if (not scheduled and not self._ready.patient) or (self.may_be_early and self._ready.plain.handles):
            self.rest()
            return
        now = kernel.clock.now
        due = scheduled[0]._when if scheduled else now + _LULL
        if due <= now:
            self._ready.mask |= self._ready.carrier.bit
        if due <= now or self._loop.scheduler.stopped_by >= 0:
            # It ends before time goes on: to be chosen for that would be to do nothing, again and again.
            self.rest()
            return
        if self._ready.patient:
            due = min(due, now + _LULL)
        if thread.deadline is None or thread.deadline[0] != due:
            kernel.set_deadline(thread, due - now)
        if self.may_be_early:
            kernel.pending[thread.tid] = FIRE

    def take(self, *, may_pass: bool) -> bool:
        """Enter the timers that are due; if who runs was chosen for one, let time go on to it first, and return True."""
        kernel, ready, scheduled = self._kernel, self._ready, self._loop._scheduled
        deadline = self.thread.deadline
        is_late = deadline is not None and may_pass and not ready.plain.handles
        if deadline is not None:
            if is_late:
                self._end_if_all_sleep()
                kernel.clock.now = max(kernel.clock.now, deadline[0])
                release_patient(ready)
            kernel.clear_deadline(self.thread)
        due: list[Any] = []
        while scheduled and scheduled[0]._when <= kernel.clock.now:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            self._steps.enter_object(handle, READ)
            if not handle._cancelled:
                due.append(handle)
        while due:
            ready.note_wake(ready.carrier)
            ready.enter_due(due.pop(self._choose(due)))
        return is_late

    def _end_if_all_sleep(self) -> None:
        """End the execution, as a livelock, if all that is left are tasks that sleep again and again."""
        kernel = self._kernel
        if self.may_be_early or any(one.deadline is not None and one is not self.thread for one in kernel.logical):
            return
        if sleeping := self._sleepers.are_all(self._loop._scheduled, self._ready.by_tid):
            kernel.enabled = sum(1 << tid for tid in sleeping)
            kernel.is_runaway = kernel.is_spinning = True
            kernel.stop()

    def _choose(self, due: list[Any]) -> int:
        """Choose which of the timers that are due goes first, of those due at the same time."""
        equal = [one for one in due if one._when == due[0]._when]
        waking = [] if self._is_fifo else [index for index, one in enumerate(equal) if one._callback is WAKE_UP]
        if waking or len(equal) == 1:
            # Who is woken may go on before the others, and after them.
            return waking[0] if waking else 0
        return int(self._kernel.value(len(equal)))
