"""The default: prove what is small, sample what is not, and say which of the two was done.

A *prover*, an exhaustive search, and a portfolio of *samplers* take turns. The samplers find a failure soon if there is one: an
exhaustive search looks at one corner of the space for long. The prover ends if there is none.

**Who proves.** `Dpor`, which runs one schedule of each equivalence class; under a bound on preemptions `Dfs`.

**How often.** What a proof will take is guessed: for `Dpor` from the orders of conflicting operations that the executions so far
would allow (`_orders`), for `Dfs` from the schedules that it knows to be left. A space that is tiny is left to the prover alone.
While the proof seems to fit into the budget, every fourth execution is the prover's, and most of them once the samplers had a
fair trial. Otherwise one in eight is, until the samplers have had an eighth of the budget; since the guess may be far too high, it is
every other one then. Where the guess exceeds the budget so far that there is no hope, the prover is given up, unless it is not that
much, or the search is well under way, and the tree that it has seen (`_tree_size`) gives some; of `Dfs`, where it is certain. And where
it has come to an end, but an execution was cut off that went on and on: the samplers have the rest.

**Who samples.** `surw` and `pos` by turns: on collections of known failures one of the two is best or near it, almost without
exception. Now and then `pct`, for failures that need a thread to be delayed for long, and the random walk, which assumes nothing. So a
failure takes about twice as many executions as with the best of them, mostly. All executions teach `surw` what to look at.

The first execution is the default schedule, which has no preemption: what fails there fails without any threads' doing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import exp, inf, log

from interleave.model import MEMORY, Event, Point, Strategy, Trace
from interleave.strategies._orders import log_orders
from interleave.strategies._tree_size import share_of
from interleave.strategies.dfs import Dfs
from interleave.strategies.dpor import Dpor
from interleave.strategies.pct import Pct
from interleave.strategies.pos import Pos
from interleave.strategies.random import RandomWalk
from interleave.strategies.surw import Surw

#: A proof that seems to take at most this many more executions is made without any samples between.
TINY = 16
#: One execution in this many is the prover's where the proof seems not to fit; and the samplers have this part of the budget first.
RARELY = 8
#: The prover is given up if the guess exceeds what is left of the budget by this factor ...
HOPELESS = 1_000.0
#: ... but not before it had so many executions: some failures are right where it begins.
TRIAL = 8
#: A proof that the guess exceeds so far is made for all that if this part of it seems to be done.
PROMISING = 0.25
#: Stands for the budget of executions where there is none.
HORIZON = 20_000
#: A proof that seems to fit has most of the executions once the samplers had so many.
FAIR_TRIAL = 64
#: So many executions are looked at to guess how large the space is.
LOOKS = 32


class Auto(Strategy):
    """Prove if it fits in `executions` (None: no limit), else sample.

    `scope` is empty until the prover has finished. `prover` is None from where it was given up. `shares` maps names
    of strategies to the number of executions they made; `redundant` counts those of the prover that repeated others.
    """

    def __init__(self, *, seed: int = 0, preemptions: int | None = None, executions: int | None = None) -> None:
        self.shares: Counter[str] = Counter()
        self._preemptions = preemptions
        self.prover: Strategy | None = self._make_prover()
        self.every_access = self.prover.every_access
        self._executions = executions
        self._done = 0
        self._surw = Surw(seed=seed)
        self._portfolio = _portfolio(self._surw, seed)
        self._sampled = 0
        #: Executions that the prover has made.
        self.proving = 0
        # Whether the prover's next execution is prepared, and has only to be run, and which part of its tree it has done by then.
        self._is_prepared = False
        self._share: float | None = None
        # Whether the prover has met an execution that was ended early, so that it proves nothing.
        self._was_cut = False
        # The logarithm of the number of classes of schedules, as far as known.
        self._log_size = 0.0
        self._active: Strategy = self.prover

    def resume(self, executions: int | None) -> None:
        """Go on in another process, with a budget of so many executions more."""
        self._executions = None if executions is None else self._done + executions
        if isinstance(self.prover, Dfs) and not self.scope:
            self.prover, self._is_prepared = self._make_prover(), False

    @property
    def is_searching(self) -> bool:
        """Tell whether the execution under way is the prover's."""
        return self._active is self.prover

    def begin(self) -> bool:
        """Give the next execution to the prover or to the sampler whose turn it is; end when the proof is complete."""
        prover = self.prover
        if prover is not None and not self._is_prepared:
            self._is_prepared, self._share = prover.begin(), None
            if not self._is_prepared and not self._was_cut:
                self.scope = prover.scope
                return False
            if not self._is_prepared:
                prover = self.prover = None
        if prover is not None and self._is_hopeless(prover):
            prover = self.prover = None
        if prover is not None and self._is_provers_turn(prover):
            name, self._active = type(prover).__name__.lower(), prover
            self._is_prepared = False
            self.proving += 1
        else:
            name, self._active = self._portfolio[self._sampled % len(self._portfolio)]
            self._active.begin()
            self._sampled += 1
        active = self._active
        self.every_access, self.joins_blocks, self.parted = active.every_access, active.joins_blocks, active.parted
        self.shares[name] += 1
        self._done += 1
        return True

    def choose(self, point: Point) -> int:
        """Ask the strategy whose execution it is."""
        return self._active.choose(point)

    def end(self, trace: Trace) -> None:
        """Tell the strategy whose execution it was, and learn from it; begin a proof anew that a sampler has shown to lack points."""
        active, prover = self._active, self.prover
        active.end(trace)
        self._was_cut |= active is prover and trace.is_cut
        if active is prover:
            self.redundant = active.redundant
        if prover is not None and active is not prover and trace.has_new_points and not prover.every_access:
            self.prover = self._make_prover()
            self._is_prepared = False
        if self._done <= LOOKS:
            events = _at_points(trace.events) if active.every_access else trace.events
            self._log_size = max(self._log_size, log_orders(events))
            if active is not self._surw:
                self._surw.profile.learn(events, trace.threads)

    def _make_prover(self) -> Strategy:
        return Dpor() if self._preemptions is None else Dfs(preemptions=self._preemptions)

    def _is_hopeless(self, prover: Strategy) -> bool:
        if isinstance(prover, Dfs):
            return prover.remaining > self._left
        if self._executions is None and self.proving > HORIZON // 2:
            return True
        if self.proving < TRIAL or self._log_size <= self._log_limit:
            return False
        # The guess may be far too high, and this estimate is too low as a rule.
        share = self._share_of(prover)
        is_far = self._log_size > 2 * self._log_limit and share < PROMISING
        return is_far or self.proving * (1 - share) > share * self._left / 2

    def _is_provers_turn(self, prover: Strategy) -> bool:
        missing = self._missing(prover)
        if missing <= TINY:
            return True
        if missing <= self._left / 2:
            return self._done % 4 == 0 if self._sampled < FAIR_TRIAL else self._done % RARELY != 0
        is_promising = self._log_size <= self._log_limit or self._share_of(prover) >= PROMISING
        is_late = self._sampled >= (self._done + self._left) // RARELY
        return self._done % (2 if is_late and is_promising else RARELY) == 0

    def _missing(self, prover: Strategy) -> float:
        """Guess how many more executions the prover needs."""
        if isinstance(prover, Dfs):
            known = float(prover.remaining)
            return max(known, self.proving) if self.proving > 4 * TINY else known
        if self._log_size > 100:
            return inf
        # Past the guess, half is taken to be done.
        missing = exp(self._log_size) - self.proving
        return missing if missing > 0 else self.proving

    def _share_of(self, prover: Strategy) -> float:
        """Return the part of its tree that the prover seems to have done."""
        if self._share is None:
            self._share = share_of(prover.path) if isinstance(prover, Dpor) else 0.0
        return self._share

    @property
    def _log_limit(self) -> float:
        return log(HOPELESS * max(self._left, 1))

    @property
    def _left(self) -> int:
        return (HORIZON if self._executions is None else self._executions) - self._done


def _portfolio(surw: Surw, seed: int) -> list[tuple[str, Strategy]]:
    """Return the samplers with their names, in the order of their turns."""
    pair: list[tuple[str, Strategy]] = [("surw", surw), ("pos", Pos(seed=seed))]
    shallow, deep = (Pct(seed=seed, depth=depth) for depth in (2, 3))
    return [*pair * 3, ("surw", surw), ("pct(2)", shallow), *pair * 3, ("random", RandomWalk(seed=seed)), ("pct(3)", deep)]


def _at_points(events: Iterable[Event]) -> list[Event]:
    """Return the events that strategies which do not want every access would see."""
    return [event for event in events if event[1].kind not in MEMORY or event[1].site.is_point]
