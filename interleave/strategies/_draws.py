"""Random numbers for one execution after another.

What an execution draws depends on the seed and on its number alone, so it is the same whether or not the executions before it were
made. But seeding a generator (a Mersenne Twister) costs as much as a dozen steps of a program. So one is seeded for `_BLOCK` executions
at a time and gives each of them one large number, whose digits are drawn; where these are used up, a generator is seeded for that
execution alone.
"""

from __future__ import annotations

import random

#: Executions that share a generator, and the bits that each gets of it: enough for a hundred choices between three.
_BLOCK = 64
_BITS = 256
#: What is left of a number below this is not drawn from: its digits would not be equally distributed. The bias of the others is below
#: `count / 2**64`.
_USED_UP = 1 << 64


def seed_of(seed: int, execution: int) -> int:
    """Return a number that differs for every pair; `seed` may be negative, `execution` is below 2**40."""
    return (seed << 1 if seed >= 0 else (-seed << 1) - 1) << 40 | execution


class Draws:
    """Draws of equally distributed numbers; `begin` comes first."""

    __slots__ = ("_block", "_digits", "_execution", "_is_seeded", "_made", "_own", "_seed", "_shared")

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._execution = 0
        self._shared = random.Random()
        #: The block that the shared generator is seeded for, and the executions of it that have got their number.
        self._block = -1
        self._made = 0
        self._digits = 0
        #: A generator for what is more than that; seeded when it is first asked.
        self._own = random.Random()
        self._is_seeded = False

    def begin(self, execution: int) -> None:
        """Expect the draws of an execution."""
        self._execution = execution
        self._is_seeded = False
        block, index = divmod(execution, _BLOCK)
        if block != self._block or index < self._made:
            # Unlike that of any execution.
            self._shared.seed(seed_of(self._seed, block) << 1 | 1)
            self._block, self._made = block, 0
        while self._made <= index:
            self._digits = self._shared.getrandbits(_BITS)
            self._made += 1

    def below(self, count: int) -> int:
        """Return an index below `count`."""
        digits = self._digits
        if digits < _USED_UP:
            digits = self.own().getrandbits(_BITS) | _USED_UP
        self._digits = digits // count
        return digits % count

    def own(self) -> random.Random:
        """Return a generator of the execution's own."""
        if not self._is_seeded:
            self._is_seeded = True
            self._own.seed(seed_of(self._seed, self._execution) << 1)
        return self._own
