"""Which object, which field, who so far: the memory of one execution.

**Names.** An object gets its name, an `Owner`, when it is first seen: stored somewhere, passed to a thread, or accessed. The
name is the path of the logical thread that saw it first and a number in that thread, so it is a function of what that
thread did and not of addresses. The maker of an object nearly always sees it first (its `__init__` stores attributes,
a literal is stored in an attribute), which makes the name the same in equivalent executions.

**Identity.** The table is keyed by `id()`, which is only good while the object lives. Objects that allow weak references leave the
table when they die, so that finalisers and weak containers behave as without us; the others (lists, dicts, ...) are kept alive until
somebody looks whether anything has died, or to the end of the execution.

A `memoryview` is another way to the memory of an object, and goes under its name.

**Points.** A switch before an access matters only if the access conflicts with one of another thread. Which ones do is
learned: every access is recorded here, and when two logical threads have been at one place, one of them writing,
and no lock was held at every access to it, each site that took part becomes a point (`Site.is_point`) for the rest of
the exploration. Sampling strategies and `dfs` choose at points only.

*Why that is sound.* If both accesses of a conflict are made under a common lock, their order is that of the acquires, which are always
points. Of the other conflicts, take a schedule whose earliest one between accesses at sites that are no points is (a, b). Up to there
every order that matters is decided at points, so some explored execution is equivalent to that prefix: the other accesses commute
with everything. That execution performs a and b, finds the conflict here, makes both sites points, and reports `has_new_points`,
upon which an exhaustive strategy starts over. So when one ends without new points, nothing was missed. (The locks of a pair are
a superset of those held at every access to the place, so a pair without a common lock is never excused.) Accesses made while only
one logical thread is started and not joined are ordered with all others by spawn and join; they never get here.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable
from functools import partial
from gc import get_referents
from io import BytesIO
from sys import getrefcount
from typing import Any

from interleave.model import WHOLE, Operation, Owner, Site
from interleave.runtime.threads import LogicalThread

#: References to what only an entry refers to: that, and the argument of `getrefcount`.
_KEPT = 2
#: What a view says that it is of when it came from `BytesIO.getbuffer`.
_BytesIOBuffer = type(BytesIO().getbuffer().obj)

#: Classes of stand-ins that have their name reserved when they are made: most of them are never touched, so they get an entry only then.
#: Their `birth` is (the places of the execution, the path of the thread that made it, its number there), or None.
born_with_name: set[type] = set()


class Entry:
    """What is known of one object in this execution. Plain slots: the hot path reads them."""

    __slots__ = ("fields", "log", "name", "operations", "ref", "sole", "whole")

    def __init__(self, name: Owner, ref: Any, sole: LogicalThread) -> None:
        self.name = name
        #: If it is a primitive, the operations that change its state, by kind and site; None before the first.
        self.operations: dict[tuple[str, Site], Operation] | None = None
        #: The object itself, or a weak reference to it.
        self.ref = ref
        #: The only thread that has accessed it so far; None once there are two. Until then accesses are only logged, as
        #: (field, mode, site, locks held), because most objects never meet a second thread.
        self.sole: LogicalThread | None = sole
        self.log: list[tuple[Hashable, int, Site, int]] = []
        #: By field: [bits of the readers, bits of the writers, sites that are no points yet, locks held at every access (a bit mask)].
        self.fields: dict[Hashable, list[Any]] = {}
        #: The same for accesses to `WHOLE`, None before the first.
        self.whole: list[Any] | None = None


class Places:
    """All objects and accesses of one execution."""

    __slots__ = ("entries", "has_new_points", "is_looked_through", "names", "views")

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.has_new_points = False
        #: All names given, in order.
        self.names: list[Owner] = []
        #: Whether an operation was made that conflicts with everything.
        self.is_looked_through = False
        #: By id of a view: what takes it out of the table when it dies. While it lives, what it is a view of cannot change its size.
        self.views: dict[int, Any] = {}

    def enter(self, obj: object, thread: LogicalThread) -> Entry:
        """Name an object that is not in the table yet."""
        if type(obj) is memoryview and (viewed := _viewed(obj)) is not None:
            return self._enter_view(obj, self.entries.get(id(viewed)) or self.enter(viewed, thread))
        key = id(obj)
        entries = self.entries
        cls = type(obj)
        if cls in born_with_name and (birth := obj.birth) is not None and birth[0] is self:  # type: ignore[attr-defined]
            _, path, number = birth
        else:
            kind = "" if cls in born_with_name else cls.__name__
            path, number = thread.path, thread.named.get(kind, 0)
            thread.named[kind] = number + 1
        # dict.pop(key, ref): the reference that dies is passed as the default.
        ref: Any = weakref.ref(obj, partial(entries.pop, key)) if cls.__weakrefoffset__ else obj
        entry = entries[key] = Entry((path, number, cls.__name__), ref, thread)
        self.names.append(entry.name)
        return entry

    def _enter_view(self, view: object, entry: Entry) -> Entry:
        """Let a view of memory be what it is a view of."""
        key = id(view)
        self.views[key] = weakref.ref(view, partial(_drop, self.entries, self.views, key))
        self.entries[key] = entry
        return entry

    def enter_as(self, obj: object, name: Owner, thread: LogicalThread) -> None:
        """Give an object that is not in the table yet a name that does not depend on who sees it first."""
        key = id(obj)
        ref: Any = weakref.ref(obj, partial(self.entries.pop, key)) if type(obj).__weakrefoffset__ else obj
        self.entries[key] = Entry(name, ref, thread)

    def name_of(self, obj: object) -> Owner | None:
        """Return the name of an object, None if it has none."""
        entry = self.entries.get(id(obj))
        return None if entry is None else entry.name

    def record(self, entry: Entry, field: Hashable, mode: int, thread: LogicalThread, site: Site) -> None:
        """Note one access by a logical thread, and learn the points that it makes."""
        sole = entry.sole
        if sole is not None:
            if sole is thread:
                entry.log.append((field, mode, site, thread.held))
                return
            # The second thread. Who named the object without accessing it does not count.
            log, entry.log = entry.log, []
            entry.sole = None if log else thread
            for past, past_mode, past_site, past_held in log:
                self.enter_access(entry, past, past_mode, sole.bit, past_site, past_held)
            if not log:
                entry.log.append((field, mode, site, thread.held))
                return
        self.enter_access(entry, field, mode, thread.bit, site, thread.held)

    def enter_access(self, entry: Entry, field: Hashable, mode: int, bit: int, site: Site, held: int) -> None:
        """Note one access, by the thread of a bit, to an object that more than one has accessed."""
        if field is WHOLE:
            self._enter_whole(entry, mode, bit, site, held)
            return
        record = entry.fields.get(field)
        if record is None:
            record = entry.fields[field] = [0, 0, [], held]
        else:
            record[3] &= held
        record[mode] |= bit
        sites = record[2]
        if not site.is_point and site not in sites:
            sites.append(site)
        if sites and not record[3] and (record[0] | record[1] if mode else record[1]) & ~bit:
            self._learn(sites)
        whole = entry.whole
        if whole is not None and not whole[3] & record[3] and (whole[0] | whole[1] if mode else whole[1]) & ~bit:
            self._learn(whole[2])
            self._learn([site])

    def _enter_whole(self, entry: Entry, mode: int, bit: int, site: Site, held: int) -> None:
        whole = entry.whole
        if whole is None:
            whole = entry.whole = [0, 0, [], held]
        whole[3] &= held
        if not site.is_point and site not in whole[2]:
            whole[2].append(site)
        whole[mode] |= bit
        if not whole[3] and (whole[0] | whole[1] if mode else whole[1]) & ~bit:
            self._learn(whole[2])
        for record in entry.fields.values():
            if not whole[3] & record[3] and (record[0] | record[1] if mode else record[1]) & ~bit:
                self._learn(record[2])
                self._learn([site])

    def is_contended(self, entry: Entry, field: Hashable, mode: int, thread: LogicalThread) -> bool:
        """Tell whether another thread has come to what a recorded access touches, in conflict with it and under no common lock."""
        records = [*entry.fields.values(), entry.whole] if field is WHOLE else [entry.fields.get(field), entry.whole]
        return any(
            record is not None and not record[3] & thread.held and (record[0] | record[1] if mode else record[1]) & ~thread.bit
            for record in records
        )

    def look_through(self) -> None:
        """Note an operation that conflicts with everything: from now on every access is a point, and so are those up to now."""
        self.is_looked_through = True
        for entry in self.entries.values():
            self._learn([site for _, _, site, _ in entry.log])
            for record in entry.fields.values():
                self._learn(record[2])
            if entry.whole is not None:
                self._learn(entry.whole[2])

    def forget_dead(self) -> None:
        """Forget what only the table keeps alive, and what dies with that, where anybody looks whether something has died."""
        while self.is_looked_through and (dead := [key for key, entry in self.entries.items() if _is_dead(entry)]):
            for key in dead:
                self.entries.pop(key, None)

    def pass_by(self, site: Site) -> None:
        """Make an access a point that was none, whatever others do."""
        self._learn([site])

    def _learn(self, sites: list[Site]) -> None:
        """Make sites points; there is nothing more to be learnt of them."""
        for site in sites:
            if not site.is_point:
                site.is_point = True
                self.has_new_points = True
        sites.clear()


def _is_dead(entry: Entry) -> bool:
    return getrefcount(entry.ref) == _KEPT and type(entry.ref) is not weakref.ref


def _viewed(view: memoryview) -> object | None:
    """Return the object whose memory a view shows, None if it has been released."""
    try:
        viewed: object = view.obj
    except ValueError:
        return None
    return get_referents(viewed)[-1] if type(viewed) is _BytesIOBuffer else viewed


def _drop(entries: dict[int, Entry], views: dict[int, Any], key: int, _: object) -> None:
    entries.pop(key, None)
    views.pop(key, None)
