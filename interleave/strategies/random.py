"""The random walk: at every point each enabled logical thread is as likely as the others, or as its weight says.

It knows nothing and assumes nothing, which makes it the yardstick for every other sampler. It is fair: a thread that
spins until another has made progress is left with probability 1. What it finds badly are failures that need one
thread to do nothing during many steps of another: the probability of that falls exponentially with the number of
steps (Burckhardt et al., ASPLOS 2010, section 1), and there `pct` is better.

Weights move the walk to another part of the space: with a small one for a thread that consumes, a queue fills up; with a
large one, it is empty most of the time.

Execution `i` draws what depends on (seed, i) alone (see `_draws`), so it is the same whether or not the executions
before it were made, and a part of them can be made elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from interleave.errors import UsageError
from interleave.model import Point, Strategy
from interleave.strategies._draws import Draws
from interleave.strategies._points import SMALL, Picker, bits, known_bits


class RandomWalk(Strategy):
    """Choose at random; runs as long as it is asked to and proves nothing.

    `weights` maps names of threads to how likely they are, where others have 1.0: one of weight 3.0 goes on three times as
    often as one of weight 1.0, and one of weight 0.0 only where no other can. Raises `UsageError` for a negative weight.
    """

    def __init__(self, *, seed: int = 0, weights: Mapping[str, float] | None = None) -> None:
        for name, weight in (weights or {}).items():
            if not (isfinite(weight) and weight >= 0):
                raise UsageError(f"the weight of thread {name!r} is {weight}, but it has to be a number from 0 on")
        self.seed = seed
        self.weights = dict(weights or {})
        #: Index of the next execution.
        self.execution = 0
        self._draws = Draws(seed)
        self._picker = Picker()

    def begin(self) -> bool:
        """Go on to the next execution."""
        self._draws.begin(self.execution)
        self._picker.clear()
        self.execution += 1
        return True

    def choose(self, point: Point) -> int:
        """Draw one of the enabled threads, or of the values."""
        enabled = point.enabled
        if point.values:
            return self._draws.below(point.values)
        if self.weights:
            tids = bits(enabled)
            weights = [self.weights.get(point.threads[tid].name, 1.0) for tid in tids]
            if any(weights):
                return self._draws.own().choices(tids, weights)[0]
        if enabled < SMALL:
            tids = known_bits(enabled) or bits(enabled)
            return tids[self._draws.below(len(tids))]
        return self._picker.pick(enabled, self._draws.own())
