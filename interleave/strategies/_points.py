"""What strategies ask of a scheduling point, beyond its fields.

Sets of threads are bit masks (bit `t` stands for tid `t`), because the kernel can keep them up to date in constant
time. Taking them apart is the strategies' business, and this is where it is done.
"""

from __future__ import annotations

import random

from interleave.errors import ReplayMismatch
from interleave.model import NOWHERE, Point, Site, Trace

#: Kinds of operations whose order with those that conflict with them follows from the order of the others, as that of a release
#: does from the order of the acquires. They are no scheduling points, as a rule.
IMPLIED = ("release", "exit", "spawn", "join")
#: Masks below this are taken apart once and remembered: all sets of up to ten threads.
SMALL = 1 << 10
_members: dict[int, tuple[int, ...]] = {}
#: Returns the numbers of the set bits of a mask that was taken apart before, else None.
known_bits = _members.get


def bits(mask: int) -> tuple[int, ...]:
    """Return the numbers of the set bits, lowest first."""
    known = _members.get(mask)
    if known is not None:
        return known
    rest, found = mask, []
    while rest:
        low = rest & -rest
        found.append(low.bit_length() - 1)
        rest ^= low
    members = tuple(found)
    if mask < SMALL:
        _members[mask] = members
    return members


class Picker:
    """Draws set bits of masks, each with the same probability.

    Constant time: small masks are looked up, and so is one that comes again and again; others that are well filled are sampled by
    rejection (at most eight draws expected), and the rest have so few bits for their width that listing those is cheaper.
    """

    __slots__ = ("_mask", "_members")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin an execution: what is drawn in it must not depend on those before."""
        #: The last large mask, and its bits from its second time on.
        self._mask = 0
        self._members: tuple[int, ...] = ()

    def pick(self, mask: int, source: random.Random) -> int:
        """Return the number of a set bit; `mask` must not be 0."""
        # `random()` times a small integer: the bias is below 2**-46, and it is four times faster than `randrange`.
        members = _members.get(mask)
        if members is None:
            if mask == self._mask:
                members = self._members = self._members or bits(mask)
            else:
                width = mask.bit_length()
                if mask >= SMALL and mask.bit_count() * 8 >= width:
                    self._mask, self._members = mask, ()
                    while True:
                        number = int(source.random() * width)
                        if mask >> number & 1:
                            return number
                members = bits(mask)
        return members[int(source.random() * len(members))]


def site_of(point: Point) -> Site:
    """Return the place in the source of the operation that is announced at `point`."""
    operation = point.pending[point.current]
    return NOWHERE if operation is None else operation.site


def mismatch(point: Point, tid: int) -> ReplayMismatch:
    """Make the error for a program whose thread does not announce what it announced before."""
    operation = point.pending[tid] if tid < len(point.pending) else None
    where = str(operation.site) if operation is not None else "?"
    step = len(point.events)
    return _unlike(f"at step {step}, logical thread {tid} cannot go on as recorded", step, where)


def early_end(trace: Trace) -> ReplayMismatch:
    """Make the error for a program that ended before it came to where it had been before."""
    step = len(trace.events)
    return _unlike(f"it ended after {step} steps", step, str(trace.events[-1][1].site) if trace.events else "?")


def _unlike(how: str, step: int, where: str) -> ReplayMismatch:
    return ReplayMismatch(
        f"The program did not do again what it did before: {how} ({where}).\n"
        "It depends on something that is not controlled, such as a set order, the wall clock, or a global kept between executions.",
        step=step,
        where=where,
    )
