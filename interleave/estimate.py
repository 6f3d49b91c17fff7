"""How much of a search is left, as far as can be told from where it stands.

What a depth-first search has done of its tree follows from its path (`strategies._tree_size`). A search that offers no path, but counts the
schedules that it knows to be left, gives a lower bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from interleave.classes import Classes
from interleave.model import Statistics
from interleave.result import Budget
from interleave.strategies._tree_size import share_of


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a search has done and what is left of it, in executions; `is_bound` says that at least so many are left."""

    done: int
    left: int
    is_bound: bool = False
    #: Length of the path at hand, in choices.
    depth: int = 0

    @property
    def share(self) -> float:
        """Return the part that is done, 0 to 1."""
        return self.done / (self.done + self.left) if self.done else 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an exploration is. `seconds` are those since its beginning; `left` is what a search has to do.

    `made` counts the executions since its beginning, without those before it was continued; `unseen` is that of `Statistics`.
    """

    scenario: str
    executions: int
    failures: int
    seconds: float
    strategy: str
    budget: Budget
    left: Estimate | None = None
    made: int = 0
    unseen: float | None = None

    @property
    def rate(self) -> float:
        """Return the executions per second."""
        return self.made / self.seconds if self.seconds > 0 else 0.0


def estimate(strategy: Any, executions: int) -> Estimate | None:
    """Return how far the search of a strategy is after so many executions of it, None if it is none or does not tell."""
    prover = getattr(strategy, "prover", strategy)
    made = getattr(strategy, "proving", executions)
    if prover is None or not made:
        return None
    if hasattr(prover, "path"):
        path = prover.path
        share = share_of(path)
        # Numbers without end say nothing.
        return Estimate(made, round(made / share) - made, depth=len(path)) if share > 1e-12 else None
    left = getattr(prover, "remaining", None)
    return Estimate(made, left, is_bound=True, depth=getattr(prover, "depth", 0)) if left is not None else None


def take_stock(statistics: Statistics, strategy: Any, executions: int, classes: Classes, *, is_done: bool) -> None:
    """Enter into the statistics what a search that is not done has left, what PCT guarantees, and how different the executions were."""
    left = None if is_done else estimate(strategy, executions)
    if left is not None:
        statistics.searched, statistics.left = left.done, left.left
    if not is_done:
        statistics.bound_done = getattr(getattr(strategy, "prover", strategy), "bound", 0) - 1
    if hasattr(strategy, "chances"):
        statistics.depth = strategy.depth
        statistics.chance, statistics.chance_of_all = strategy.chances()
    statistics.shares = dict(getattr(strategy, "shares", {}))
    statistics.classed, statistics.classes = classes.counted, len(classes)
    statistics.unseen = -1.0 if classes.unseen is None else classes.unseen
    statistics.looked, statistics.pairs = classes.looked, classes.pairs()
