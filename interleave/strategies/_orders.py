"""How many executions a proof takes, as far as one execution shows.

Schedules are equivalent if all operations that conflict come in the same order in them. So there are at most as many classes of
schedules as there are ways to order the operations at each place, one place regardless of the others: to merge the writes of the
threads, and to put each read between two of other threads' writes. That is far too many where places depend on each other (of nested
locks the inner one adds nothing), and it knows only of what happened in the execution looked at. But it costs next to
nothing, and tells the programs that are small from those that are hopeless, which is what `auto` has to know.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from math import inf, lgamma

from interleave.model import WHOLE, Event, Owner
from interleave.strategies._points import IMPLIED


def log_orders(events: Iterable[Event]) -> float:
    """Return the natural logarithm of how many orders there may be of the conflicting operations among `events`.

    Accesses to the whole of an object are taken to be to the same place as all others to that object. It is infinite if it is not
    known of an operation what it touches.
    """
    places: dict[Owner, dict[Hashable, dict[int, list[int]]]] = {}
    for tid, operation in events:
        if operation.kind in IMPLIED:
            continue
        if operation.accesses is None:
            return inf
        for owner, field, mode in operation.accesses:
            places.setdefault(owner, {}).setdefault(field, {}).setdefault(tid, [0, 0])[mode] += 1
    total = 0.0
    for fields in places.values():
        for counts in [_merged(fields.values())] if WHOLE in fields else fields.values():
            total += _log_orders_at(counts)
    return total


def _merged(fields: Iterable[dict[int, list[int]]]) -> dict[int, list[int]]:
    merged: dict[int, list[int]] = {}
    for counts in fields:
        for tid, (reads, writes) in counts.items():
            known = merged.setdefault(tid, [0, 0])
            known[0] += reads
            known[1] += writes
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
