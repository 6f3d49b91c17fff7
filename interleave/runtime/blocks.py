"""Accesses to memory at the granularity of the GIL: as many of them as happen without a switch are one atomic block.

With the GIL the interpreter goes from one thread to another only where it looks whether it is to (`instrument.switches` says where that
is, and sets `gate.may_switch`), and where a primitive blocks. Between two such points a thread cannot be preempted. So the strategy is
asked at the first access after a point; the accesses that follow, up to the next point, are announced and get their moments, and nothing
is chosen. What was done to a primitive is a point too.

A schedule at this granularity is therefore also one of free-threaded Python: the moments are the same, there are only fewer at which
something may be chosen.

**Accesses nobody cares about.** Sampling and `dfs` are asked at accesses only that were ever met in conflict. A point lasts until they
are asked: to switch before an access that is in conflict with nothing, or after it, is the same.

**One event for a block.** Partial-order reduction swaps events, and a block can be swapped only as a whole. It is announced with an
unknown footprint and entered with the one that it had in the end, as a step of a task is; `tasks` says why that may be done. Strategies
that want this say so by `joins_blocks`. For all others every access is an event of its own.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Hashable, Sequence
from typing import Any

from interleave.model import Access, Operation, Site
from interleave.runtime import UNKNOWN, gate
from interleave.runtime.kernel import Kernel
from interleave.runtime.ledger import Ledger
from interleave.runtime.memory import Memory

_KINDS = ("read", "write")


class BlockMemory(Memory):
    """The memory of one execution in which threads switch as with the GIL."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        #: How many events there were after the last access: if there are others now, something was done to a primitive since.
        self._length = -1
        gate.may_switch = True

    def touch(self, site: Site, owner: object, field: Hashable, mode: int, value: Any = UNKNOWN) -> None:
        """Announce one access to memory."""
        self.touch_many(site, ((owner, field, mode),), value)

    def touch_many(self, site: Site, accesses: Sequence[tuple[object, Hashable, int]], value: Any = UNKNOWN) -> None:
        """Announce accesses that happen as one, the first ones of a block or more of it."""
        kernel = self.kernel
        if get_ident() != kernel.ident:
            Ledger(kernel.trace).note_stranger(site)
            return
        me = kernel.me
        places = self.places
        entries = [places.entries.get(id(owner)) or places.enter(owner, me) for owner, _, _ in accesses]
        footprint = tuple([Access(entry.name, field, mode) for entry, (_, field, mode) in zip(entries, accesses, strict=True)])
        if site.is_point or kernel.every:
            operation = Operation(_KINDS[any(access.mode for access in footprint)], footprint, site)
            if gate.may_switch or len(kernel.events) != self._length:
                kernel.announce(me, operation._replace(accesses=None) if kernel.joins_blocks else operation)
                # Whatever others passed meanwhile.
                gate.may_switch = False
                kernel.note(me, operation, accesses[0][0], value)
            else:
                kernel.skip()
                self._add(operation, accesses[0][0], value)
            self._length = len(kernel.events)
        else:
            kernel.skip()
            if kernel.watch is not None:
                kernel.watch.saw(me.tid, "", footprint)
        for entry, (_, field, mode) in zip(entries, accesses, strict=True):
            places.record(entry, field, mode, me, site)

    def _add(self, operation: Operation, owner: object, value: Any) -> None:
        """Note an access that belongs to the block under way."""
        kernel = self.kernel
        me = kernel.me
        if not kernel.joins_blocks:
            # Who looks at what is announced sees where the thread stands.
            kernel.pending[me.tid] = operation
            kernel.note(me, operation, owner, value)
            return
        kernel.note(me, operation, owner, value)
        events = kernel.events
        events.pop()
        block = events[-1][1]
        known = dict.fromkeys((*(block.accesses or ()), *(operation.accesses or ())))
        # It counts as executed as it is announced.
        kernel.pending[me.tid] = block = block._replace(accesses=tuple(known))
        events[-1] = me.tid, block
