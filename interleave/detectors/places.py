"""The accesses of one execution, place by place, where two logical threads can get into each other's way.

An access to everything in an object (`WHOLE`) is listed with each of its fields. But where the object is a container, it is methods of
containers that touch everything in it, not what it has for attributes besides. And who is said to write all of another object is code that
nobody looks into (see `instrument.callees`), which may write nothing, or under a lock of its own: that is no sign of a race.

Places that only one thread touches, or that nobody writes, are left out: they are most. So are the writes by which an object is initialised
before another thread has come to it: publishing a reference is atomic, and whoever gets it sees what was written before. And so are places
that are only touched under one lock.
"""

from __future__ import annotations

import array
import builtins
import collections
import functools
import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from operator import and_
from typing import NamedTuple

from interleave.model import MEMORY, READ, WHOLE, Event, Owner, Witness

#: Names of types of which everything is touched at once by what they are for.
CONTAINERS = frozenset({"StringIO", "BytesIO", "generator"}).union(
    name for module in (builtins, collections, functools, itertools, array) for name, value in vars(module).items() if type(value) is type
)
#: Functions that initialise objects.
MAKERS = frozenset({"__init__", "__post_init__", "__new__"})


class Touch(NamedTuple):
    """One event that touches a place, `mode` as in `model.Access`."""

    position: int
    tid: int
    mode: int


@dataclass(slots=True)
class Place:
    """A place that several threads touch, one of them writing, with all that touch it, in order."""

    owner: Owner
    #: Attribute or variable, empty for the content of a container.
    name: str
    field: Hashable
    touches: list[Touch]
    #: By position: its index in `touches`.
    index: dict[int, int]


def contended(events: Sequence[Event], witness: Witness) -> list[Place]:
    """Return the places of an execution that threads contend for, in order of first access."""
    owners: dict[Owner, dict[Hashable, dict[int, int]]] = {}
    # The only thread that has come to an object so far, -1 once there are two.
    sole: dict[Owner, int] = {}
    for position, (tid, operation) in enumerate(events):
        if operation.kind in MEMORY:
            for owner, name, mode in operation.accesses or ():
                if sole.setdefault(owner, tid) != tid:
                    sole[owner] = -1
                elif mode and operation.site.function.rpartition(".")[2] in MAKERS:
                    continue
                modes = owners.setdefault(owner, {}).setdefault(name, {})
                modes[position] = modes.get(position, 0) | mode
    return [place for owner, fields in owners.items() for place in _places_of(owner, fields, events, witness)]


def _places_of(owner: Owner, fields: dict[Hashable, dict[int, int]], events: Sequence[Event], witness: Witness) -> list[Place]:
    whole = fields.get(WHOLE)
    if len({events[position][0] for modes in fields.values() for position in modes}) < 2:
        return []
    places = []
    is_container = owner[-1] in CONTAINERS or any(not isinstance(name, str) and name is not WHOLE for name in fields)
    for name, own in fields.items():
        if name is WHOLE and not is_container:
            continue
        if whole is None or name is WHOLE or (is_container and isinstance(name, str)):
            modes = own
        elif isinstance(name, str):
            modes = {at: own.get(at, READ) for at in sorted({*own, *(at for at, mode in whole.items() if not mode)})}
        else:
            modes = {at: own.get(at, 0) | whole.get(at, 0) for at in sorted({*own, *whole})}
        touches = [Touch(position, events[position][0], mode) for position, mode in modes.items()]
        if _is_contended(touches) and not _has_common_lock(touches, witness):
            index = {touch.position: number for number, touch in enumerate(touches)}
            places.append(Place(owner, name if isinstance(name, str) else "", name, touches, index))
    return places


def _has_common_lock(touches: Sequence[Touch], witness: Witness) -> bool:
    return bool(functools.reduce(and_, (witness.held[touch.position] for touch in touches)))


def _is_contended(touches: Sequence[Touch]) -> bool:
    writers = {touch.tid for touch in touches if touch.mode}
    return bool(writers) and (len(writers) > 1 or any(touch.tid not in writers for touch in touches))


def key_of(place: Place, positions: Sequence[int], events: Sequence[Event]) -> tuple[str, ...]:
    """Return what tells races apart: the place, without the object, and the lines."""
    lines = sorted({(events[position][1].site.file, events[position][1].site.line) for position in positions})
    return f"{place.owner[-1]}.{place.name}", *(f"{file}:{line}" for file, line in lines)
