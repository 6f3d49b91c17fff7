"""Threads that wait by looking again and again, and what they wait for.

A turn of a loop is *idle* if the frame is as it was a turn ago and the thread did nothing but read meanwhile. The next turn will be the
same, unless somebody changes what was read. So a thread whose turn was idle waits for that (operation "spin"): exploring how
often it goes round would never end, and shows nothing. If what it read has been changed since it read it, it just goes on.

*Why no schedule is lost.* A turn more, with nothing changed, leaves the program as it was; a schedule with such turns is equivalent
to the one without. Whether a turn was idle, and whether something was written since, are told from the frame, the thread's own events, and
events in conflict with them: they are the same in all equivalent schedules.

*If nobody will change it.* When nothing else can run, the thread goes on after all: should the loop have a state that nobody sees,
it may still end. After `TURNS` rounds in which nobody did anything but read, the execution is a livelock.

Sampling strategies are not told of all accesses. If none of a turn's was an event, the thread lets all others go first, as if it slept;
if one of these reads is in conflict, that becomes known, and searches start over.
"""

from __future__ import annotations

from typing import Any

from interleave.model import READ, Access, Late, Operation, Site, conflict
from interleave.runtime import UNKNOWN, WaitQueue
from interleave.runtime.threads import LogicalThread

#: Rounds in which all threads left only look, before it is a livelock.
TURNS = 20
_PLAIN = frozenset({int, float, str, bytes, bool, type(None)})
#: Operations that touch nothing, and change nothing.
_IDLE = frozenset({"sleep", "yield", "spin"})


class Turn:
    """The beginning of one turn of a loop."""

    __slots__ = ("frame", "site", "start", "values")

    def __init__(self, frame: Any, site: Site, start: int) -> None:
        #: Kept alive, so that no other frame can be taken for it.
        self.frame = frame
        self.site = site
        self.values = tuple(frame.f_locals.values())
        #: Number of events before it.
        self.start = start

    def is_repeated_by(self, other: Turn) -> bool:
        """Tell whether another turn begins in the same state of the frame."""
        return self.frame is other.frame and self.site is other.site and _are_same(self.values, other.values)


class Spinning:
    """The loops under way in one execution, and the threads that wait in them."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        #: By tid.
        self._turns: dict[int, Turn] = {}
        self._waiting: dict[int, tuple[Operation, WaitQueue]] = {}
        #: Positions of the events that were attempts at a lock and failed: they only read.
        self._failed: set[int] = set()
        self._rounds = 0
        self._checked = 0

    def turn(self, site: Site, frame: Any) -> None:
        """Begin a turn of a loop; return when it makes sense to go round."""
        kernel = self._kernel
        me: LogicalThread = kernel.me
        last = self._turns.get(me.tid)
        this = self._turns[me.tid] = Turn(frame, site, len(kernel.events))
        if last is None or not last.is_repeated_by(this):
            return
        reads = self._reads_since(last.start, me.tid)
        if reads is not None:
            self._wait(me, site, reads)
            this.start = len(kernel.events)

    def tried(self, is_taken: bool) -> None:
        """Note how the attempt at a lock ended that is the last event."""
        events = self._kernel.events
        if not events or events[-1][1].kind != "try":
            # It was not announced: no other thread runs.
            return
        if not is_taken:
            self._failed.add(len(events) - 1)
        elif self._waiting:
            self._wake(events[-1][1])

    def wrote(self, operation: Operation) -> None:
        """Let those go on who wait for what is written now."""
        if operation.kind != "try":
            self._wake(operation)

    def _wake(self, operation: Operation) -> None:
        for spin, queue in self._waiting.values():
            if not queue.is_open and conflict(operation, spin):
                self._kernel.open(queue)

    def release(self) -> bool:
        """Let all go on because nothing else can run; return whether there are any, and it is no livelock."""
        kernel = self._kernel
        if not self._waiting:
            return False
        if any(not self._is_idle(position) for position in range(self._checked, len(kernel.events))):
            self._rounds = 0
        self._checked = len(kernel.events)
        self._rounds += 1
        late = 0
        for _, queue in self._waiting.values():
            late |= queue.mask
            kernel.open(queue)
        kernel.trace.late.append(Late(len(kernel.events), late, is_idle=True))
        if self._rounds > TURNS:
            kernel.is_runaway = kernel.is_spinning = True
            return False
        return True

    def close(self) -> None:
        """Let go of the program's frames."""
        self._turns.clear()
        self._waiting.clear()
        self._failed.clear()

    def explain(self, kind: str) -> tuple[str, tuple[int, ...], str]:
        """Say what a spinning thread waits for."""
        return "what its loop reads", (), "a change of what the loop reads"

    def _reads_since(self, start: int, tid: int) -> tuple[Access, ...] | None:
        """Return what a thread read during a turn; None if it did something else, or if it has been written since."""
        events = self._kernel.events
        reads: dict[Access, None] = {}
        for position in range(start, len(events)):
            owner, operation = events[position]
            is_idle = self._is_idle(position)
            if owner == tid:
                if not is_idle:
                    return None
                reads.update((access._replace(mode=READ), None) for access in operation.accesses or ())
            elif not is_idle and conflict(operation, Operation("spin", tuple(reads), operation.site)):
                return None
        return tuple(reads)

    def _is_idle(self, position: int) -> bool:
        """Tell whether an event has changed nothing."""
        operation = self._kernel.events[position][1]
        if operation.kind in _IDLE or position in self._failed:
            return True
        return operation.accesses is not None and operation.target < 0 and all(access.mode == READ for access in operation.accesses)

    def _wait(self, me: LogicalThread, site: Site, reads: tuple[Access, ...]) -> None:
        kernel = self._kernel
        operation = Operation("spin", reads, site)
        queue = WaitQueue()
        me.resource = self
        if reads:
            self._waiting[me.tid] = operation, queue
            kernel.watch = self
        try:
            kernel.block(me, operation, queue, None if reads else 0.0)
        finally:
            self._waiting.pop(me.tid, None)
            kernel.watch = self if self._waiting else None
        me.resource = None
        kernel.note(me, operation, None, UNKNOWN)


def _are_same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Tell whether local variables have the same values, without running code of the program."""
    return len(one) == len(other) and all(
        left is right or (type(left) is type(right) and type(left) in _PLAIN and left == right)
        for left, right in zip(one, other, strict=True)
    )
