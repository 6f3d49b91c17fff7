"""What one execution says about races: those it shows, and those that another schedule might show.

A race is told from others by the place, without the object, and the lines: two counters of one class that are updated by one
line race once. Of several that share them the worst is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from interleave.detectors import atomicity, races
from interleave.detectors.atomicity import RANKS, Triple
from interleave.detectors.places import Place, contended, key_of
from interleave.detectors.synchronisation import Order
from interleave.model import Event, Witness

#: Events looked at, from the beginning: what a longer execution shows, shorter ones do as a rule.
MOST_EVENTS = 20_000
#: Sightings of one race in one execution that are told apart.
_MOST_ALIKE = 8
#: Places looked at in one execution, and what one of them may yield.
_MOST_PLACES = 2_000
_MOST_AT_PLACE = 200


class Sighting(NamedTuple):
    """A race in a trace: accesses at `positions`, in the order of the trace where it is shown, else in that foretold."""

    key: tuple[str, ...]
    #: One of `atomicity.RANKS`, or what the two accesses do ("write-write") where they are merely concurrent.
    pattern: str
    positions: tuple[int, ...]
    place: Place

    @property
    def rank(self) -> int:
        """0 for the worst pattern."""
        return rank_of(self.pattern)


def rank_of(pattern: str) -> int:
    """Return 0 for the worst pattern, the highest number for accesses that are merely concurrent."""
    return RANKS.get(pattern, len(RANKS))


def seen(events: Sequence[Event], witness: Witness) -> dict[tuple[str, ...], list[Sighting]]:
    """Return the races that an execution shows, by key, the worst patterns first."""
    events = events[:MOST_EVENTS]
    places = contended(events, witness)[:_MOST_PLACES]
    if not places:
        return {}
    order = Order(events, witness)
    sightings = []
    for place in places:
        sightings += [_of_triple(place, one, events) for one in islice(atomicity.seen(place, events, order), _MOST_AT_PLACE)]
        for pair in islice(races.unordered_pairs(place, events, order), _MOST_AT_PLACE):
            first, second = (place.touches[place.index[position]].mode for position in pair)
            pattern = f"{'write' if first else 'read'}-{'write' if second else 'read'}"
            sightings.append(Sighting(key_of(place, pair, events), pattern, pair, place))
    return {key: sorted(alike, key=lambda one: one.rank)[:_MOST_ALIKE] for key, alike in _by_key(sightings).items()}


def foretold(events: Sequence[Event], witness: Witness) -> list[Sighting]:
    """Return the unserializable pairs that another schedule might show, the worst patterns first."""
    events = events[:MOST_EVENTS]
    places = contended(events, witness)[:_MOST_PLACES]
    if not places:
        return []
    order = Order(events, witness, locks=False)
    sightings = [
        _of_triple(place, triple, events)
        for place in places
        for triple in islice(atomicity.foretold(place, events, witness, order), _MOST_AT_PLACE)
    ]
    return sorted((one for alike in _by_key(sightings).values() for one in alike[:_MOST_ALIKE]), key=lambda one: one.rank)


def _of_triple(place: Place, triple: Triple, events: Sequence[Event]) -> Sighting:
    return Sighting(key_of(place, triple[1:], events), triple.pattern, triple[1:], place)


def _by_key(sightings: Iterable[Sighting]) -> dict[tuple[str, ...], list[Sighting]]:
    found: dict[tuple[str, ...], list[Sighting]] = {}
    for one in sightings:
        found.setdefault(one.key, []).append(one)
    return found


def is_part_of(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Tell whether the lines of one race are among those of another at the same place."""
    return one[0] == other[0] and set(one[1:]) <= set(other[1:])
