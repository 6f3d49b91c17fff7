"""What operations touch, in a form that answers "do these two conflict?" in two machine operations.

Partial-order reduction asks that question more often than any other. Every place gets a bit, and a footprint holds
four masks of them; two footprints conflict where `model.conflict` says so of their operations, and nowhere else:

* The access of a field touches the bit of the field and the owner's bit "some field", and probes the bit of the field
  and the owner's bit "whole". The access of the whole object touches "whole" and probes both "whole" and "some field".
  So two accesses of one field meet, an access of the whole meets all, and different fields do not meet.
* Bit 0 belongs to everything and nothing: every operation touches and probes it, and one whose footprint is unknown
  writes it, so that it meets all others.

Footprints are made once per distinct tuple of accesses and kept from execution to execution: programs touch the same
places again and again. The same objects carry the trace's history by place, which says what an event depends on.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence

from interleave.model import WHOLE, Access, Operation, Owner


class Place:
    """The history of one place in the current trace. Plain slots: the hot path reads them.

    Both lists hold `position << 1 | is_write` in trace order.
    """

    __slots__ = ("accesses", "writes")

    def __init__(self) -> None:
        self.accesses: list[int] = []
        self.writes: list[int] = []


class _Holder:
    """The places of one owner, and the owner's two bits."""

    __slots__ = ("any_bit", "bits", "fields", "whole", "whole_bit")

    def __init__(self, any_bit: int, whole_bit: int) -> None:
        self.any_bit = any_bit
        self.whole_bit = whole_bit
        self.bits: dict[object, int] = {}
        self.fields: dict[object, Place] = {}
        self.whole = Place()


class Footprint:
    """What an operation touches. Plain slots: the hot path reads them."""

    __slots__ = ("holders", "is_single", "is_unknown", "meets", "probe", "probe_write", "touch", "touch_write", "touched")

    def __init__(self) -> None:
        # Bit 0: see the head of this file.
        self.touch = self.probe = 1
        self.touch_write = self.probe_write = 0
        self.is_unknown = False
        #: Whether it is one access to one field.
        self.is_single = False
        #: The places whose history an event with this footprint enters, each with whether it is written.
        self.touched: list[tuple[Place, int]] = []
        #: The places whose history it depends on, each with whether reads matter too; see `holders`.
        self.meets: list[tuple[Place, int]] = []
        #: Owners of which all fields matter as well.
        self.holders: list[tuple[_Holder, int]] = []


def is_conflict(one: Footprint, other: Footprint) -> bool:
    """Tell whether two operations of different threads conflict, as `model.conflict` does; see the head of this file."""
    return bool(one.probe & other.touch_write or one.probe_write & other.touch)


class _Everything(Sequence[int]):
    """The history of all events, of which only those of unknown footprint are in conflict with all that was before them.

    It is not written out: hardly more than the last few are looked at.
    """

    __slots__ = ("_count", "_unknown")

    def __init__(self, count: int, unknown: list[int]) -> None:
        self._count, self._unknown = count, unknown

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        known = set(self._unknown)
        return (entry | (entry | 1 in known) for entry in range(0, self._count << 1, 2))

    def __getitem__(self, index: int) -> int:  # type: ignore[override]
        if index >= self._count:
            raise IndexError(index)
        entry = index % self._count << 1
        at = bisect_left(self._unknown, entry | 1)
        return entry | (at < len(self._unknown) and self._unknown[at] == entry | 1)


class Footprints:
    """Makes footprints and keeps the history of the current trace by place."""

    def __init__(self, merged: frozenset[str] = frozenset()) -> None:
        #: Types all of whose objects count as one.
        self.merged = merged
        #: The footprint that conflicts with nothing known.
        self.nothing = Footprint()
        self._known: dict[tuple[Access, ...] | None, Footprint] = {(): self.nothing}
        self._holders: dict[object, _Holder] = {}
        self._bits = 1
        self._unknown = Place()
        #: The footprint that conflicts with everything.
        self.unknown = self._known[None] = Footprint()
        self.unknown.touch_write = self.unknown.probe_write = 1
        self.unknown.is_unknown = True
        self.unknown.touched.append((self._unknown, 1))

    def of(self, operation: Operation) -> Footprint:
        """Return the footprint of an operation."""
        accesses = operation.accesses
        found = self._known.get(accesses)
        if found is None:
            assert accesses is not None
            found = self._known[accesses] = self._make(accesses)
        return found

    def dependencies(self, footprint: Footprint, count: int) -> list[Sequence[int]]:
        """Return the histories that hold all events in conflict with a next event of this footprint.

        Each list is in trace order and not empty; `count` is the number of events so far. A history may be the live list of
        a place: it is valid until the next event is recorded.
        """
        if footprint.is_unknown:
            return [_Everything(count, self._unknown.writes)] if count else []
        found: list[Sequence[int]] = [history for place, reads in footprint.meets if (history := place.accesses if reads else place.writes)]
        for holder, reads in footprint.holders:
            for place in holder.fields.values():
                history = place.accesses if reads else place.writes
                if history:
                    found.append(history)
        if self._unknown.writes:
            found.append(self._unknown.writes)
        return found

    @staticmethod
    def record(footprint: Footprint, position: int) -> None:
        """Enter an event into the histories of what it touched."""
        for place, is_write in footprint.touched:
            entry = position << 1 | is_write
            place.accesses.append(entry)
            if is_write:
                place.writes.append(entry)

    @staticmethod
    def erase(footprint: Footprint) -> None:
        """Take the last event, which had this footprint, out of the histories again."""
        for place, is_write in footprint.touched:
            place.accesses.pop()
            if is_write:
                place.writes.pop()

    def _make(self, accesses: tuple[Access, ...]) -> Footprint:
        made = Footprint()
        modes: dict[tuple[Owner, Hashable], int] = {}
        for owner, name, mode in accesses:
            modes[owner, name] = modes.get((owner, name), 0) | mode
        for (owner, name), mode in modes.items():
            holder = self._holder(owner)
            if name is WHOLE:
                touched, probed = holder.whole_bit, holder.whole_bit | holder.any_bit
                place = holder.whole
                made.holders.append((holder, mode))
            else:
                place = holder.fields.get(name) or self._add_field(holder, name)
                touched, probed = holder.bits[name] | holder.any_bit, holder.bits[name] | holder.whole_bit
                made.meets.append((place, mode))
            made.meets.append((holder.whole, mode))
            made.touched.append((place, mode))
            made.touch |= touched
            made.probe |= probed
            if mode:
                made.touch_write |= touched
                made.probe_write |= probed
        made.is_single = len(modes) == 1 and not made.holders
        return made

    def _holder(self, owner: Owner) -> _Holder:
        key = owner[-1] if owner[-1] in self.merged else owner
        holder = self._holders.get(key)
        if holder is None:
            holder = self._holders[key] = _Holder(self._new_bit(), self._new_bit())
        return holder

    def _add_field(self, holder: _Holder, name: object) -> Place:
        holder.bits[name] = self._new_bit()
        place = holder.fields[name] = Place()
        return place

    def _new_bit(self) -> int:
        bit = 1 << self._bits
        self._bits += 1
        return bit
