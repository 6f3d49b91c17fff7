"""The happens-before relation of the current execution, and the races in it that can be reversed.

An event happens before a later one if they are of one logical thread, if they conflict, if one spawns the thread of the other or
ends the thread that the other joins, and transitively. Each event gets a vector clock when it is added; events are
added and taken off at the end only, so what two successive executions share is analysed once.

**Races.** A race is a pair (e, f) of conflicting events of different threads whose order can be reversed. Where no operation
blocks, those are the pairs with no third event in between in happens-before. Operations that block need a second look: the
events just before `f` may be what enabled it, as the release of a lock enables the acquire that follows; these cannot be reversed,
and the pair that can, the two acquires, has the release in between.
So the conflicting events before `f` are visited from the latest on. Let `u` be what was executed until `e` or independently
of it. `f` can be moved before `e` if its own thread gets to it without `e`, and it is enabled after `u`:

* if it is not, (e, f) is no race, and the search goes on with what stands before `e`;
* if it is, (e, f) is a race, and all that happened before `e` is left alone: after it, `f` is enabled, so some other execution has
  `f` right there, and that one shows the race;
* if that is unknown, both: (e, f) is taken for a race, and the search goes on.

**Timers that fire early** are the exception to this: they are enabled and disabled by others again and again. Whether one could fire where
`e` was executed is known if all that came later depends on `e`; otherwise the search tries.

The same search is made for operations that were announced and never executed: a thread that blocks forever in a
deadlock must be tried before those that took what it wants. The JACM version of the paper has this for locks (see `dpor`); here it
covers every guard alike: locks, queues, semaphores, events, conditions.

**Time** passes when nothing else can go on. What is enabled by that depends on all that happened before, whatever it touches, and so does
all that comes of it; among themselves, the threads woken at one moment are as free as any. Where time passes because a thread
looks at the clock, which is no event, it is not known what the threads that it wakes depend on: they conflict with everything.

**The end of a loop** comes after the last of the steps that were registered before it, whichever it is, and is one event with that. If it
is a callback, that could as well come before another of these steps: it would touch the same, and the end would come after the other. So
the end is in no race with them, nor with what they depend on, unless the callback by itself conflicts with it (`_holds_back`).

**Enabled or not** is known where the thread of `f` had announced it when `e` happened: the strategy was told who was enabled.
Where the thread came to `f` only later, what it waits for tells afterwards whether it was open then (`Trace.guards`): if `f` touches one
place, all that could change the answer between `e` and `f` conflicts with `e`, so that the state just before `e` is the one in question.
Where steps of tasks or blocks of accesses are events that is not recorded; then mutexes are judged by their history, and of others it
is unknown. A race that cannot be reversed after all costs an execution that proves redundant, and no more (see `dpor`); one denied would
lose schedules, so there is no denial without certainty. What the passing of time enabled was not enabled just before.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heapreplace
from typing import Any, Final

from interleave.model import WAKE, Event, Late, Operation, Owner, Trace
from interleave.strategies._footprint import Footprint, Footprints, is_conflict
from interleave.vector_clock import NEVER, Clock, join, start, widen

Guard = Callable[[int], bool | None]

#: Of a race: whatever changes in the next execution, it has to be looked at again.
UNSETTLED: Final = 1 << 62
_NO, _MAYBE, _YES = range(3)
#: Kinds on a mutex after which it is held, and those that make it free.
_TAKES = ("acquire", "try")
_GIVES = ("release", "wait")
#: Kinds of operations for which the state of an object decides whether they are enabled, the same for all threads at all times.
_STATEFUL = frozenset(("acquire", "done", "get", "join", "put", "shutdown"))
#: Kinds whose operations are always enabled; of the others it is not known, and of kinds yet to come.
_NEVER_BLOCKS = frozenset((
    "alive", "choose", "clear", "close", "done", "empty", "exit", "full", "is_set", "locked", "look", "notify", "qsize", "read", "release",
    "set", "spawn", "time", "try", "wait", "write", "yield",
))  # fmt: skip


#: Kinds of the steps of tasks that are events by themselves.
_STEPS = ("step", "yield", "callback", "count")


class Causality:
    """Clocks and races of the events of one execution, by position."""

    def __init__(self, merged: frozenset[str] = frozenset()) -> None:
        self.footprints = Footprints(merged)
        self.tids: list[int] = []
        self.clocks: list[Clock] = []
        #: What each event touched.
        self.touched: list[Footprint] = []
        #: By position of e, where any f races with it: their positions, ascending, each with what the search knows of the race. It begins
        #: with `UNSETTLED`.
        self.races: dict[int, dict[int, int]] = {}
        self._operations: list[Operation] = []
        #: Masks of the tids enabled before each event.
        self._enabled: list[int] = []
        #: By position of f: the positions of all e that race with it.
        self._rivals: list[Sequence[int]] = []
        #: By tid: the event that spawned it, `NEVER` if there is none, and its own events.
        self.chains: list[list[int]] = []
        self._width = 0
        #: What made the next step of a task ready: thread, its last event, the last of all; the answer. Valid until `cut`.
        self._enabler: tuple[tuple[int, int, int] | None, int] = (None, NEVER)
        #: By position, and by `~tid` of an operation never executed: what tells whether it could go on (see `Trace.guards`).
        self._guards: dict[int, Guard] = {}
        #: Types whose objects are found to have other names in other executions, and by position of a step the names given in it.
        self.unsettled: set[str] = set()
        self._named: dict[int, frozenset[Owner]] = {}
        self._enablers: dict[int, int] = {}
        #: By position of the end of a loop: what it touches besides, and the steps without which the loop does not end.
        self._ends: dict[int, tuple[Footprint, frozenset[int]]] = {}

    def take_guards(self, trace: Trace) -> None:
        """Take over when what operations wait for was open in an execution, of which events are going to be added.

        The steps of tasks and blocks of accesses are events that contain other operations: when exactly it changed is not known there. An
        operation with a timeout may be enabled by time where that goes on because somebody looks at the clock.
        """
        self._named = trace.named
        self._enablers = trace.enablers
        self._ends = {
            at: (self.footprints.of(trace.events[at][1]._replace(accesses=own)), needed) for at, (own, needed) in trace.ends.items()
        }
        if trace.has_tasks or trace.has_blocks:
            self._guards = {}
        else:
            self._guards = {key: guard for key, (guard, is_timed) in trace.guards.items() if not is_timed or not trace.is_clock_read}

    def make_room(self, width: int) -> None:
        """Prepare for threads up to tid `width - 1`."""
        if width > self._width:
            self._width = width
            widen(self.clocks, width)
            self.chains.extend([NEVER] for _ in range(width - len(self.chains)))

    def add(self, event: Event, enabled: int, *, late: Late | None = None, is_end: bool = False) -> None:
        """Add the next event; `enabled` is the mask of tids that could have been chosen instead.

        `late` says that the passing of time enabled it (see the head of this file); `is_end` that it ends the program and its daemon
        threads: it comes after everything, and cannot be moved.
        """
        tid, operation = event
        position = len(self.tids)
        self.tids.append(tid)
        self._operations.append(operation)
        self._enabled.append(enabled)
        footprint = self.footprints.of(operation)
        if late is not None and not late.is_idle:
            footprint = self.footprints.unknown
        # Just before time passed it was not enabled.
        enabled_from = late.position if late is not None and late.is_idle else 0
        clock, rivals = self._visit(position, tid, operation, footprint, enabled_from=enabled_from)
        if is_end:
            rivals = []
            footprint = self.footprints.nothing
            clock = join(clock, _all_before(self.chains, position))
        elif late is not None and late.is_idle:
            clock = join(clock, _all_before(self.chains, late.position))
            if operation.kind == "timer":
                # As long as anything else could go on it was not due.
                rivals = [rival for rival in rivals if rival >= late.position]
        for rival in rivals:
            if rival in self._named:
                types = _types_named_first(self._operations[rival], operation, self._named[rival])
                self.unsettled |= types - self.footprints.merged
            self.races.setdefault(rival, {})[position] = UNSETTLED
        clock = clock.copy()
        clock[tid] = position
        self.clocks.append(clock)
        self.touched.append(footprint)
        self._rivals.append(rivals or ())
        self.chains[tid].append(position)
        if operation.kind == "spawn":
            self.chains[operation.target] = [position]
        self.footprints.record(footprint, position)

    def cut(self, length: int) -> None:
        """Take off all events but the first `length`."""
        erase, races, chains = self.footprints.erase, self.races, self.chains
        self._enabler = (None, NEVER)
        for position in range(len(self.tids) - 1, length - 1, -1):
            erase(self.touched[position])
            for rival in self._rivals[position]:
                del races[rival][position]
                if not races[rival]:
                    del races[rival]
            operation = self._operations[position]
            if operation.kind == "spawn":
                chains[operation.target] = [NEVER]
            chains[self.tids[position]].pop()
        columns: tuple[list[Any], ...] = (
            self.tids, self.clocks, self.touched, self._operations, self._enabled, self._rivals,
        )  # fmt: skip
        for column in columns:
            del column[length:]

    def visit_pending(self, tid: int, operation: Operation) -> tuple[Clock, list[int]]:
        """Return the clock of an operation that was never executed, as if it came last, and the events before which it might have been."""
        position = len(self.tids)
        past, rivals = self._visit(position, tid, operation, self.footprints.of(operation), enabled_from=position)
        clock = past.copy()
        clock[tid] = position
        return clock, rivals

    def independent_of(self, position: int) -> list[int]:
        """Return the later events that did not happen after the one at `position` (`notdep` in the paper)."""
        tid = self.tids[position]
        return [later for later, clock in enumerate(self.clocks[position + 1 :], position + 1) if clock[tid] < position]

    def _past(self, tid: int, operation: Operation) -> Clock:
        """Return the clock of an operation as far as it comes from its own thread, and from the end of the one it joins."""
        previous = self.chains[tid][-1]
        past = self.clocks[previous] if previous != NEVER else start(self._width)
        if operation.kind == "join" and operation.target >= 0:
            ended = self.chains[operation.target][-1]
            # A join with a timeout may have given up before.
            if ended != NEVER and self._operations[ended].kind == "exit":
                past = join(past, self.clocks[ended])
        return past

    def _visit(self, position: int, tid: int, operation: Operation, footprint: Footprint, *, enabled_from: int) -> tuple[Clock, list[int]]:
        """Return the clock of an operation, itself left out, and the events it races with, latest first.

        It is known not to have been enabled just before `enabled_from`, 0 if there is no such place. The clock may be shared with another
        event. See the head of this file for the order of visits.
        """
        past = self._past(tid, operation)
        # Everything before `settled` needs no more visits: it is ordered by the thread itself or by a race.
        clock = settled = past
        giver = self._enablers.get(position)
        if giver is not None and position < len(self.tids):
            clock = join(clock, self.clocks[giver])
        histories = self.footprints.dependencies(footprint, position)
        if not histories:
            return clock, []
        # Whether the operation is enabled after the event visited next.
        after = _YES
        guard = self._guards.get(position if position < len(self.tids) else ~tid)
        rivals: list[int] = []
        end = self._ends.get(position) if self._ends else None
        tids, clocks = self.tids, self.clocks
        # Of each history what comes next, and where it is: a heap.
        heads = [(-history[-1], which, len(history) - 1) for which, history in enumerate(histories)]
        heapify(heads)
        while heads:
            entry, which, cursor = heads[0]
            event = -entry >> 1
            other = tids[event]
            is_settled = settled[other] >= event
            if not is_settled:
                if event < enabled_from:
                    after, enabled_from = _NO, 0
                if clock[other] < event:
                    clock = join(clock, clocks[event])
                if footprint.is_single and not footprint.probe & self.touched[event].touch_write:
                    # It changes nothing, so what is enabled after it is enabled before it.
                    possible = after
                elif end is not None and _holds_back(self, event, *end):
                    possible = _NO
                else:
                    possible = self._can_precede(event, tid, operation, footprint, guard)
                after = possible
                if possible != _NO:
                    rivals.append(event)
                if possible == _YES:
                    settled = join(settled, clocks[event])
                    is_settled = True
            # All that precedes a settled write at its place is settled too.
            if not cursor or (is_settled and entry & 1):
                heappop(heads)
            else:
                heapreplace(heads, (-histories[which][cursor - 1], which, cursor - 1))
        return clock, rivals

    def _can_precede(self, event: int, tid: int, operation: Operation, footprint: Footprint, guard: Guard | None) -> int:
        """Tell whether `operation`, of thread `tid`, is enabled where `event` was executed: `_NO`, `_YES` or `_MAYBE`.

        It is asked of an operation whose thread does not depend on `event`. The state in question is that after all that was
        executed before `event`, and all later events that are independent of it.
        """
        if operation.kind == "fire":
            return self._could_fire(event, own=tid)
        if operation.kind in _STEPS:
            return self._was_ready(event, tid, operation)
        if self.chains[tid][-1] < event:
            if self._enabled[event] >> tid & 1:
                return _YES
            # It was announced, and disabled. What it depends on elsewhere may have changed since, independently of `event`.
            return _MAYBE if not footprint.is_single and _is_changed_after(self, event, footprint) else _NO
        if operation.kind in _NEVER_BLOCKS:
            return _YES
        if guard is not None and footprint.is_single and operation.kind in _STATEFUL:
            # All that could change it meanwhile depends on `event`.
            was_open = guard(event)
            if was_open is not None:
                return _YES if was_open else _NO
        if operation.kind == "acquire" and footprint.is_single and is_mutex(operation):
            return _was_free(self, event, footprint)
        return _MAYBE

    def _was_ready(self, event: int, own: int, operation: Operation) -> int:
        """Tell whether the next step of a task, thread `own`, was ready where `event` was executed.

        It becomes ready by one event, and stays so until it is executed: it can precede `event` if that enabling event can. Where
        it takes the contributions of several, it can precede none of them, and nothing that one of them depends on.
        """
        tid = self.tids[event]
        for later in range(event, len(self.clocks)) if _is_woken(operation) else ():
            one = self._operations[later]
            if one.kind == "count" and self.clocks[later][tid] >= event and _is_contribution(one, operation):
                return _NO
        enabler, last = self.chains[own][-1], len(self._enabled) - 1
        # The same for all events that a visit asks about, and long to look for in long executions.
        if self._enabler[0] != (asked := (own, enabler, last)):
            while enabler < last and not self._enabled[enabler + 1] >> own & 1:
                enabler += 1
            self._enabler = (asked, enabler)
        enabler = self._enabler[1]
        return _YES if enabler < event or (enabler > event and self.clocks[enabler][tid] < event) else _NO

    def _could_fire(self, event: int, own: int) -> int:
        """Tell whether a timer could have fired early, by thread `own`, where `event` was executed.

        Timers are set and cancelled, and wait for plain callbacks. If all that was executed later depends on `event`, it is known.
        """
        tid = self.tids[event]
        is_known = all(clock[tid] >= event for clock in self.clocks[event + 1 :])
        return _MAYBE if not is_known else _YES if self._enabled[event] >> own & 1 else _NO


def _holds_back(causality: Causality, event: int, proper: Footprint, needed: frozenset[int]) -> bool:
    """Tell whether a loop cannot end before an event, which has nothing to do with the callback that was the last.

    The loop needs it, or a step that depends on it. Before it the callback would not be the last, and otherwise the same.
    """
    tid, clocks = causality.tids[event], causality.clocks
    is_needed = any(event <= at < len(clocks) and clocks[at][tid] >= event for at in needed)
    return is_needed and not is_conflict(proper, causality.touched[event])


def _was_free(causality: Causality, event: int, footprint: Footprint) -> int:
    """Tell whether a mutex was free just before `event`, which is an operation on it, as far as that is certain.

    After an acquire a mutex is held (also if it gave up in the end), and after an attempt too, successful or not. But what
    a lone thread does while no other is alive is no event: if there was such a time since, nothing is known.
    """
    history = footprint.touched[0][0].writes
    index = bisect_left(history, event << 1)
    kind = causality._operations[event].kind
    if not index:
        return _YES if kind == "acquire" else _MAYBE
    before = history[index - 1] >> 1
    taker, taken = causality.tids[before], causality._operations[before].kind
    # A wait that timed out does not have its lock back; but who releases a lock next had it.
    is_taken = taken in _TAKES or (taken == "wake" and kind in _GIVES and taker == causality.tids[event])
    if not is_taken:
        return _YES if kind == "acquire" else _MAYBE
    breaks = "spawn" if taker == 0 else "exit"
    is_alone = any(causality.tids[at] == taker and causality._operations[at].kind == breaks for at in range(before + 1, event))
    return _MAYBE if is_alone or kind == "acquire" else _NO


def _all_before(chains: list[list[int]], position: int) -> Clock:
    """Return the clock of what comes after all events before a position."""
    # The first entry of a chain is not the thread's own.
    found = ((chain, bisect_left(chain, position, 1) - 1) for chain in chains)
    return [chain[index] if index else NEVER for chain, index in found]


def _types_named_first(one: Operation, other: Operation, named: frozenset[Owner]) -> set[str]:
    """Return the types of what two steps conflict on, and what got its name in the first; it would get another one in the second."""
    both = [*(one.accesses or ()), *(other.accesses or ())]
    shared = named & {access.owner for access in one.accesses or ()} & {access.owner for access in other.accesses or ()}
    return {access.owner[-1] for access in both if access.mode and access.owner in shared}


def _is_changed_after(causality: Causality, event: int, footprint: Footprint) -> bool:
    """Tell whether something that matters to an operation was executed after `event` and independently of it."""
    tid, touched, clocks = causality.tids[event], causality.touched, causality.clocks
    return any(clocks[later][tid] < event and is_conflict(footprint, touched[later]) for later in range(event + 1, len(touched)))


def _is_woken(operation: Operation) -> bool:
    return any(one.field is WAKE and one.mode for one in operation.accesses or ())


def _is_contribution(event: Operation, operation: Operation) -> bool:
    """Tell whether an event contributed to making an operation ready, which is not itself one that contributes (see `model.WAKE`)."""
    woken = [one.owner for one in operation.accesses or () if one.field is WAKE and one.mode]
    return any(one.field is WAKE and one.owner in woken for one in event.accesses or ())


def is_mutex(operation: Operation) -> bool:
    """Tell whether an operation is on a lock that one thread at a time can hold, by the type's name in the owner's."""
    assert operation.accesses
    return operation.accesses[0].owner[-1] in ("lock", "Lock", "RLock")


def unexecuted(events: Sequence[Event], pending: Sequence[Operation | None]) -> list[tuple[int, Operation]]:
    """Return what was announced and not executed, by tid."""
    if not any(pending):
        return []
    executed: dict[int, Operation] = dict(events)
    return [(tid, one) for tid, one in enumerate(pending) if one is not None and executed.get(tid) is not one]
