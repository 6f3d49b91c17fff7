"""Which object, which field, who so far: the memory of one execution.

**Names.** An object gets its name, an `Owner`, when it is first seen: stored somewhere, passed to a thread, or accessed. The
name is the path of the logical thread that saw it first and a number in that thread, so it is a function of what that
thread did and not of addresses. The maker of an object nearly always sees it first (its `__init__` stores attributes,
a literal is stored in an attribute), which makes the name the same in equivalent executions.

**Identity.** The table is keyed by `id()`, which is only good while the object lives. Objects that allow weak references leave the
table when they die, so that finalisers and weak containers behave as without us; the others (lists, dicts, ...) are
kept alive to the end of the execution.

**Points.** A switch before an access matters only if the access conflicts with one of another thread. Which ones do is
learned: every access is recorded here, and when two logical threads have been at one place, one of them writing,
each site that took part becomes a point (`Site.is_point`) for the rest of the exploration. Sampling strategies and
`dfs` choose at points only.

*Why that is sound.* Take a schedule whose earliest conflict between accesses at sites that are no points is (a, b). Up to there
all conflicts are between points, so some explored execution is equivalent to that prefix: the accesses in between commute
with everything. That execution performs a and b, finds the conflict here, makes both sites points, and reports `has_new_points`,
upon which an exhaustive strategy starts over. So when one ends without new points, nothing was missed. Accesses made while only
one logical thread is started and not joined are ordered with all others by spawn and join; they never get here.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable
from functools import partial
from typing import Any

from interleave.model import WHOLE, Owner, Site


class Entry:
    """What is known of one object in this execution. Plain slots: the hot path reads them."""

    __slots__ = ("fields", "name", "ref", "whole")

    def __init__(self, name: Owner, ref: Any) -> None:
        self.name = name
        #: The object itself, or a weak reference to it.
        self.ref = ref
        #: By field: [bits of the readers, bits of the writers, sites].
        self.fields: dict[Hashable, list[Any]] = {}
        #: The same for accesses to `WHOLE`, None before the first.
        self.whole: list[Any] | None = None


class Places:
    """All objects and accesses of one execution."""

    __slots__ = ("counts", "entries", "has_new_points")

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        #: By thread path: how many objects were named after it.
        self.counts: dict[tuple[int, ...], int] = {}
        self.has_new_points = False

    def enter(self, obj: object, path: tuple[int, ...]) -> Entry:
        """Name an object that is not in the table yet."""
        number = self.counts.get(path, 0)
        self.counts[path] = number + 1
        key = id(obj)
        entries = self.entries
        ref: Any
        try:
            # dict.pop(key, ref): the reference that dies is passed as the default.
            ref = weakref.ref(obj, partial(entries.pop, key))
        except TypeError:
            ref = obj
        entry = entries[key] = Entry((path, number, type(obj).__name__), ref)
        return entry

    def record(self, entry: Entry, field: Hashable, mode: int, bit: int, site: Site) -> None:
        """Note one access by the logical thread with this bit, and learn the points that it makes."""
        fields = entry.fields
        if field is WHOLE:
            self._record_whole(entry, mode, bit, site)
            return
        record = fields.get(field)
        if record is None:
            record = fields[field] = [0, 0, [site]]
        elif site not in record[2]:
            record[2].append(site)
        record[mode] |= bit
        others = (record[0] | record[1] if mode else record[1]) & ~bit
        if others:
            self._learn(record[2])
        whole = entry.whole
        if whole is not None and (whole[0] | whole[1] if mode else whole[1]) & ~bit:
            self._learn(whole[2])
            self._learn((site,))

    def _record_whole(self, entry: Entry, mode: int, bit: int, site: Site) -> None:
        whole = entry.whole
        if whole is None:
            whole = entry.whole = [0, 0, []]
        if site not in whole[2]:
            whole[2].append(site)
        whole[mode] |= bit
        if (whole[0] | whole[1] if mode else whole[1]) & ~bit:
            self._learn(whole[2])
        for record in entry.fields.values():
            if (record[0] | record[1] if mode else record[1]) & ~bit:
                self._learn(record[2])
                self._learn((site,))

    def _learn(self, sites: Any) -> None:
        for site in sites:
            if not site.is_point:
                site.is_point = True
                self.has_new_points = True
