"""Exhaustive search, fewest preemptions first.

Musuvathi, Qadeer, "Iterative Context Bounding for Systematic Testing of Multithreaded Programs", PLDI 2007, and
Musuvathi et al., "Finding and Reproducing Heisenbugs in Concurrent Programs" (CHESS), OSDI 2008, section 4: most
failures need very few preemptions, and the number of schedules with at most b of them is polynomial in the number of
steps, so search by b.

The schedules of a program are the leaves of a tree whose inner nodes are the choices. An edge is *free* unless it is
a preemption: a thread picked while the current one could go on. Bound b covers the leaves with exactly b preemptions
on their path. Those fall apart into subtrees of free edges only, one below each edge that is the b-th preemption on
its path, and each such subtree is searched depth-first with a stack (`_situations`, `_picks`, `_todo`) by
re-executing its prefix. The preempting edges seen on the way lead out of it, into bound b + 1: they are kept
(`_Deferred`) until that bound begins.

Every leaf lies in exactly one of these subtrees, and a subtree is entered once: no schedule is missed and none is run
twice. The alternative, to search anew for each bound and keep nothing, runs all schedules of lower bounds again. What
is kept instead is one record for each execution of the current bound and the next, of two references a point;
descriptions of points are shared (`_Situation`), and at the last bound nothing is kept at all.

A prefix is checked as it is re-executed: point by point it must announce the same as before. Where it does not, the
program depends on something that is not controlled, and nothing the search concludes would hold.

**Scheduling points that appear late.** An access becomes a point when it is first met in conflict
(`Trace.has_new_points`). What was searched before lacks the branches at this point, so the search begins again at the
root. This is sound, because the result is that of the last search, during which nothing was met in conflict that was
not a point from its first execution on; and it ends, because points never cease to be points and a program has
finitely many sites.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from interleave.errors import ReplayMismatch, UsageError
from interleave.model import NOWHERE, Point, Site, Strategy, Trace
from interleave.strategies._points import bits, site_of


@dataclass(frozen=True, slots=True)
class _Situation:
    """What is announced at a point; one object for all points where the same is."""

    moment: int
    enabled: int
    current: int
    #: Who is to go on by default: among tasks, who was ready first, which the rest does not tell.
    default: int
    values: int
    kind: str
    #: Masks of the alternatives to the default choice: those that are free and those that preempt.
    free: int
    preempting: int

    def __str__(self) -> str:
        asked = f"a choice of {self.values} values" if self.values else f"threads {', '.join(map(str, bits(self.enabled)))} enabled"
        return f"'{self.kind or 'nothing'}' of thread {self.current} at announcement {self.moment} with {asked}"


@dataclass(frozen=True, slots=True)
class _Deferred:
    """One executed path, whose preempting alternatives from index `fresh` on belong to the next bound."""

    situations: tuple[_Situation, ...]
    picks: tuple[int, ...]
    fresh: int


class Dfs(Strategy):
    """Run every schedule once, those with fewer preemptions first; stop after those with `preemptions`, None is no bound.

    `choose` and `end` raise `ReplayMismatch` if the program does not repeat itself. Raises `UsageError` for a
    negative bound.
    """

    def __init__(self, *, preemptions: int | None = None) -> None:
        self.preemptions = preemptions
        self.restart()

    def restart(self) -> None:
        """Forget everything and begin at the root, as is due when executions of others have made new points."""
        self.scope = scope_within(self.preemptions)
        #: Number of preemptions in the schedules being run.
        self.bound = 0
        #: Number of schedules run since the search last began.
        self.schedules = 0
        #: Number of schedules known to be left within the bound given, a lower bound on how many there are.
        self.remaining = 1
        self._known: dict[tuple[int, int, int, int, int, str], _Situation] = {}
        # Where the subtrees of this bound hang: records of which one after the other is taken apart, into the places of preemptions.
        self._records: deque[_Deferred] = deque()
        self._roots: deque[tuple[_Deferred, int, int]] = deque()
        self._deferred: deque[_Deferred] = deque()
        # Whether a preemption was left out because of the bound given.
        self._was_cut = False
        # The path of the execution to come or going on: parallel lists. `_todo` has the free alternatives still to be
        # taken at each point; it is 0 throughout the prefix that leads to the subtree.
        self._situations: list[_Situation] = []
        self._picks: list[int] = []
        self._todo: list[int] = []
        # Index of the first point that no earlier execution has met on this path.
        self._fresh = 0
        # Whether the path is one to be run, as the empty one is at first; otherwise the next subtree is due.
        self._is_open = True
        self._depth = 0

    def resume(self, executions: int | None) -> None:
        """Begin at the root."""
        self.restart()

    @property
    def depth(self) -> int:
        """Return the number of choices on the path at hand."""
        return len(self._picks)

    def begin(self) -> bool:
        """Take up the next schedule; say no when all were run."""
        self._depth = 0
        if not self._is_open and not self._open():
            if not self._was_cut:
                self.scope = scope_within(None)
            return False
        self.remaining -= 1
        return True

    def choose(self, point: Point) -> int:
        """Follow the path to be re-executed, then go on with default choices."""
        depth = self._depth
        self._depth = depth + 1
        announced = point.pending[point.current]
        key = (point.moment, point.enabled, point.current, point.default, point.values, "" if announced is None else announced.kind)
        situation = self._known.get(key)
        if situation is None:
            situation = self._known[key] = _Situation(*key, *_alternatives(point))
        if depth < len(self._picks):
            if situation is not self._situations[depth]:
                found = f"there is {situation}, where there was {self._situations[depth]} before"
                raise _mismatch(found, len(point.events), site_of(point))
            return self._picks[depth]
        self._situations.append(situation)
        self._picks.append(point.default)
        self._todo.append(situation.free)
        self.remaining += situation.free.bit_count()
        return point.default

    def end(self, trace: Trace) -> None:
        """Keep the alternatives that the execution showed, and go back to the last one that is free."""
        if trace.has_new_points:
            self.restart()
            return
        if self._depth < len(self._picks):
            found = f"the execution ended, where there was {self._situations[self._depth]} before"
            raise _mismatch(found, len(trace.events), trace.events[-1][1].site if trace.events else NOWHERE)
        self.schedules += 1
        self._defer()
        self._backtrack()

    def _open(self) -> bool:
        """Go to the next subtree, of the next bound if there is none left: along the path up to and with the preemption it hangs from."""
        while not self._roots:
            if not self._records:
                if not self._deferred:
                    return False
                self.bound += 1
                self._records, self._deferred = self._deferred, deque()
            record = self._records.popleft()
            places = range(record.fresh, len(record.picks))
            self._roots.extend((record, index, pick) for index in places for pick in bits(record.situations[index].preempting))
        record, index, pick = self._roots.popleft()
        self._situations, self._picks = list(record.situations[: index + 1]), [*record.picks[:index], pick]
        self._fresh = index + 1
        self._todo = [0] * self._fresh
        self._is_open = True
        return True

    def _defer(self) -> None:
        """Keep the preempting alternatives at the points of this path that were new."""
        found = sum(situation.preempting.bit_count() for situation in self._situations[self._fresh :])
        if not found:
            return
        if self.bound == self.preemptions:
            self._was_cut = True
            return
        self._deferred.append(_Deferred(tuple(self._situations), tuple(self._picks), self._fresh))
        self.remaining += found

    def _backtrack(self) -> None:
        """Set the path to the next leaf of the subtree, if there is one."""
        situations, picks, todo = self._situations, self._picks, self._todo
        while todo:
            if todo[-1]:
                lowest = todo[-1] & -todo[-1]
                todo[-1] ^= lowest
                picks[-1] = lowest.bit_length() - 1
                self._fresh = len(picks)
                return
            situations.pop()
            picks.pop()
            todo.pop()
        self._is_open = False


def scope_within(preemptions: int | None) -> str:
    """Return in words what a search under a bound covers; raise UsageError for a negative one."""
    if preemptions is None:
        return "every schedule"
    if preemptions < 0:
        raise UsageError(f"the bound on preemptions is {preemptions}, but a schedule cannot have fewer than 0")
    return f"every schedule with at most {preemptions} preemption{'' if preemptions == 1 else 's'}"


def _alternatives(point: Point) -> tuple[int, int]:
    """Return as masks which choices other than the default are free, and which are preemptions."""
    if point.values:
        return (1 << point.values) - 1 & ~(1 << point.default), 0
    others = point.enabled & ~(1 << point.default)
    return (0, others) if point.enabled >> point.current & 1 else (others, 0)


def _mismatch(found: str, step: int, site: Site) -> ReplayMismatch:
    return ReplayMismatch(
        f"The program did not repeat itself at step {step} ({site}): {found}.\n"
        "It depends on something that is not controlled, such as a set order, the wall clock, or a global kept between executions.\n"
        "Make the scenario build all of its state itself.",
        step=step,
        where=str(site),
    )
