"""How steps of one trace are related: what touches the same, what synchronisation puts between what, who descends from whom."""

from __future__ import annotations

from collections.abc import Sequence

from interleave.detectors.synchronisation import Order
from interleave.model import Step, Trace, fields_overlap


class Relations:
    """The relations of the steps of one trace; what costs something is found out when it is asked for."""

    def __init__(self, trace: Trace, steps: Sequence[Step]) -> None:
        self._trace = trace
        self._steps = steps
        self._parents = {thread.tid: thread.parent for thread in trace.threads}
        self._order: Order | None = None

    def is_meant(self, first: int, between: int, second: int) -> bool:
        """Tell whether more than mutexes put an access between two others."""
        trace = self._trace
        # What a task does in one step is one event, so that events and steps are not the same there.
        if trace.has_tasks:
            return self._is_within(self._steps[between].tid, first, second)
        if trace.witness is None:
            return False
        if self._order is None:
            self._order = Order(trace.events[: len(self._steps)], trace.witness, locks=False)
        return self._order.is_before(first, between) and self._order.is_before(between, second)

    def _is_within(self, tid: int, first: int, second: int) -> bool:
        """Tell whether all that a task does lies between two steps of one that it descends from: that one waited for it."""
        own = [step.index for step in self._steps if step.tid == tid]
        return first < own[0] and own[-1] < second and self.is_ancestor(self._steps[first].tid, tid)

    def is_ancestor(self, tid: int, of: int) -> bool:
        """Tell whether a thread started another, or one of those that led to it."""
        while of in self._parents:
            of = self._parents[of]
            if of == tid:
                return True
        return False

    def overlap(self, one: Step, other: Step) -> bool:
        """Tell whether two steps touch the same."""
        if one.accesses is None or other.accesses is None:
            return one.place == other.place
        mine, others = one.accesses, other.accesses
        return any(a.owner == b.owner and fields_overlap(a.field, b.field) for a in mine for b in others)
