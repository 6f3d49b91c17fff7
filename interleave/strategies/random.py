"""The uniform random walk: at every point each enabled logical thread is as likely as the others.

It knows nothing and assumes nothing, which makes it the yardstick for every other sampler. It is fair: a thread that
spins until another has made progress is left with probability 1. What it finds badly are failures that need one
thread to do nothing during many steps of another: the probability of that falls exponentially with the number of
steps (Burckhardt et al., ASPLOS 2010, section 1), and there `pct` is better.

Execution `i` draws from a generator seeded with (seed, i) alone, so it is the same whether or not the executions
before it were made, and a part of them can be made elsewhere. Seeding costs 5 µs an execution, little beside what an
execution costs.
"""

from __future__ import annotations

import random

from interleave.model import Point, Trace
from interleave.strategies._points import pick_bit


def seed_of(seed: int, execution: int) -> int:
    """Return a number that differs for every pair; `seed` may be negative, `execution` is below 2**40."""
    return (seed << 1 if seed >= 0 else (-seed << 1) - 1) << 40 | execution


class RandomWalk:
    """Choose uniformly at random; runs as long as it is asked to and proves nothing."""

    every_access = False
    scope = ""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
        #: Index of the next execution.
        self.execution = 0
        self._random = random.Random()

    def begin(self) -> bool:
        """Seed the generator for the next execution."""
        self._random.seed(seed_of(self.seed, self.execution))
        self.execution += 1
        return True

    def choose(self, point: Point) -> int:
        """Draw one of the enabled threads, or of the values."""
        if point.values:
            return self._random.randrange(point.values)
        return pick_bit(point.enabled, self._random)

    def end(self, trace: Trace) -> None:
        """Learn nothing from what happened."""
