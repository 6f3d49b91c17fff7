"""What strategies ask of a scheduling point, beyond its fields.

Sets of threads are bit masks (bit `t` stands for tid `t`), because the kernel can keep them up to date in constant
time. Taking them apart is the strategies' business, and this is where it is done.
"""

from __future__ import annotations

import random

from interleave.model import NOWHERE, Point, Site

#: Kinds of operations whose order with those that conflict with them follows from the order of the others, as that of a release
#: does from the order of the acquires. They are no scheduling points, as a rule.
IMPLIED = ("release", "exit", "spawn", "join")
#: Masks below this are taken apart once and remembered: all sets of up to ten threads.
SMALL = 1 << 10
_members: dict[int, tuple[int, ...]] = {}


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


def pick_bit(mask: int, source: random.Random) -> int:
    """Return the number of a set bit, each with the same probability. `mask` must not be 0.

    Constant time: small masks are looked up, well filled ones sampled by rejection (at most eight draws expected),
    and the others have so few bits for their width that listing those is cheaper.
    """
    members = _members.get(mask)
    if members is None:
        width = mask.bit_length()
        if mask >= SMALL and mask.bit_count() * 8 >= width:
            while True:
                # `random()` times a small integer: the bias is below 2**-46, and it is four times faster than `randrange`.
                number = int(source.random() * width)
                if mask >> number & 1:
                    return number
        members = bits(mask)
    return members[int(source.random() * len(members))]


def site_of(point: Point) -> Site:
    """Return the place in the source of the operation that is announced at `point`."""
    operation = point.pending[point.current]
    return NOWHERE if operation is None else operation.site
