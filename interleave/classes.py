"""What the executions of an exploration amount to: how many were really different, and which orders of conflicting accesses were seen.

**Classes.** Two executions are equivalent if each thread did the same operations in them and all that conflict came in the same order
(Mazurkiewicz's traces; what `strategies.dpor` runs one of). A number stands for a class: the sum, over all events, of a hash of the thread,
the number of the event in it, what it did, and the hash of the last write before it at each place it touches. That is all the order there
is: a write after a read saw a later write before it than the read did. Sums do not depend on the order of what is independent. Accesses to
the whole of an object, or to nobody knows what, take in sums of all that they conflict with.

**What was not seen.** Of executions drawn one like the other, the share of those whose class occurred once only estimates the probability
that the next one is of a class not seen yet (Good, "The Population Frequencies of Species and the Estimation of Population Parameters",
Biometrika 40, 1953; after Turing; for tests Böhme, "STADS: Software Testing as Species Discovery", TOSEM 2018). It is an estimate for this
strategy and this scenario: a class that the strategy hardly ever runs hardly counts. Executions of a search are not drawn, so they have
classes but no estimate, and are not counted here. When an access is first met in conflict, later executions tell more orders apart than
earlier ones, and counting begins anew, as it does in another process, which has to learn that again.

**Orders.** A pair of conflicting accesses is two places in the source from which two threads came to one place in memory, at least one to
write. Which of the two came first in some execution is noted, whatever lay between. A pair seen in one order only may have no other.

**Cost.** Not all executions are looked at: after the first `FREE` events one event in `SHARE` is, and in an execution of a class that is
known no orders are sought. So the numbers are about the executions looked at, and `until saturated` has all looked at.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from interleave.model import SHAPE, STATE, WHOLE, ConflictPair, Event, Operation, Site, Trace
from interleave.result import Budget

#: Events looked at for nothing, one in how many is looked at after that, and what an event weighs where orders are sought.
FREE: Final = 3_000
SHARE: Final = 6
WEIGHT: Final = 2
#: Where no order was new for `QUIET` executions, orders are sought in one of so many.
RARELY: Final = 8
#: Classes and pairs that are kept.
MOST: Final = 100_000
MOST_PAIRS: Final = 2_000
#: Executions without a new order that saturation takes, at least; and how many for a bound on the unseen share, times its inverse.
QUIET: Final = 100
ENOUGH: Final = 3
#: Stands for more than one thread.
_SEVERAL: Final = -1
#: What begins or ends threads, and what can only follow what it conflicts with.
_IMPLIED = frozenset(("spawn", "begin", "exit", "join", "release", "wake", "resume", "suspend", "count"))
#: The share of unseen classes at which `--until-saturated` stops.
UNSEEN: Final = 0.01
#: Executions at most where that is all that was asked for: a large scenario may show something new for ever.
SATURATION: Final = 20_000
_MASK: Final = (1 << 64) - 1


def usual_executions(*, seconds: float | None, unseen: float | None) -> int | None:
    """Return how many executions a budget allows where it is not said: no limit with one of time, many with one of what is unseen."""
    return None if seconds else SATURATION if unseen else Budget().executions


class _Row(NamedTuple):
    """An operation as it is counted: a number for it, and for each access the place, its owner, whether it is the whole, and the mode."""

    number: int
    accesses: tuple[tuple[int, int, bool, int], ...]
    is_unknown: bool
    is_implied: bool
    #: Whether it is one access, and not to a whole.
    is_single: bool


class Classes:
    """The classes and orders met in one exploration; `everything` has all executions looked at."""

    def __init__(self, *, everything: bool = False) -> None:
        self.everything = everything
        #: Executions whose class was counted, and executions since an order was last seen first.
        self.counted = 0
        self.quiet = 0
        #: Executions looked at.
        self.looked = 0
        self._once: set[int] = set()
        self._often: set[int] = set()
        self.is_full = False
        # Events so far, and those looked at, by weight.
        self._events = 0
        self._spent = 0
        self._rows: dict[Any, _Row] = {}
        self._numbers: dict[Any, int] = {}
        #: By number of a place, what a reader calls it; by number of a source, its line and what is done there.
        self._labels: dict[int, str] = {}
        self._sources: list[tuple[str, str]] = []
        self._source_of: dict[tuple[str, str], int] = {}
        self._by_site: dict[tuple[Site, str], int] = {}
        #: (label, earlier source, later source), in the order in which they were met.
        self._orders: dict[tuple[str, int, int], None] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Sites are found by identity, which another process does not share.
        return {**self.__dict__, "_by_site": {}}

    def __len__(self) -> int:
        return len(self._once) + len(self._often)

    @property
    def unseen(self) -> float | None:
        """Return the estimated probability that the next execution is of a class not seen; None if too little is known."""
        return len(self._once) / self.counted if self.counted and not self.is_full else None

    def add(self, trace: Trace, *, is_drawn: bool) -> None:
        """Take in an execution; `is_drawn` says that a sampler made it, as against a search."""
        events = trace.events
        self._events += len(events)
        if trace.has_new_points:
            self._once.clear()
            self._often.clear()
            self.counted, self.is_full = 0, False
            is_drawn = False
        if not self.everything and self._spent > FREE and self._spent * SHARE > self._events:
            return
        self._spent += len(events)
        self.looked += 1
        is_new = not is_drawn or self.is_full or self._is_new(self.digest(trace))
        if is_new and (self.everything or self.quiet < QUIET or not self.looked % RARELY):
            self._spent += len(events) * (WEIGHT - 1)
            self._seek_orders(events)
        else:
            self.quiet += 1

    def is_saturated(self, bound: float) -> bool:
        """Tell whether less than `bound` seems unseen: of enough executions, and with no new order for some time."""
        unseen = self.unseen
        return unseen is not None and self.counted * bound >= ENOUGH and unseen < bound and self.quiet >= max(QUIET, self.counted // 4)

    def pairs(self) -> tuple[ConflictPair, ...]:
        """Return the pairs of conflicting accesses met, each in the order in which it was seen first."""
        found = []
        for label, one, other in self._orders:
            is_back = (label, other, one) in self._orders
            if is_back and other < one:
                continue
            found.append(ConflictPair(label, *self._sources[one], *self._sources[other], is_back))
        return tuple(found)

    def _is_new(self, digest: int) -> bool:
        """Count an execution of a class; tell whether it is the first."""
        self.counted += 1
        if digest in self._often:
            return False
        if digest in self._once:
            self._once.remove(digest)
            self._often.add(digest)
            return False
        self._once.add(digest)
        self.is_full = len(self) >= MOST
        return True

    def digest(self, trace: Trace) -> int:
        """Return the number that stands for the class of an execution. See the head of this file."""
        rows = self._rows
        paths = [hash(thread.path) for thread in trace.threads]
        made = [0] * len(paths)
        #: By place, the last write; by owner, the sum of all writes of fields and of all accesses.
        last: dict[int, int] = {}
        sums: dict[int, int] = {}
        total = unknown = 0
        for tid, operation in trace.events:
            row = rows.get((operation.kind, operation.accesses)) or self._row(operation)
            index = made[tid]
            made[tid] = index + 1
            value = paths[tid] * 31 + index
            if row.is_single:
                # By far the most common, so without a loop.
                place, owner, _, mode = row.accesses[0]
                value = hash((value, row.number, unknown, last.get(place, 0), last.get(owner, 0)))
                if mode:
                    last[place] = value
                    sums[owner] = sums.get(owner, 0) + value & _MASK
            elif row.is_unknown:
                value = unknown = hash((value, row.number, total & _MASK, unknown))
            elif row.accesses:
                seen = [value, row.number, unknown]
                for place, owner, is_whole, _ in row.accesses:
                    seen.append(last.get(place, 0))
                    seen.append(sums.get(owner, 0) if is_whole else last.get(owner, 0))
                value = hash(tuple(seen))
                for place, owner, is_whole, mode in row.accesses:
                    if mode:
                        last[place] = value
                        if not is_whole:
                            sums[owner] = (sums.get(owner, 0) + value) & _MASK
            else:
                value = hash((value, row.number, unknown))
            total += value
        return total & _MASK

    def _row(self, operation: Operation) -> _Row:
        """Make the row of an operation that was not met before. The whole of an owner is a place with the owner's number."""
        key = (operation.kind, operation.accesses)
        modes: dict[tuple[int, int, bool], int] = {}
        for owner, field, mode in operation.accesses or ():
            whole = self._number(("owner", owner))
            place = whole if field is WHOLE else self._number((owner, field))
            self._labels[place] = _label(owner, field)
            access = (place, whole, field is WHOLE)
            modes[access] = modes.get(access, 0) | mode
        accesses = tuple((*access, mode) for access, mode in modes.items())
        is_single = len(accesses) == 1 and not accesses[0][2]
        row = _Row(self._number(key), accesses, operation.accesses is None, operation.kind in _IMPLIED, is_single)
        self._rows[key] = row
        return row

    def _number(self, key: Any) -> int:
        return self._numbers.setdefault(key, len(self._numbers) + 1)

    def _seek_orders(self, events: list[Event]) -> None:
        """Note which of two conflicting accesses of two threads came first."""
        rows, orders, by_site, before = self._rows, self._orders, self._by_site, len(self._orders)
        #: By place, and by owner for all of its fields, the sources and modes that were there, with the thread, or that it was several.
        here: dict[int, dict[tuple[int, int], int]] = {}
        fields: dict[int, dict[tuple[int, int], int]] = {}
        for tid, operation in events:
            row = rows.get((operation.kind, operation.accesses)) or self._row(operation)
            if row.is_implied or not row.accesses:
                continue
            source = by_site.get((operation.site, operation.kind))
            if source is None:
                source = self._source(operation)
            for place, owner, is_whole, mode in row.accesses:
                visits = here.setdefault(place, {})
                for earlier in visits, (fields if is_whole else here).get(owner, {}):
                    for (other, wrote), thread in earlier.items():
                        if thread != tid and (mode or wrote) and other != source:
                            orders[self._labels[place], other, source] = None
                visit = source, mode
                for known in (visits,) if is_whole else (visits, fields.setdefault(owner, {})):
                    if known.setdefault(visit, tid) != tid:
                        known[visit] = _SEVERAL
        if len(orders) > before:
            self.quiet = 0
            while len(orders) > MOST_PAIRS:
                orders.popitem()
        else:
            self.quiet += 1

    def _source(self, operation: Operation) -> int:
        key = (str(operation.site), operation.kind)
        number = self._source_of.get(key)
        if number is None:
            number = self._source_of[key] = len(self._sources)
            self._sources.append(key)
        self._by_site[operation.site, operation.kind] = number
        return number


def _label(owner: Any, field: Any) -> str:
    """Return what a reader calls a kind of place: without the key or index."""
    kind = str(owner[-1])
    if field is STATE:
        return kind
    if isinstance(field, str):
        return f"{kind}.{field}"
    return kind if field is WHOLE else f"{kind} (size)" if field is SHAPE else f"{kind}[...]"
