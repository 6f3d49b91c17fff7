"""Executions of tasks as race detection sees them: access by access instead of step by step.

A step of a task is one event of the trace. A detailed run also records what happened within the steps, and which step woke which task.
From that comes a trace in which every access is an event, steps keep together, and what orders the steps is there as synchronisation: a
wake-up is a `set` by who wakes and a `wait` by who is woken, and an `asyncio.Lock` is held from its acquire to its release.

Only lost updates are looked for. That a value changes between two reads, or between a write and a read back, is what programs of tasks
expect of an `await`; that what was written meanwhile is overwritten by what follows from the value before is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from interleave.detectors import sightings
from interleave.detectors.sightings import Sighting
from interleave.detectors.synchronisation import MUTEXES
from interleave.model import NOWHERE, STATE, WRITE, Access, Event, Frame, Operation, Step, Trace, Value, Witness

#: Operations that begin a step.
_BEGINNINGS = frozenset({"step", "callback", "count", "timer", "yield"})
#: Operations of threads: what orders those with steps is not known here.
_THREADS = frozenset({"spawn", "begin", "resume", "suspend", "join"})
_NO_STEP = Step(0, 0, "wait", "", "", Frame("", 0, ""), False, ())


def unfolded(trace: Trace) -> Trace | None:
    """Return the view of an execution run in detail; None if it is not one of tasks alone."""
    witness = trace.witness
    if witness is None or len(witness.rows) != len(trace.steps) or any(operation.kind in _THREADS for _, operation in trace.events):
        return None
    wakes: dict[int, list[tuple[int, int]]] = {}
    for position, tid, target in witness.wakes:
        wakes.setdefault(position, []).append((tid, target))
    events: list[Event] = []
    steps: list[Step] = []
    values: list[Value | None] = []
    for position, (tid, operation) in enumerate(witness.rows):
        added = [(waker, _edge("set", target)) for waker, target in wakes.get(position, ())]
        added.append((tid, operation))
        if operation.kind in _BEGINNINGS:
            added.append((tid, _edge("wait", tid)))
        for event in added:
            is_own = event[1] is operation
            events.append(event)
            steps.append(trace.steps[position] if is_own else _NO_STEP)
            values.append(witness.values[position] if is_own else None)
    view = Witness(_held(events), values, set(), set())
    return replace(trace, events=events, steps=steps, witness=view)


def seen(view: Trace) -> dict[tuple[str, ...], list[Sighting]]:
    """Return the lost updates that an execution shows."""
    assert view.witness is not None
    found = {
        key: [one for one in alike if one.pattern == "read-write-write" and _is_read_only(one)]
        for key, alike in sightings.seen(view.events, view.witness).items()
    }
    return {key: alike for key, alike in found.items() if alike}


def _is_read_only(one: Sighting) -> bool:
    """Tell whether the place is one attribute, variable or entry: what of a whole container was lost is not known."""
    return isinstance(one.place.field, (str, tuple))


def _edge(kind: str, target: int) -> Operation:
    return Operation(kind, (Access(((target,), -1, "task"), STATE, WRITE),), NOWHERE)


def _held(events: Sequence[Event]) -> list[int]:
    """Return the locks of asyncio that each task holds, by position."""
    bits: dict[object, int] = {}
    by_tid: dict[int, int] = {}
    held = []
    for tid, operation in events:
        held.append(by_tid.get(tid, 0))
        owner = operation.accesses[0].owner if operation.accesses else None
        if owner is not None and operation.kind in ("acquire", "release") and owner[-1] in MUTEXES:
            bit = bits.setdefault(owner, 1 << len(bits))
            if operation.kind == "acquire":
                by_tid[tid] = by_tid.get(tid, 0) | bit
            else:
                by_tid = {one: locks & ~bit for one, locks in by_tid.items()}
    return held
