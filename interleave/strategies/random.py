"""The random walk: at every point each enabled logical thread is as likely as the others.

It knows nothing and assumes nothing, which makes it the yardstick for every other sampler. It is fair: a thread that
spins until another has made progress is left with probability 1. What it finds badly are failures that need one
thread to do nothing during many steps of another: the probability of that falls exponentially with the number of
steps (Burckhardt et al., ASPLOS 2010, section 1), and there `pct` is better.

Execution `i` draws what depends on (seed, i) alone (see `_draws`), so it is the same whether or not the executions
before it were made, and a part of them can be made elsewhere.
"""

from __future__ import annotations

from interleave.model import Point, Strategy
from interleave.strategies._draws import Draws
from interleave.strategies._points import SMALL, Picker, bits, known_bits


class RandomWalk(Strategy):
    """Choose at random; runs as long as it is asked to and proves nothing."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
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
        if enabled < SMALL:
            tids = known_bits(enabled) or bits(enabled)
            return tids[self._draws.below(len(tids))]
        return self._picker.pick(enabled, self._draws.own())
