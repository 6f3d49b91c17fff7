"""The two ends of a queue or a semaphore.

A `put` and a `get` of another item can be swapped, and so can a `release` and an `acquire` that does not need it: they meet only where
one gives what the other takes. So a search that asks for it (`Kernel.parted`) is told that giving writes the `TAIL` and taking the `HEAD`,
and in `Trace.enablers` which event gave what another took. All that gives stays ordered, and all that takes: the n-th taken is the n-th
given, however the operations at one end come between those at the other.

That holds as long as nobody looks at both ends, by an attempt, with a time limit, at the size, or with the mutex of a queue in hand. Such
an operation touches the whole, and the kind of object goes into `Trace.mixed`: the search begins anew and leaves such objects whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Any

from interleave.model import HEAD, READ, STATE, TAIL, WHOLE
from interleave.runtime import gate
from interleave.vector_clock import NEVER


class Ends:
    """What is there to be taken in one execution: for each item or permit, the position of the event that gave it."""

    __slots__ = ("_given", "_kernel", "_kind", "_whole", "head", "is_parted", "tail")

    def __init__(self, kernel: Any, kind: str, present: int, *, may_part: bool = True) -> None:
        self._kernel = kernel
        self._kind = kind
        self.is_parted = may_part and kind in kernel.parted
        self._given = deque([NEVER] * present) if self.is_parted else deque()
        #: The fields of taking, of giving, and of all else (see `mix`).
        self.head, self.tail, self._whole = (HEAD, TAIL, WHOLE) if self.is_parted else (STATE, STATE, STATE)

    def __len__(self) -> int:
        return len(self._given)

    def mix(self) -> Hashable:
        """Note that an operation is about to look at both ends, and return the field that it touches."""
        if self.is_parted:
            self._kernel.trace.mixed.add(self._kind)
        return self._whole

    def give(self, count: int = 1) -> None:
        """Note that the event that happened last gave something."""
        if self.is_parted:
            self._kernel.trace.parted.add(self._kind)
            self._given.extend([len(self._kernel.events) - 1 if gate.is_open else NEVER] * count)

    def take(self) -> None:
        """Note that the event that happened last took the first of what is there."""
        if not self._given:
            return
        giver = self._given.popleft()
        if giver != NEVER and gate.is_open:
            self._kernel.trace.enablers[len(self._kernel.events) - 1] = giver


def look_inside(trap: Any, kind: str, resource: object) -> None:
    """Announce that the program looks at what is in an object of a kind, past its methods."""
    is_parted = kind in trap.kernel.parted
    if is_parted:
        trap.kernel.trace.mixed.add(kind)
    trap.step("look", resource, mode=READ, field=WHOLE if is_parted else STATE)
