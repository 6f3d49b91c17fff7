"""Threads that wait by looking again and again, and what they wait for.

A turn of a loop is *idle* if the frame is as it was a turn ago and the thread did nothing but read meanwhile. The next turn will be the
same, unless somebody changes what was read. So a thread whose turn was idle waits for that (operation "spin"): exploring how
often it goes round would never end, and shows nothing. If what it read has been changed since it read it, it just goes on.

*Why no schedule is lost.* A turn more, with nothing changed, leaves the program as it was; a schedule with such turns is equivalent
to the one without. Whether a turn was idle, and whether something was written since, are told from the frame, the thread's own accesses,
and accesses in conflict with them: they are the same in all equivalent schedules. Nor do they depend on which accesses the strategy wants
to know of, so that a schedule found by one strategy is the same schedule for all.

*If nobody will change it.* When nothing else can run, the thread goes on after all: should the loop have a state that nobody sees,
it may still end. After `TURNS` rounds in which nobody did anything but read, the execution is a livelock.
"""

from __future__ import annotations

from typing import Any

from interleave.model import NOWHERE, READ, Access, Late, Operation, Site, conflict
from interleave.runtime import UNKNOWN, WaitQueue
from interleave.runtime.threads import LogicalThread

#: Rounds in which all threads left only look, before it is a livelock.
TURNS = 20
_PLAIN = frozenset({int, float, str, bytes, bool, type(None)})
#: Operations that touch nothing, and change nothing.
_IDLE = frozenset({"sleep", "yield", "spin"})


class Turn:
    """One turn of a loop, from its beginning on, in which its thread has only read, and others have changed nothing of that since."""

    __slots__ = ("frame", "reads", "site", "values")

    def __init__(self, frame: Any, site: Site) -> None:
        #: Kept alive, so that no other frame can be taken for it.
        self.frame = frame
        self.site = site
        self.values = tuple(frame.f_locals.values())
        #: What the thread read since.
        self.reads: dict[Access, None] = {}

    def is_repeated_by(self, other: Turn) -> bool:
        """Tell whether another turn begins in the same state of the frame."""
        return self.frame is other.frame and self.site is other.site and _are_same(self.values, other.values)


class Spinning:
    """The loops under way in one execution, and the threads that wait in them."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        #: By tid: the turns in one frame that a next one may repeat, of loops inside each other or one after another.
        self._turns: dict[int, list[Turn]] = {}
        self._waiting: dict[int, tuple[Operation, WaitQueue]] = {}
        #: Rounds in which all that are left only looked.
        self._rounds = 0

    def turn(self, site: Site | None, frame: Any) -> None:
        """Begin a turn of a loop; return when it makes sense to go round. None says that a loop around it goes on."""
        kernel = self._kernel
        me: LogicalThread = kernel.me
        if site is None:
            self._turns.pop(me.tid, None)
            kernel.watch = self if self._turns else None
            return
        kernel.watch = self
        turns = self._turns.setdefault(me.tid, [])
        if turns and turns[0].frame is not frame:
            turns.clear()
        known = next((index for index, turn in enumerate(turns) if turn.site is site), len(turns))
        last = turns[known] if known < len(turns) else None
        this = Turn(frame, site)
        # Loops inside this one have come to their end.
        turns[known:] = [this]
        if last is not None and last.is_repeated_by(this):
            self._wait(me, site, tuple(last.reads))
            this.reads.clear()

    def saw(self, tid: int, kind: str, accesses: tuple[Access, ...] | None, target: int = -1) -> None:
        """Take in what a thread does now."""
        # An attempt at a lock is judged by how it ends.
        if kind == "try":
            return
        is_idle = kind in _IDLE or (accesses is not None and target < 0 and all(access.mode == READ for access in accesses))
        self._enter(tid, accesses, is_idle=is_idle)

    def tried(self, *, is_taken: bool) -> None:
        """Note how the attempt at a lock ended that is the last event: one that failed has only read."""
        kernel = self._kernel
        if kernel.watch is not None and kernel.events and kernel.events[-1][1].kind == "try":
            self._enter(kernel.current, kernel.events[-1][1].accesses, is_idle=not is_taken)

    def release(self) -> bool:
        """Let all go on because nothing else can run; return whether there are any, and it is no livelock."""
        kernel = self._kernel
        if not self._waiting:
            return False
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

    def explain(self, kind: str) -> tuple[str, tuple[int, ...], str]:
        """Say what a spinning thread waits for."""
        return "what its loop reads", (), "a change of what the loop reads"

    def _enter(self, tid: int, accesses: tuple[Access, ...] | None, *, is_idle: bool) -> None:
        own = self._turns.get(tid)
        if own:
            if is_idle:
                reads = [access if access.mode == READ else access._replace(mode=READ) for access in accesses or ()]
                for turn in own:
                    turn.reads.update(dict.fromkeys(reads))
            else:
                own.clear()
        if is_idle:
            return
        self._rounds = 0
        done = Operation("write", accesses, NOWHERE)
        for other, turns in self._turns.items():
            if other != tid and turns:
                turns[:] = [turn for turn in turns if not conflict(done, Operation("spin", tuple(turn.reads), turn.site))]
        for spin, queue in self._waiting.values():
            if not queue.is_open and conflict(done, spin):
                self._kernel.open(queue)

    def _wait(self, me: LogicalThread, site: Site, reads: tuple[Access, ...]) -> None:
        kernel = self._kernel
        operation = Operation("spin", reads, site)
        queue = WaitQueue()
        self._waiting[me.tid] = operation, queue
        me.resource = self
        try:
            kernel.block(me, operation, queue, None)
        finally:
            self._waiting.pop(me.tid, None)
        me.resource = None
        kernel.note(me, operation, None, UNKNOWN)


def _are_same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Tell whether local variables have the same values, without running code of the program."""
    pairs = zip(one, other, strict=False)
    return len(one) == len(other) and all(
        left is right or (type(left) is type(right) and type(left) in _PLAIN and left == right) for left, right in pairs
    )
