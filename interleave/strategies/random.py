"""The random walk: at every point each enabled logical thread is as likely as the others, or as its weight says.

It knows nothing and assumes nothing, which makes it the yardstick for every other sampler. It is fair: a thread that
spins until another has made progress is left with probability 1. What it finds badly are failures that need one
thread to do nothing during many steps of another: the probability of that falls exponentially with the number of
steps (Burckhardt et al., ASPLOS 2010, section 1), and there `pct` is better.

Weights move the walk to another part of the space: with a small one for a thread that consumes, a queue fills up; with a
large one, it is empty most of the time.

Execution `i` draws from a generator seeded with (seed, i) alone, so it is the same whether or not the executions
before it were made, and a part of them can be made elsewhere. Seeding costs 5 µs an execution, little beside what an
execution costs.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from math import isfinite

from interleave.errors import UsageError
from interleave.model import Point, Trace
from interleave.strategies._points import Picker, bits


def seed_of(seed: int, execution: int) -> int:
    """Return a number that differs for every pair; `seed` may be negative, `execution` is below 2**40."""
    return (seed << 1 if seed >= 0 else (-seed << 1) - 1) << 40 | execution


class RandomWalk:
    """Choose at random; runs as long as it is asked to and proves nothing.

    `weights` maps names of threads to how likely they are, where others have 1.0: one of weight 3.0 goes on three times as
    often as one of weight 1.0, and one of weight 0.0 only where no other can. Raises `UsageError` for a negative weight.
    """

    every_access = False
    scope = ""

    def __init__(self, *, seed: int = 0, weights: Mapping[str, float] | None = None) -> None:
        for name, weight in (weights or {}).items():
            if not (isfinite(weight) and weight >= 0):
                raise UsageError(f"the weight of thread {name!r} is {weight}, but it has to be a number from 0 on")
        self.seed = seed
        self.weights = dict(weights or {})
        #: Index of the next execution.
        self.execution = 0
        self._random = random.Random()
        self._picker = Picker(self._random)

    def begin(self) -> bool:
        """Seed the generator for the next execution."""
        self._random.seed(seed_of(self.seed, self.execution))
        self.execution += 1
        return True

    def choose(self, point: Point) -> int:
        """Draw one of the enabled threads, or of the values."""
        if point.values:
            return self._random.randrange(point.values)
        if self.weights:
            tids = bits(point.enabled)
            weights = [self.weights.get(point.threads[tid].name, 1.0) for tid in tids]
            if any(weights):
                return self._random.choices(tids, weights)[0]
        return self._picker.pick(point.enabled)

    def end(self, trace: Trace) -> None:
        """Learn nothing from what happened."""
