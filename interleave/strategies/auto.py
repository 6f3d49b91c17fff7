"""The default: prove what is small, sample what is not, and say which of the two was done.

A *prover*, an exhaustive search, has the word for as long as it can finish. It keeps count of the schedules it knows
to be left; that number only ever falls short, so once it exceeds what is left of the budget the search cannot end in
time, and is given up. Programs too large for it show that within a few dozen executions, because each of them adds as
many known schedules as it has places for a preemption.

The rest goes to *samplers* in turn: PCT with one and with two change points, because most failures need no more
(Burckhardt et al., ASPLOS 2010; Lu et al., ASPLOS 2008), and the random walk, which is better at those that need
many. They do not wait for that: an exhaustive search looks at one corner of the space for long, so a share of the
executions is theirs from early on. Spaces that the prover is about to finish anyway are left to it alone.

The first execution is the default schedule, which has no preemption: what fails there fails without any threads'
doing.
"""

from __future__ import annotations

from typing import Protocol

from interleave.model import Point, Strategy, Trace
from interleave.strategies.dfs import Dfs
from interleave.strategies.pct import Pct
from interleave.strategies.random import RandomWalk

#: While the prover works, one execution in this many is a sampler's ...
SHARE = 4
#: ... unless it seems to have no more schedules than this before it, ...
NEAR = 16
#: ... which is believed until this many executions were made.
CREDIT = 64
#: Without a budget of executions, the number of known schedules left at which the prover is given up.
HORIZON = 20_000


class Prover(Strategy, Protocol):
    """A strategy that ends. `remaining` is a lower bound on the executions left to it, 0 if it does not know."""

    remaining: int


def make_prover(preemptions: int | None) -> Prover:
    """Make the exhaustive search that `Auto` begins with."""
    return Dfs(preemptions=preemptions)


class Auto:
    """Prove if it fits in `executions` (None: no limit), else sample.

    `scope` is empty until the prover has finished. `prover` is None from where it was given up. `shares` maps names
    of strategies to the number of executions they made.
    """

    def __init__(self, *, seed: int = 0, preemptions: int | None = None, depth: int = 3, executions: int | None = None) -> None:
        self.scope = ""
        self.shares: dict[str, int] = {}
        self.prover: Prover | None = make_prover(preemptions)
        self.every_access = self.prover.every_access
        self._preemptions = preemptions
        self._executions = executions
        self._done = 0
        self._samplers: list[tuple[str, Strategy]] = [
            (f"pct({depth})", Pct(seed=seed, depth=depth)),
            ("random", RandomWalk(seed=seed)),
        ]
        if depth > 2:
            self._samplers.insert(0, ("pct(2)", Pct(seed=seed, depth=2)))
        self._sampled = 0
        self._active: Strategy = self.prover

    def begin(self) -> bool:
        """Give the next execution to the prover or to the sampler whose turn it is."""
        if self.prover is not None and self._is_hopeless(self.prover):
            self.prover = None
        if self.prover is None or self._is_sampling(self.prover):
            name, self._active = self._samplers[self._sampled % len(self._samplers)]
            self._sampled += 1
        else:
            name, self._active = type(self.prover).__name__.lower(), self.prover
        if not self._active.begin():
            self.scope = self._active.scope
            return False
        self.every_access = self._active.every_access
        self.shares[name] = self.shares.get(name, 0) + 1
        self._done += 1
        return True

    def choose(self, point: Point) -> int:
        """Ask the strategy whose execution it is."""
        return self._active.choose(point)

    def end(self, trace: Trace) -> None:
        """Tell the strategy whose execution it was; begin a proof anew that a sampler has shown to lack points."""
        self._active.end(trace)
        if trace.has_new_points and self.prover is not None and self._active is not self.prover and not self.prover.every_access:
            self.prover = make_prover(self._preemptions)

    def _is_hopeless(self, prover: Prover) -> bool:
        left = HORIZON if self._executions is None else self._executions - self._done
        return prover.remaining > left

    def _is_sampling(self, prover: Prover) -> bool:
        return self._done % SHARE == SHARE - 1 and (prover.remaining > NEAR or self._done >= CREDIT)
