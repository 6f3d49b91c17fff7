"""Executions of tasks as race detection sees them: access by access instead of step by step.

A step of a task is one event of the trace. A detailed run also records what happened within the steps, and which step woke which task.
From that comes a trace in which every access is an event, steps keep together, and what orders the steps is there as synchronisation: a
wake-up is a `set` by who wakes and a `wait` by who is woken, and an `asyncio.Lock` is held from its acquire to its release.

Between tasks only lost updates are looked for. That a value changes between two reads, or between a write and a read back, is what
programs of tasks expect of an `await`; that what was written meanwhile is overwritten by what follows from the value before is not.
Where threads take part, accesses of theirs that nothing orders with those of tasks or of other threads count as well: what a task and a
thread share takes `call_soon_threadsafe` or a lock of `threading`. Steps of one loop do not order each other; what wakes what does.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from interleave.detectors import sightings
from interleave.detectors.sightings import Sighting
from interleave.detectors.synchronisation import MUTEXES, takes
from interleave.model import NOWHERE, STATE, WRITE, Access, Event, Frame, Operation, Owner, Step, Trace, Value, Witness
from interleave.outcome import GROUP

#: Operations that begin a step.
_BEGINNINGS = frozenset({"step", "callback", "count", "timer", "fire", "yield", "resume"})
#: Locks of asyncio come before those of threads in a mask of what is held.
_MOST_HELD = 64
_NO_STEP = Step(0, 0, "wait", "", "", Frame("", 0, ""), False, ())


def unfolded(trace: Trace) -> Trace | None:
    """Return the view of an execution run in detail; None if it is not one."""
    witness = trace.witness
    if witness is None or len(witness.rows) != len(trace.steps):
        return None
    wakes: dict[int, list[tuple[int, int]]] = {}
    for position, tid, target in witness.wakes:
        wakes.setdefault(position, []).append((tid, target))
    events: list[Event] = []
    steps: list[Step] = []
    values: list[Value | None] = []
    #: The positions of the rows among the events.
    places: list[int] = []
    for position, (tid, operation) in enumerate(witness.rows):
        added = [(waker, edge) for waker, target in wakes.get(position, ()) for edge in _edges(target)]
        added.append((tid, operation))
        if operation.kind in _BEGINNINGS:
            added.append((tid, _edge("wait", tid)))
        for event in added:
            is_own = event[1] is operation
            if is_own:
                places.append(len(events))
            events.append(event)
            steps.append(trace.steps[position] if is_own else _NO_STEP)
            values.append(witness.values[position] if is_own else None)
    held, loops = [0] * len(events), _loops(witness)
    for position, place in enumerate(places):
        held[place] = (witness.held[position] & ~loops) << _MOST_HELD
    of_threads = {owner for owner, _ in takes(events, Witness(held, [], set(), set())).values()}
    held = [one | other for one, other in zip(held, _held(events, of_threads), strict=True)]
    view = Witness(held, values, {places[one] for one in witness.timed_out}, {places[one] for one in witness.bounded})
    return replace(trace, events=events, steps=steps, witness=view)


def seen(view: Trace) -> dict[tuple[str, ...], list[Sighting]]:
    """Return the lost updates that an execution shows, and what nothing orders of accesses by a thread and by another or a task."""
    assert view.witness is not None
    inside = steppers(view.events)
    found = {
        key: [one for one in alike if _is_race(one, view.events, inside)]
        for key, alike in sightings.seen(view.events, view.witness).items()
    }
    return {key: alike for key, alike in found.items() if alike}


def loses_updates(view: Trace) -> bool:
    """Tell whether an execution shows a lost update."""
    return any(one.pattern == "read-write-write" for alike in seen(view).values() for one in alike)


def steppers(events: Sequence[Event]) -> frozenset[int]:
    """Return the tids of what is run by event loops: tasks, and the threads of the loops."""
    return frozenset(tid for tid, operation in events if operation.kind in _BEGINNINGS)


def _is_race(one: Sighting, events: Sequence[Event], inside: frozenset[int]) -> bool:
    if len(one.positions) == 2:
        # Of steps of a loop, either may come first: that is no race by itself.
        return not all(events[position][0] in inside for position in one.positions)
    return one.pattern == "read-write-write" and _is_read_only(one)


def _is_read_only(one: Sighting) -> bool:
    """Tell whether the place is one attribute, variable or entry: what of a whole container was lost is not known."""
    return isinstance(one.place.field, (str, tuple))


def _edges(target: int) -> list[Operation]:
    """Return what a wake-up does, or the counting of a group: that follows from all counting before it."""
    return [_edge("set", target)] if target != GROUP else [_edge("wait", target), _edge("set", target)]


def _edge(kind: str, target: int) -> Operation:
    return Operation(kind, (Access(((target,), -1, "task"), STATE, WRITE),), NOWHERE)


def _loops(witness: Witness) -> int:
    """Return the locks that stand for event loops: all that a task holds when it first steps. They order nothing."""
    known: set[int] = set()
    loops = 0
    for (tid, operation), held in zip(witness.rows, witness.held, strict=True):
        if tid not in known:
            known.add(tid)
            loops |= held if operation.kind in ("step", "resume") else 0
    return loops


def _held(events: Sequence[Event], of_threads: Set[Owner]) -> list[int]:
    """Return the locks of asyncio that each task holds, by position: all but those of threads."""
    bits: dict[object, int] = {}
    by_tid: dict[int, int] = {}
    held = []
    for tid, operation in events:
        held.append(by_tid.get(tid, 0))
        owner = operation.accesses[0].owner if operation.accesses else None
        if owner is not None and operation.kind in ("acquire", "release") and owner[-1] in MUTEXES and owner not in of_threads:
            bit = bits.setdefault(owner, 1 << len(bits))
            if operation.kind == "acquire":
                by_tid[tid] = by_tid.get(tid, 0) | bit
            else:
                by_tid = {one: locks & ~bit for one, locks in by_tid.items()}
    return held
