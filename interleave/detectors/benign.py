"""How bad a race is: whether an execution shows the effect of it, and which known idioms do no harm.

*Harmful* is an unserializable pair by which an update was lost: of read-write-write and write-write-read, if what was overwritten differs
from what overwrote it. (Of write-write-read that is so only if the other thread had not read what it overwrote.) Two threads that both
count from 0 to 1 write the same value, though, as do two that both fill a cache. What tells them apart is an execution without the race,
the *reference*: if the place ends up with another value there, an update is missing here.

*Benign* are, if nothing shows harm:

* single operations of a deque or list used as a queue or stack (`append`, `popleft`, ...), calls of a `functools.lru_cache`, numbers drawn
  from an `itertools.count`, and the storing of several items in one container: each is atomic;
* a place that is set once, by a thread that has looked at it under the lock before, and that others look at in the same places of the
  source (double-checked locking): who does so without the lock finds it set or looks again;
* a place that has the value again which was read, when it is written: the owner of a lock that was taken and released meanwhile;
* a place that is written under one lock, by each thread with the values that it writes in the reference: that it was looked at without
  the lock before decided nothing, as the owner of a lock that is released meanwhile does not;
* a place to which only one value is ever written, with no other in the reference: a flag that is set once and polled, a cache whose
  entries are computed twice with the same result. Of one write by one thread that is said of booleans only: it may be the first of many.

All else is *possible*. Values are compared as data (`Value`): code of the program is never run. Two objects that can change are the same
value only if they have equal content and no thread changes either.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from operator import itemgetter

from interleave.detectors.atomicity import PATTERNS, held_over
from interleave.detectors.places import Place
from interleave.model import MEMORY, READ, SHAPE, WRITE, Access, Event, Owner, Severity, Trace, Value

_UPDATES = (PATTERNS[READ, WRITE, WRITE], PATTERNS[WRITE, WRITE, READ])
#: By type: methods that are one atomic step each and need no other, as they are used for a queue or a stack.
_ATOMIC = {
    "deque": frozenset({"append", "appendleft", "pop", "popleft", "extend"}),
    "list": frozenset({"append", "extend", "insert", "pop", "remove"}),
    "set": frozenset({"add", "discard"}),
}
#: By type: whatever is done with one is one step that is complete in itself, as drawing a number is.
_WHOLLY_ATOMIC = frozenset({type(lru_cache(len)).__name__, "count"})
_Field = tuple[Owner, Hashable]


class Grader:
    """Grades the races of one execution that was run in detail; `reference` is another one, run one thread after the other."""

    def __init__(self, trace: Trace, reference: Trace | None) -> None:
        self._events = trace.events
        self._witness = trace.witness
        self._values = trace.witness.values if trace.witness is not None else []
        self._written = _written(trace)
        self._reference = _written(reference) if reference is not None else {}
        self._changed = {access.owner for access in _accesses(trace.events) if access.mode}

    def grade(self, place: Place, pattern: str, positions: Sequence[int]) -> tuple[Severity, str]:
        """Return the severity of a race at these positions, and the name of the idiom if it is benign."""
        if pattern in _UPDATES and isinstance(place.field, (str, tuple)) and not self._follows(place, pattern, positions):
            lost, left = (1, 2) if pattern == _UPDATES[0] else (0, 1)
            is_same = self._is_same(self._values[positions[lost]], self._values[positions[left]])
            if pattern == _UPDATES[0] and self._is_put_back(place, positions):
                return "benign", "what was read is there again when it is overwritten"
            if pattern == _UPDATES[0] and self._decides_nothing(place, positions):
                return "benign", "each thread writes what it writes without the race, under the lock"
            if is_same is False or (is_same and self._is_missing(place)):
                return "harmful", ""
            if is_same and self._is_missing(place) is False:
                return "benign", "both threads write the same value"
        if self._is_atomic(place, positions):
            return "benign", f"each is one operation of a {place.owner[-1]}, which is atomic"
        if self._is_set_once(place):
            return "benign", "it is set once, after another look under the lock"
        return self._grade_values(place)

    def _is_set_once(self, place: Place) -> bool:
        writes = [touch for touch in place.touches if touch.mode]
        if len(writes) != 1 or len(self._reference.get((place.owner, place.field), ())) > 1 or self._witness is None:
            return False
        own = [touch for touch in place.touches if touch.tid == writes[0].tid]
        at = own.index(writes[0])
        if not at or not held_over(own[at - 1], writes[0], self._events, self._witness):
            return False
        # Whoever else looks does so where the writer did, hence goes on as it did if the place is not set.
        looked = {self._events[touch.position][1].site for touch in own}
        return all(self._events[touch.position][1].site in looked for touch in place.touches)

    def _follows(self, place: Place, pattern: str, positions: Sequence[int]) -> bool:
        """Tell whether the other thread's write may follow from the one that it overwrites, which is no loss then."""
        if pattern == _UPDATES[0]:
            return False
        first, between = (place.index[position] for position in positions[:2])
        tid = place.touches[between].tid
        return any(touch.tid == tid and not touch.mode for touch in place.touches[first + 1 : between])

    def _is_put_back(self, place: Place, positions: Sequence[int]) -> bool:
        """Tell whether what a thread read is there again when it writes, as the owner of a lock that was taken and released is."""
        written = [touch.position for touch in place.touches if touch.mode and positions[0] < touch.position < positions[2]]
        return bool(written) and self._is_same(self._values[positions[0]], self._values[written[-1]]) is True

    def _decides_nothing(self, place: Place, positions: Sequence[int]) -> bool:
        """Tell whether writes are kept apart by a lock, and each thread writes what it writes one after the other."""
        held = self._witness.held if self._witness is not None else ()
        if not held or not held[positions[1]] & held[positions[2]]:
            return False
        # Each thread's in its order.
        own, other = (sorted(found.get((place.owner, place.field), ()), key=itemgetter(0)) for found in (self._written, self._reference))
        pairs = zip(own, other, strict=False)
        return len(own) == len(other) and all(tid == tid2 and self._is_same(value, value2) for (tid, value), (tid2, value2) in pairs)

    def _grade_values(self, place: Place) -> tuple[Severity, str]:
        own, other = self._written.get((place.owner, place.field), []), self._reference.get((place.owner, place.field), [])
        contents = {value.content if value is not None and value.owner is None else None for _, value in (*own, *other)}
        if len(contents) != 1 or None in contents:
            return "possible", ""
        (content,) = contents
        is_flag = isinstance(content, tuple) and content[0] == "bool"
        if is_flag:
            return "benign", "a flag that is only ever set to one value"
        if other and len({tid for tid, _ in (*own, *other)}) > 1:
            return "benign", "every write stores the same value"
        return "possible", ""

    def _is_missing(self, place: Place) -> bool | None:
        """Tell whether the place is left with another value than in the reference; None if that is not known."""
        own, other = self._written.get((place.owner, place.field)), self._reference.get((place.owner, place.field))
        if not own or not other:
            return None
        is_same = self._is_same(own[-1][1], other[-1][1])
        return None if is_same is None else not is_same

    def _is_same(self, one: Value | None, other: Value | None) -> bool | None:
        """Tell whether two values are the same for the program; None if that is not known."""
        if one is None or other is None:
            return None
        if one.owner is not None and one.owner == other.owner:
            return True
        if one.content is None or one.content != other.content:
            return False
        return not any(value.owner in self._changed for value in (one, other))

    def _is_atomic(self, place: Place, positions: Sequence[int]) -> bool:
        kind = place.owner[-1]
        if kind in _WHOLLY_ATOMIC or (place.field is SHAPE and all(place.touches[place.index[position]].mode for position in positions)):
            return True
        names = _ATOMIC.get(kind, frozenset())
        return all(self._events[position][1].site.name in names for position in positions)


def _accesses(events: Iterable[Event]) -> Iterator[Access]:
    for _, operation in events:
        if operation.kind in MEMORY:
            yield from operation.accesses or ()


def _written(trace: Trace) -> dict[_Field, list[tuple[int, Value | None]]]:
    """Return what was written to each place, in order, with the writer. The value of a step is that of its first access."""
    written: dict[_Field, list[tuple[int, Value | None]]] = {}
    values = trace.witness.values if trace.witness is not None else []
    for (tid, operation), value in zip(trace.events, values, strict=True):
        if operation.kind in MEMORY:
            for access in operation.accesses or ():
                if access.mode:
                    is_whole = not isinstance(access.field, (str, tuple))
                    written.setdefault((access.owner, access.field), []).append((tid, None if is_whole else value))
    return written
