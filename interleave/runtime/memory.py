"""Accesses to memory, turned into announcements to the kernel; and the names of the objects that they are to.

This is what happens at every single access of instrumented code, so it is written for speed.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from interleave.model import STATE, Access, Operation, Owner, Site
from interleave.runtime import UNKNOWN
from interleave.runtime.ending import run_away
from interleave.runtime.kernel import Kernel
from interleave.runtime.ledger import Ledger
from interleave.runtime.places import Places
from interleave.runtime.threads import LogicalThread

# The namedtuples' own constructors cost twice as much, and one of each is made per access.
_new: Callable[..., Any] = tuple.__new__
_MEMORY = ("read", "write")
#: Accesses that a thread may make one after the other without a point, others being able to go on.
_PATIENCE = 1_000


class Memory:
    """The memory of one execution, as the program reaches it."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.places = places = Places()
        self._entries = places.entries
        #: When to look whether a thread goes on and on without a point, and how many events there were the last time.
        self._alarm, self._events = min(_PATIENCE, kernel.limit), 0

    def touch(self, site: Site, owner: object, field: Hashable, mode: int, value: Any = UNKNOWN) -> None:
        """Announce one access to memory.

        Where the strategy does not care about the access, it only gets its moment: the events of such an execution lack it.
        """
        kernel = self.kernel
        if get_ident() != kernel.ident:
            Ledger(kernel.trace).note_stranger(site)
            return
        me = kernel.me
        entry = self._entries.get(id(owner))
        if entry is None:
            entry = self.places.enter(owner, me)
        if site.is_point or kernel.every:
            operation = _new(Operation, (_MEMORY[mode], (_new(Access, (entry.name, field, mode)),), site, -1))
            kernel.announce(me, operation)
            if kernel.watch is None and kernel.observer is None:  # as `note` does
                kernel.events.append((me.tid, operation))
            else:
                kernel.note(me, operation, owner, value)
        else:
            kernel.moment = moment = kernel.moment + 1
            if moment > self._alarm:
                self._look_up(site)
            if self.places.is_looked_through:
                self.places.pass_by(site)
            if kernel.watch is not None:
                kernel.watch.saw(me.tid, "", (Access(entry.name, field, mode),))
        sole = entry.sole  # as `record` does, for the most common cases
        if sole is None:
            self.places.enter_access(entry, field, mode, me.bit, site, me.held)
        elif sole is me:
            entry.log.append((field, mode, site, me.held))
        else:
            self.places.record(entry, field, mode, me, site)

    def touch_many(self, site: Site, accesses: Sequence[tuple[object, Hashable, int]], value: Any = UNKNOWN) -> None:
        """Announce accesses to several places that happen as one."""
        kernel = self.kernel
        if get_ident() != kernel.ident:
            Ledger(kernel.trace).note_stranger(site)
            return
        me = kernel.me
        places = self.places
        entries = [places.entries.get(id(owner)) or places.enter(owner, me) for owner, _, _ in accesses]
        if site.is_point or kernel.every:
            footprint = tuple([_new(Access, (entry.name, field, mode)) for entry, (_, field, mode) in zip(entries, accesses, strict=True)])
            operation = _new(Operation, (_MEMORY[any(mode for _, _, mode in accesses)], footprint, site, -1))
            kernel.announce(me, operation)
            kernel.note(me, operation, accesses[0][0], value)
        else:
            kernel.moment += 1
            if kernel.moment > self._alarm:
                self._look_up(site)
            if places.is_looked_through:
                places.pass_by(site)
            if kernel.watch is not None:
                named = zip(entries, accesses, strict=True)
                kernel.watch.saw(me.tid, "", tuple([Access(entry.name, field, mode) for entry, (_, field, mode) in named]))
        for entry, (_, field, mode) in zip(entries, accesses, strict=True):
            places.record(entry, field, mode, me, site)

    def _look_up(self, site: Site) -> None:
        """Make a site a point where a thread has gone on without any for long: it may wait for one that is never asked for."""
        kernel = self.kernel
        if kernel.moment > kernel.limit:
            run_away(kernel)
        if len(kernel.events) == self._events and kernel.enabled & ~kernel.me.bit:
            self.places.pass_by(site)
        self._alarm, self._events = min(kernel.moment + _PATIENCE, kernel.limit), len(kernel.events)

    def name(self, obj: object) -> Any:
        """Return the stable name of an object."""
        if type(obj) is LogicalThread:
            return obj.name
        entry = self._entries.get(id(obj))
        return (entry or self.places.enter(obj, self.kernel.me)).name

    def operation(self, kind: str, resources: Sequence[object], mode: int, site: Site, field: Hashable = STATE) -> Operation:
        """Return the operation that reads or changes the state of primitives."""
        entry = self._entries.get(id(resources[0]))
        if entry is None or not mode or len(resources) > 1 or field is not STATE:
            footprint = tuple([_new(Access, (self.name(one), field, mode)) for one in resources])
            return _new(Operation, (kind, footprint, site, -1))  # type: ignore[no-any-return]
        # Kept: a primitive is used again and again from one place, and all that is done to it is part of the trace.
        known = entry.operations
        if known is None:
            known = entry.operations = {}
        operation = known.get((kind, site))
        if operation is None:
            operation = known[kind, site] = _new(Operation, (kind, (_new(Access, (entry.name, STATE, mode)),), site, -1))
        return operation

    def name_as(self, obj: object, name: Owner) -> None:
        """Name an object that has no name yet, for one that is older than the execution or belongs to another one."""
        if id(obj) not in self.places.entries:
            self.places.enter_as(obj, name, self.kernel.me)

    def bear(self) -> tuple[object, tuple[int, ...], int]:
        """Reserve the name of a stand-in that the running thread makes (see `places.born_with_name`)."""
        me = self.kernel.me
        number = me.named.get("", 0)
        me.named[""] = number + 1
        return self.places, me.path, number

    def publish(self, value: object) -> None:
        """Name an object after the current logical thread if it has no name yet."""
        if id(value) not in self._entries and get_ident() == self.kernel.ident:
            self.places.enter(value, self.kernel.me)
