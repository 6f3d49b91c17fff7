"""From an execution that failed to a failure that is reported.

What fails is simplified (`shrink`), run once more in detail, and only then kept; a failure that does not come again under
its own schedule is a nondeterminism finding, never reported as what it seemed to be.
"""

from __future__ import annotations

from dataclasses import replace

from interleave.errors import ReplayMismatch
from interleave.model import Failure, Schedule, Trace
from interleave.race_search import RaceSearch
from interleave.repetition import first_difference, let_pass, nondeterminism, schedule_of, site_at
from interleave.runner import Runner
from interleave.shrink import simplify
from interleave.strategies.dfs import Dfs

#: Executions spent on simplifying one failure, and operations, where executions are long.
SHRINKING = 600
SHRINKING_STEPS = 600_000


class Findings:
    """The failures found in one exploration, by signature."""

    def __init__(self, runner: Runner, races: RaceSearch, *, shrinks: bool = True) -> None:
        self._runner = runner
        self.races = races
        self._shrinks = shrinks
        self._failures: dict[tuple[str, ...], Failure] = {}
        self._counts: dict[tuple[str, ...], int] = {}

    def __len__(self) -> int:
        return len(self._failures)

    def all(self) -> tuple[Failure, ...]:
        """Return the failures in the order in which they were found, each with how often it was met."""
        return tuple(replace(failure, count=self._counts[key]) for key, failure in self._failures.items())

    def restore(self, failure: Failure) -> None:
        """Keep a failure that was found, simplified and verified before."""
        key = failure.outcome.signature
        self._failures[key] = failure
        self._counts[key] = 1

    def add_mismatch(self, error: ReplayMismatch, trace: Trace, schedule: Schedule, *, executions: int) -> None:
        """Keep that the program does not repeat itself, with what the executions leave behind, which is looked for now."""
        trace.outcome = outcome = nondeterminism(error, self._runner.changes(schedule))
        self._counts[outcome.signature] = self._counts.get(outcome.signature, 0) + 1
        self._failures.setdefault(outcome.signature, self._runner.failure_of(trace, executions=executions, schedule=schedule))

    def take_in(self, trace: Trace, *, executions: int) -> None:
        """Take a failing execution in: simplify it, run it in detail, and keep it, unless its like is known."""
        runner, outcome = self._runner, trace.outcome
        assert outcome is not None
        let_pass(outcome.error)
        key = outcome.signature
        self._counts[key] = self._counts.get(key, 0) + 1
        if key in self._failures:
            return
        limit = min(SHRINKING, SHRINKING_STEPS // max(trace.moments, 1) + 20) if self._shrinks else 0
        best = simplify(trace, lambda schedule: self._again(schedule, key), limit=limit, search=lambda *args: self._search(key, *args))
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
        self._failures[key] = runner.failure_of(detailed, executions=executions)

    def _again(self, schedule: Schedule, key: tuple[str, ...]) -> Trace | None:
        runner = self._runner
        runner.statistics.shrinking += 1
        if runner.control.is_interrupted:
            return None
        runner.control.collect()
        trace = self._follow(schedule, key)
        return trace if trace.outcome is not None and trace.outcome.signature == key else None

    def _follow(self, schedule: Schedule, key: tuple[str, ...], *, detailed: bool = False) -> Trace:
        """Run a schedule that failed with a signature; a race is an outcome only for who looks for it."""
        if key[0] == "race":
            return self.races.follow(schedule, key, detailed=detailed)
        return self._runner.follow(schedule, detailed=detailed, watched=detailed)

    def _search(self, key: tuple[str, ...], bound: int, limit: int) -> Trace | None:
        """Look for the same failure with at most `bound` preemptions, fewest first."""
        runner = self._runner
        strategy = Dfs(preemptions=bound)
        for _ in range(limit):
            if runner.control.is_interrupted or not strategy.begin():
                return None
            runner.statistics.shrinking += 1
            trace = runner.execute(strategy)
            is_same = trace.outcome is not None and trace.outcome.signature == key
            if is_same or (trace.outcome is None and key[0] == "race"):
                found = self._again(Schedule(tuple(trace.deviations)), key)
                if is_same or found is not None:
                    return found
            try:
                strategy.end(trace)
            except ReplayMismatch:
                return None
        return None
