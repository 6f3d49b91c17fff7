"""Unserializable access pairs: two accesses of one thread to one place, and what another thread did there in between.

Of the eight ways in which reads and writes can meet so, four have no equivalent in which either thread goes first (Lu, Tucek, Qin, Zhou,
"AVIO: Detecting Atomicity Violations via Access Interleaving Invariants", ASPLOS 2006, table 1):

| pattern | is |
| --- | --- |
| read-write-write | a lost update: what the other thread wrote is overwritten by what follows from the value before |
| write-write-read | another's value read back as one's own |
| read-write-read | two reads of what should be one value |
| write-read-write | a value in between, seen by another |

*Seen* are those that an execution shows. The other thread's access must be concurrent with one of the pair: where synchronisation put it
between (a hand-over, a critical section that was left on purpose), it is meant. AVIO learns from passing runs what is meant. And what adds
to a container, or to the set of its keys, takes nothing away from what others have added: that is tried, as it may matter what comes
between, and not reported.

*Foretold* are those that another schedule of the same operations might show: no lock is held over both accesses of the pair and at the
other one, the three are not all under locks that would order them, and nothing but mutexes keeps it from between (`Order` with
`locks=False`). Whether it can be is then tried (`strategies.steer`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from interleave.detectors.places import Place, Touch
from interleave.detectors.synchronisation import Order
from interleave.model import READ, SHAPE, WRITE, Event, Site, Witness

PATTERNS = {
    (READ, WRITE, WRITE): "read-write-write",
    (WRITE, WRITE, READ): "write-write-read",
    (READ, WRITE, READ): "read-write-read",
    (WRITE, READ, WRITE): "write-read-write",
}
_READ_BACK = PATTERNS[WRITE, WRITE, READ]
#: Methods of containers that leave in them what is there.
_ADDING = frozenset({
    "append", "appendleft", "extend", "extendleft", "insert", "add", "update", "setdefault", "insort", "insort_left", "insort_right",
    "heappush",
})  # fmt: skip
#: The worst first.
RANKS = {pattern: rank for rank, pattern in enumerate(PATTERNS.values())}
#: Accesses of other threads between two that are looked at, from the first on: there may be thousands, of few kinds.
_MOST_BETWEEN = 64
#: Threads that do the same of which predictions are made.
_MOST_THREADS = 3


class Triple(NamedTuple):
    """Positions of the first access of one thread, the other thread's, and the second of the first thread."""

    pattern: str
    first: int
    between: int
    second: int


def local_pairs(place: Place) -> Iterator[tuple[Touch, Touch]]:
    """Yield neighbouring accesses of the same thread to a place."""
    latest: dict[int, Touch] = {}
    for touch in place.touches:
        if touch.tid in latest:
            yield latest[touch.tid], touch
        latest[touch.tid] = touch


def seen(place: Place, events: Sequence[Event], order: Order) -> Iterator[Triple]:
    """Yield the unserializable pairs that an execution shows at a place."""
    for first, second in local_pairs(place):
        between = place.touches[place.index[first.position] + 1 : place.index[second.position]]
        for other in between[:_MOST_BETWEEN]:
            pattern = PATTERNS.get((first.mode, other.mode, second.mode))
            if pattern is None or (pattern == _READ_BACK and _adds(place, other, events)):
                continue
            is_meant = order.is_before(first.position, other.position) and order.is_before(other.position, second.position)
            if not is_meant:
                yield Triple(pattern, first.position, other.position, second.position)


def foretold(place: Place, events: Sequence[Event], witness: Witness, order: Order) -> Iterator[Triple]:
    """Yield the unserializable pairs that might come of other schedules; `order` is without mutexes.

    For each three sites the first that fits is taken, of pairs and of other accesses from `_MOST_THREADS` threads.
    """
    known, held = set(), witness.held
    others: dict[tuple[int, Site], dict[int, Touch]] = {}
    for touch in place.touches:
        alike = others.setdefault((touch.mode, events[touch.position][1].site), {})
        if len(alike) < _MOST_THREADS:
            alike.setdefault(touch.tid, touch)
    for first, second in _few_alike(local_pairs(place), events):
        guard = held_over(first, second, events, witness)
        ends = events[first.position][1].site, events[second.position][1].site
        for (mode, site), alike in others.items():
            pattern = PATTERNS.get((first.mode, mode, second.mode))
            if pattern is None or (pattern, ends, site) in known:
                continue
            for other in alike.values():
                if other.tid != first.tid and not guard & held[other.position] and _may_come_between(first, other, second, held, order):
                    known.add((pattern, ends, site))
                    yield Triple(pattern, first.position, other.position, second.position)
                    break


def _adds(place: Place, touch: Touch, events: Sequence[Event]) -> bool:
    """Tell whether an access to the content of a container only adds to it: a method that does so, or the storing of a new item."""
    site = events[touch.position][1].site
    return place.field is SHAPE or (not isinstance(place.field, (str, tuple)) and site.name in _ADDING)


def _few_alike(pairs: Iterator[tuple[Touch, Touch]], events: Sequence[Event]) -> Iterator[tuple[Touch, Touch]]:
    """Yield of the pairs with the same sites those of the first few threads, one each."""
    threads: dict[object, set[int]] = {}
    for first, second in pairs:
        known = threads.setdefault((first.mode, second.mode, events[first.position][1].site, events[second.position][1].site), set())
        if len(known) < _MOST_THREADS and first.tid not in known:
            known.add(first.tid)
            yield first, second


def _may_come_between(first: Touch, other: Touch, second: Touch, held: Sequence[int], order: Order) -> bool:
    """Tell whether neither locks that all take nor anything else keeps an access from between two of another thread."""
    if held[first.position] & held[other.position] and held[other.position] & held[second.position]:
        return False
    return not order.is_before(other.position, first.position) and not order.is_before(second.position, other.position)


def held_over(first: Touch, second: Touch, events: Sequence[Event], witness: Witness) -> int:
    """Return the locks that a thread held from one of its accesses to the next without letting go of them."""
    guard = witness.held[first.position] & witness.held[second.position]
    if guard:
        for position in range(first.position + 1, second.position):
            if events[position][0] == first.tid:
                guard &= witness.held[position]
    return guard
