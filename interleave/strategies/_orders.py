"""How many executions a proof takes, as far as one execution shows.

Schedules are equivalent if all operations that conflict come in the same order in them. So there are at most as many classes of
schedules as there are ways to order the operations at each place, one place regardless of the others: to merge the writes of the
threads, and to put each read between two of other threads' writes. Places that are only touched under one lock add nothing to the orders
of that lock. And there are no more of them than ways to merge what the threads do, which is less where an operation touches many places,
as the steps of tasks do. It is still far too many where places depend on each other in other ways, and it knows only of what happened in
the execution looked at. But it costs next to nothing, and tells the programs that are small from those that are hopeless, which is what
`auto` has to know.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from math import lgamma

from interleave.model import WHOLE, Event, Owner
from interleave.strategies._points import IMPLIED


@dataclass(slots=True)
class _Place:
    """How often each thread reads and writes a place, and the locks held at each of these accesses, None before the first."""

    counts: dict[int, list[int]] = field(default_factory=dict)
    guards: frozenset[Owner] | None = None

    def add(self, tid: int, mode: int, held: frozenset[Owner]) -> None:
        self.counts.setdefault(tid, [0, 0])[mode] += 1
        self.guards = held if self.guards is None else self.guards & held


def log_orders(events: Iterable[Event]) -> float:
    """Return the natural logarithm of how many orders there may be of the conflicting operations among `events`.

    Accesses to the whole of an object are taken to be to the same place as all others to that object. An operation of which it is not
    known what it touches writes one place that all others read, except those under a lock that is held at all such operations.
    """
    places: dict[Owner, dict[Hashable, _Place]] = {}
    counts: dict[int, list[int]] = {}
    held: dict[int, frozenset[Owner]] = {}
    unknown, others = _Place(), []
    for tid, operation in events:
        mine, touched = held.get(tid, frozenset()), operation.accesses
        if operation.kind == "release":
            held[tid] = mine.difference(owner for owner, _, _ in touched or ())
        if operation.kind in IMPLIED:
            continue
        counts.setdefault(tid, [0, 0])[1] += 1
        if touched is None:
            unknown.add(tid, 1, mine)
            continue
        others.append((tid, mine))
        for owner, name, mode in touched:
            places.setdefault(owner, {}).setdefault(name, _Place()).add(tid, mode, mine)
            if operation.kind == "acquire":
                # Who waits for a condition has let go of its lock by the time that another thread takes it.
                held = {other: locks - {owner} for other, locks in held.items()}
                held[tid] = held.get(tid, frozenset()) | {owner}
    if unknown.guards is not None:
        guards = unknown.guards
        for tid, mine in others:
            if not mine & guards:
                unknown.add(tid, 0, guards)
    total = _log_orders_at(unknown.counts)
    for fields in places.values():
        for place in [_merged(fields.values())] if WHOLE in fields else fields.values():
            # Of accesses under one lock the order follows from that in which the lock is taken.
            total += 0.0 if place.guards else _log_orders_at(place.counts)
    return min(total, _log_orders_at(counts))


def _merged(fields: Iterable[_Place]) -> _Place:
    merged = _Place()
    for place in fields:
        for tid, counts in place.counts.items():
            merged.counts[tid] = [sum(both) for both in zip(counts, merged.counts.get(tid, (0, 0)), strict=True)]
        merged.guards = place.guards if merged.guards is None else merged.guards & (place.guards or frozenset())
    return merged


def _log_orders_at(counts: dict[int, list[int]]) -> float:
    """Return the same for one place, given the numbers of reads and writes by thread."""
    all_writes = sum(writes for _, writes in counts.values())
    if len(counts) < 2 or not all_writes:
        return 0.0
    total = lgamma(all_writes + 1)
    for reads, writes in counts.values():
        total -= lgamma(writes + 1)
        others = all_writes - writes
        if reads and others:
            total += lgamma(others + reads + 1) - lgamma(others + 1) - lgamma(reads + 1)
    return total
