"""Probabilistic concurrency testing: few preemptions, in places chosen uniformly.

Burckhardt, Kothari, Musuvathi, Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs",
ASPLOS 2010, section 2.2 (algorithm) and 3 (guarantee). Every logical thread has a priority, and the enabled one with
the highest runs. The first priorities are a random permutation; when as many steps were made as the i-th of d-1
change points says, the thread that made the last of them gets priority i, below all the first ones. A failure that
needs d ordering constraints is met in one execution with probability at least 1/(n k^(d-1)), for n threads and k
steps.

Departures:

* Only scheduling points count as steps: where one thread is enabled nothing could be changed. This makes k smaller
  and the bound better.
* k is not given but learned: the most points seen in an earlier execution. The first execution has no change points.
* A new thread takes a random place among those not yet demoted, since how many there will be is not known in advance.
  The order is a uniform permutation all the same.
* A thread that announces a yield goes behind all that were not demoted. And an execution that lasts far longer than
  any before it is scheduled round-robin from there on. Strict priorities would let a thread spin forever while the
  one it waits for never runs, and report a livelock that no real scheduler shows (for fairness as a premise of such
  verdicts see Musuvathi, Qadeer, "Fair Stateless Model Checking", PLDI 2008). Executions that end sooner are not
  affected, and the guarantee is about those.
"""

from __future__ import annotations

import random
from math import expm1, log1p

from interleave.errors import UsageError
from interleave.model import Point, Strategy, Trace
from interleave.strategies._draws import seed_of

#: Round-robin begins this many points after twice the longest execution so far.
PATIENCE = 1_000


class Pct(Strategy):
    """Run the enabled thread of highest priority and change priorities `depth` - 1 times.

    `depth` is the number of ordering constraints a failure may need: 1 finds what depends on the order of threads
    only, 2 what takes one preemption in the right place. Raises `UsageError` if it is below 1.
    """

    def __init__(self, *, seed: int = 0, depth: int = 3) -> None:
        if depth < 1:
            raise UsageError(f"depth is {depth}, but a failure needs at least 1 ordering constraint")
        self.seed = seed
        self.depth = depth
        #: Index of the next execution.
        self.execution = 0
        #: k: the most scheduling points in an execution that ended before it was made fair.
        self.longest = 0
        #: n: the most threads in an execution, and how many executions were made with the change points of this n and k.
        self.threads = 0
        self.repeated = 0
        self._random = random.Random()
        # All threads met, highest priority first; those from index `_undemoted` on were demoted by a change point,
        # and `_demotions` maps each of these to the number of its change point.
        self._order: list[int] = []
        self._undemoted = 0
        self._demotions: dict[int, int] = {}
        # Number of points so far -> number of the change point that is there.
        self._changes: dict[int, int] = {}
        self._points = 0
        self._fair_from = 0

    def begin(self) -> bool:
        """Draw the change points of the next execution."""
        source = self._random
        source.seed(seed_of(self.seed, self.execution))
        self.execution += 1
        self._order.clear()
        self._undemoted = 0
        self._demotions.clear()
        self._points = 0
        self._fair_from = PATIENCE + 2 * self.longest
        # Not sorted: which of two demoted threads runs first has to be random too. The highest number drawn lies beyond
        # the last point, so that each change may also not happen.
        numbers = range(1, self.depth) if self.longest else ()
        self._changes = {source.randint(1, self.longest + 1): number for number in numbers}
        return True

    def choose(self, point: Point) -> int:
        """Return the enabled thread of highest priority; values are drawn uniformly."""
        if point.values:
            return self._random.randrange(point.values)
        for tid in range(len(self._order), len(point.threads)):
            self._order.insert(self._random.randrange(self._undemoted + 1), tid)
            self._undemoted += 1
        self._points += 1
        number = self._changes.get(self._points)
        if number is not None:
            self._demote(point.current, number)
        elif self._points > self._fair_from:
            self._order.remove(point.current)
            self._order.append(point.current)
        else:
            announced = point.pending[point.current]
            if announced is not None and announced.kind == "yield" and point.current not in self._demotions:
                self._order.remove(point.current)
                self._order.insert(self._undemoted - 1, point.current)
        enabled = point.enabled
        for tid in self._order:
            if enabled >> tid & 1:
                return tid
        return point.default

    def end(self, trace: Trace) -> None:
        """Learn how long executions are, unless this one had to be made fair to end at all."""
        self.repeated += 1
        if self._points <= self._fair_from and self._points > self.longest:
            self.longest, self.repeated = self._points, 0
        if len(trace.threads) > self.threads:
            self.threads, self.repeated = len(trace.threads), 0

    def chances(self) -> tuple[float, float]:
        """Return the least probability of a failure of `depth` in one execution, and in those made since n and k were last too small.

        It is 1/(n k^(d-1)), section 3 of the paper, with k one higher because a change point may lie beyond the last step.
        """
        if not self.longest or not self.threads:
            return 0.0, 0.0
        chance = 1 / (self.threads * (self.longest + 1) ** (self.depth - 1))
        return chance, -expm1(self.repeated * log1p(-chance)) if chance < 1 else float(self.repeated > 0)

    def _demote(self, tid: int, number: int) -> None:
        """Give a thread the priority `number`, below all first priorities and among the demoted ones by number."""
        self._order.remove(tid)
        if self._demotions.pop(tid, None) is None:
            self._undemoted -= 1
        above = sum(1 for other in self._demotions.values() if other > number)
        self._order.insert(self._undemoted + above, tid)
        self._demotions[tid] = number
