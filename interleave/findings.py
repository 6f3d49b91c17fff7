"""From an execution that failed to a failure that is reported.

What fails is simplified (`shrink`), run once more in detail, and only then kept; a failure that does not come again under
its own schedule is a nondeterminism finding, never reported as what it seemed to be.

**Further executions that end alike** may do so for another reason (`detectors.distinct`). The first `LOOKS` of them are run once more in
detail. Where what explains one is new, it is simplified by itself, for a trace that was not simplified shows much that has nothing to do
with the failure; and if it still has nothing in common with those that are known, it is a failure of its own. That is done at most
`REASONS` times for one way to end. What was not looked at counts for the first failure that ends like it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from interleave.detectors.distinct import Identity, identity_of
from interleave.errors import ReplayMismatch
from interleave.model import Schedule, Strategy, Trace
from interleave.race_search import RaceSearch
from interleave.repetition import first_difference, let_pass, nondeterminism, schedule_of, site_at
from interleave.result import Failure
from interleave.runner import Runner
from interleave.shrink import simplify
from interleave.strategies.dfs import Dfs
from interleave.strategies.few import Few

#: Executions spent on simplifying one failure, and operations, where executions are long, with these executions at least.
SHRINKING = 800
SHRINKING_STEPS = 800_000
SHRINKING_LEAST = 8
#: Executions spent on simplifying one that never ends.
SHRINKING_ENDLESS = 3
#: Executions that end like a known failure: looked at for another reason, and simplified to see whether it is one.
LOOKS = 200
REASONS = 6
_Signature = tuple[str, ...]


class Findings:
    """The failures found in one exploration, each with what makes it what it is."""

    def __init__(self, runner: Runner, races: RaceSearch, *, shrinks: bool | Literal["ended"] = True) -> None:
        self._runner = runner
        self.races = races
        self._shrinks = shrinks
        self._failures: dict[Identity, Failure] = {}
        self._counts: Counter[Identity] = Counter()
        #: By signature, how many executions were looked at for another reason, and how many of these were simplified.
        self._looks: Counter[_Signature] = Counter()
        self._reasons: Counter[_Signature] = Counter()

    def __len__(self) -> int:
        return len(self._failures)

    @property
    def may_be_labelled(self) -> bool:
        return self._shrinks != "ended" or not any(self._runner.is_cut_off(failure.trace) for failure in self._failures.values())

    def all(self) -> tuple[Failure, ...]:
        """Return the failures in the order in which they were found, each with how often it was met."""
        return tuple(replace(failure, count=self._counts[key]) for key, failure in self._failures.items())

    def restore(self, failure: Failure) -> None:
        """Keep a failure that was found, simplified and verified before."""
        self._keep(identity_of(failure.trace), failure)

    def add_mismatch(self, error: ReplayMismatch, trace: Trace, schedule: Schedule, *, executions: int) -> None:
        """Keep that the program does not repeat itself, with what the executions leave behind, which is looked for now."""
        trace.outcome = outcome = nondeterminism(error, self._runner.changes(schedule))
        self._keep(Identity(outcome.signature), self._runner.failure_of(trace, executions=executions, schedule=schedule))

    def _keep(self, identity: Identity, failure: Failure) -> None:
        self._counts[identity] += 1
        self._failures.setdefault(identity, failure)

    def take_in(self, trace: Trace, *, executions: int) -> None:
        """Take a failing execution in: simplify it, run it in detail, and keep it, unless its like is known."""
        runner, outcome = self._runner, trace.outcome
        assert outcome is not None
        let_pass(outcome.error)
        key = outcome.signature
        alike = [identity for identity in self._failures if identity.signature == key]
        if alike:
            self._counts[self._reason_of(trace, alike, executions)] += 1
            return
        best = self._simplest(trace, Identity(key), self._limit(trace))
        try:
            detailed = self._follow(schedule_of(best), key, detailed=True)
            runner.statistics.shrinking += 1
        except ReplayMismatch as mismatch:
            self.add_mismatch(mismatch, trace, schedule_of(trace), executions=executions)
            return
        if detailed.outcome is None or detailed.outcome.signature != key:
            step = first_difference(best.events, detailed.events) or 0
            where = str(site_at(detailed.events, step))
            ended = detailed.outcome.message if detailed.outcome else "it passed"
            error = ReplayMismatch(
                f"an execution failed ({outcome.kind}: {outcome.message}), but the same schedule, run again, ended otherwise: {ended}.\n"
                f"They differ first at step {step}, at {where}.",
                step=step,
                where=where,
            )
            self.add_mismatch(error, detailed, schedule_of(trace), executions=executions)
            return
        self._keep(identity_of(detailed), runner.failure_of(detailed, executions=executions))

    # -- other reasons ------------------------------------------------------------------------------------------------

    def _reason_of(self, trace: Trace, alike: list[Identity], executions: int) -> Identity:
        """Return the failure that an execution shows which ends like known ones; keep it first if it is another."""
        first = alike[0]
        if not first.lines or not self._shrinks or not _count(self._looks, first.signature, LOOKS):
            return first
        seeming, _ = self._in_detail(trace, first)
        return next((one for one in alike if one.is_like(seeming)), None) or self._simplified(trace, alike, executions)

    def _simplified(self, trace: Trace, alike: list[Identity], executions: int) -> Identity:
        """Return which failure an execution comes down to, and keep it if it is none of those that end alike."""
        first, limit = alike[0], self._limit(trace) // 2
        if not _count(self._reasons, first.signature, REASONS):
            return first
        best = simplify(trace, lambda schedule: self._again(schedule, Identity(first.signature)), limit=limit)
        identity, _ = self._in_detail(best, first)
        known = next((one for one in alike if one.is_like(identity)), None)
        if known is not None:
            return known
        # Nothing may change it into one that is known, from here on.
        best = self._simplest(best, identity, limit)
        identity, detailed = self._in_detail(best, first)
        if any(one.is_like(identity) for one in alike):
            return first
        self._failures[identity] = self._runner.failure_of(detailed, executions=executions)
        return identity

    def _in_detail(self, trace: Trace, otherwise: Identity) -> tuple[Identity, Trace]:
        """Run an execution in detail and return what it shows; `otherwise` if it does not end as it did."""
        self._runner.statistics.shrinking += 1
        self._runner.control.collect()
        detailed = self._follow(schedule_of(trace), otherwise.signature, detailed=True)
        if detailed.outcome is None or detailed.outcome.signature != otherwise.signature:
            return otherwise, detailed
        return identity_of(detailed), detailed

    # -- running ------------------------------------------------------------------------------------------------------

    def _limit(self, trace: Trace) -> int:
        if self._runner.is_cut_off(trace):
            # Of whatever looks like it, it has to be seen that it never ends.
            return SHRINKING_ENDLESS if self._shrinks is True else 0
        return min(SHRINKING, SHRINKING_STEPS // max(trace.moments, 1) + SHRINKING_LEAST) if self._shrinks else 0

    def _simplest(self, trace: Trace, like: Identity, limit: int) -> Trace:
        return simplify(
            trace,
            lambda schedule: self._again(schedule, like),
            limit=limit,
            search=lambda preemptions: self._found_by(Dfs(preemptions=preemptions), like),
            sample=lambda most: self._found_by(Few(most), like),
        )

    def _again(self, schedule: Schedule, like: Identity) -> Trace | None:
        """Run a schedule; return the execution if it fails like that: in the same way, and for the same reason if one is given."""
        runner = self._runner
        if runner.is_over:
            return None
        runner.statistics.shrinking += 1
        runner.control.collect()
        trace = self._follow(schedule, like.signature)
        if trace.outcome is None or trace.outcome.signature != like.signature:
            return None
        if like.lines and not like.is_like(self._in_detail(trace, Identity(like.signature))[0]):
            return None
        # What was simplified may come to an end, if later.
        return trace if not self._runner.is_cut_off(trace) or runner.finish(trace) is trace else None

    def _follow(self, schedule: Schedule, key: _Signature, *, detailed: bool = False) -> Trace:
        """Run a schedule that failed with a signature; a race is an outcome only for who looks for it."""
        if key[0] == "race":
            return self.races.follow(schedule, key, detailed=detailed)
        return self._runner.follow(schedule, detailed=detailed, watched=detailed)

    def _found_by(self, strategy: Strategy, like: Identity) -> Iterator[Trace | None]:
        """Run what a strategy wants to run, and yield what failed like that."""
        runner, key = self._runner, like.signature
        is_race = key[0] == "race"
        while not runner.is_over and strategy.begin():
            runner.statistics.shrinking += 1
            with runner.bounded(runner.longest):
                trace = runner.execute(strategy, watched=is_race)
            if is_race:
                trace = self.races.judged(trace, key)
            yield self._again(trace.choices, like) if trace.outcome is not None and trace.outcome.signature == key else None
            try:
                strategy.end(trace)
            except ReplayMismatch:
                return


def _count(counts: Counter[_Signature], key: _Signature, most: int) -> bool:
    """Count one more, and tell whether there were fewer than `most`."""
    counts[key] += 1
    return counts[key] <= most
