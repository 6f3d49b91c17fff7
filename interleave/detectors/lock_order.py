"""Lock-order inversions: locks that threads take in orders which form a cycle, in an execution that did not deadlock.

Goodlock (Havelund, "Using Runtime Analysis to Guide Model Checking of Java Programs", SPIN 2000) builds the graph of which lock was taken
while which was held; a cycle in it is a deadlock that another schedule may show. As in Agarwal, Wang, Stoller, "Detecting Potential
Deadlocks with Static Analysis and Run-Time Monitoring" (PADTAD 2005), a cycle counts only if

* its edges are of different threads;
* no two of them were taken under a common further lock (a *gate lock* lets one in at a time);
* no two of them are ordered by something other than locks: a thread that takes both before it starts another, or after it has
  joined it, an event, a queue (vector clocks without mutexes; the paper orders by start and join).

Departure: what a cycle needs is tried afterwards, so none is left out because it could not be executed; unconfirmed ones say so. An attempt
that does not wait (`acquire(False)`) is no edge. Taking the lock again after waiting on a condition is one. Semaphores are
left out: who releases one need not be who took it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from typing import NamedTuple

from interleave.detectors.deadlock import cycles_of
from interleave.detectors.synchronisation import Order, takes
from interleave.model import Event, Owner, Witness

#: Locks in a cycle at most, and edges of different threads and lines kept between two locks.
_LONGEST = 4
_MOST_EDGES = 8


class Nesting(NamedTuple):
    """A thread took `inner` at one position while it held `outer`, taken at another. `held` is a mask of all it held."""

    tid: int
    outer: Owner
    outer_at: int
    inner: Owner
    inner_at: int
    held: int


def nestings(events: Sequence[Event], witness: Witness) -> list[Nesting]:
    """Return which locks were taken while which others were held: one for each thread, pair of locks and pair of lines."""
    taken = takes(events, witness)
    found: dict[object, Nesting] = {}
    # By thread and bit: where a lock was taken that it may hold still.
    holding: dict[tuple[int, int], int] = {}
    for position, (owner, bit) in taken.items():
        tid, operation = events[position]
        held = witness.held[position]
        if operation.kind != "try":
            for (other, outer_bit), outer_at in holding.items():
                if other == tid and held & outer_bit:
                    one = Nesting(tid, taken[outer_at][0], outer_at, owner, position, held)
                    found.setdefault((tid, one.outer, owner, events[outer_at][1].site, operation.site), one)
        holding[tid, bit] = position
    return list(found.values())


def cycles(events: Sequence[Event], witness: Witness) -> Iterator[tuple[Nesting, ...]]:
    """Yield the cycles that another schedule may turn into a deadlock, shorter ones first."""
    edges: dict[tuple[Owner, Owner], list[Nesting]] = {}
    for one in nestings(events, witness):
        parallel = edges.setdefault((one.outer, one.inner), [])
        if len(parallel) < _MOST_EDGES:
            parallel.append(one)
    ways = [way for way in cycles_of(edges, longest=_LONGEST) if len(way) > 1]
    if not ways:
        return
    order = Order(events, witness, locks=False)
    for way in ways:
        links = [edges[lock, way[(index + 1) % len(way)]] for index, lock in enumerate(way)]
        for chosen in product(*links):
            if all(_may_meet(one, other, order) for one, other in combinations(chosen, 2)):
                yield chosen
                break


def _may_meet(one: Nesting, other: Nesting, order: Order) -> bool:
    """Tell whether two threads may stand at the inner locks at the same time."""
    if one.tid == other.tid or one.held & other.held:
        return False
    return not order.is_before(one.inner_at, other.outer_at) and not order.is_before(other.inner_at, one.outer_at)
