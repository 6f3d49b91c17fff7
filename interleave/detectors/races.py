"""Unsynchronised conflicting accesses: pairs that no synchronisation orders.

FastTrack (Flanagan, Freund, PLDI 2009) keeps for each place the epoch of its last write and the epochs of its last reads, and reports the
first race. Here an epoch is a position in the trace (`vector_clock`), and one is kept for each thread, mode *and* site: all pairs of
locations are wanted, not the first one. If the latest access from a site is ordered before another, so are the earlier ones of that
thread, so no more needs to be kept.

In Python a single access is atomic, so that such a pair need not be an error; `benign` knows idioms where it is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from interleave.detectors.places import Place, Touch
from interleave.detectors.synchronisation import Order
from interleave.model import Event

#: Comparisons made at one place, which go with its accesses times threads times sites.
_MOST_COMPARISONS = 30_000


def unordered_pairs(place: Place, events: Sequence[Event], order: Order) -> Iterator[tuple[int, int]]:
    """Yield pairs of positions of conflicting accesses that nothing orders: one for each pair of threads, sites and modes."""
    latest: dict[Any, Touch] = {}
    seen: set[Any] = set()
    comparisons = 0
    for touch in place.touches:
        comparisons += len(latest)
        if comparisons > _MOST_COMPARISONS:
            return
        site = events[touch.position][1].site
        for (tid, _, mode), other in latest.items():
            if tid == touch.tid or not (mode or touch.mode):
                continue
            pair = (events[other.position][1].site, tid, mode, site, touch.tid, touch.mode)
            if pair not in seen and not order.is_before(other.position, touch.position):
                seen.add(pair)
                yield other.position, touch.position
        latest[touch.tid, site, touch.mode] = touch
