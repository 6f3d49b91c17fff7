"""Many executions within a budget: `explore`, `check`, `replay`.

An exploration takes control of the process (`Control`: code in scope instrumented, primitives taken over, garbage collection
between executions only), lets a strategy run one execution after another, and gives the process back as it was.

What fails is simplified, run once more in detail, and only then reported; a failure that does not come again under
its own schedule is a nondeterminism finding, never reported as what it seemed to be. The first execution is repeated for the same reason:
a program that keeps something between executions is told so at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from interleave import strategies
from interleave.arguments import check_budget, check_scenario, check_timeouts, seed_name
from interleave.control import Control
from interleave.errors import CheckFailed, ReplayMismatch
from interleave.execution import Controls, execute
from interleave.model import Budget, Failure, Outcome, Result, Schedule, Statistics, Strategy, Trace, Verdict
from interleave.repetition import check_prints, first_difference, let_pass, nondeterminism, said, schedule_of, site_at
from interleave.schedule import decode, encode
from interleave.shrink import simplify
from interleave.strategies.dfs import Dfs
from interleave.strategies.replay import Replay as ReplayStrategy

F = TypeVar("F", bound=Callable[..., object])

#: Executions spent on simplifying one failure, and operations, where executions are long.
SHRINKING = 600
SHRINKING_STEPS = 600_000
#: Failures with different signatures that are reported when an exploration keeps going.
MOST_FAILURES = 20
_now = time.perf_counter


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an exploration is. `rate` is in executions per second, `seconds` since its beginning."""

    scenario: str
    executions: int
    failures: int
    seconds: float
    rate: float
    strategy: str
    budget: Budget


@dataclass(frozen=True, slots=True)
class Replay:
    """What the replay of a seed showed; `trace` has its `steps` filled in."""

    failure: Failure | None
    trace: Trace
    scenario: str


def scenario(function: F) -> F:
    """Mark a function as a scenario, so that `python -m interleave explore MODULE` runs it whatever its name."""
    function.__interleave_scenario__ = True  # type: ignore[attr-defined]
    return function


def explore(
    scenario: Callable[[], object],
    *,
    strategy: str | Strategy = "auto",
    budget: Budget | None = None,
    include: Sequence[str] = (),
    stop_on_failure: bool = True,
    seed: int = 0,
    preemptions: int | None = None,
    timeouts: str = "idle",
    shrink: bool = True,
    name: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    replay_command: Callable[[str], str] | None = None,
) -> Result:
    """Run `scenario` under one schedule after another and return what was found.

    `strategy` is a name ("auto", "dfs", "pct", "random", ...) or an object that follows `model.Strategy`; `seed` is that of its
    random generator. `include` names modules whose code is in scope besides the user's, with wildcards ("cachetools", "urllib3.*").
    `preemptions` bounds searches. `timeouts="any"` lets sleeps and timeouts end while other threads could run, "idle" only when none can.
    With `stop_on_failure=False` the exploration goes on and collects failures with different signatures. `shrink=False` reports them as
    they were met, not simplified.
    `progress` is called about ten times a second; `replay_command` makes the command that reports show from a seed.

    Ctrl-C ends the exploration; the result says `stopped_by="interrupt"`. Raises UsageError for unusable arguments.
    """
    exploration = _Exploration(
        scenario,
        check_scenario(scenario, name),
        budget or Budget(),
        include=tuple(include),
        timeouts=check_timeouts(timeouts),
        shrink=shrink,
        progress=progress,
        replay_command=replay_command,
    )
    check_budget(exploration.budget)
    if isinstance(strategy, str):
        exploration.strategy_name = strategy
        chosen = strategies.make(strategy, seed=seed, preemptions=preemptions, executions=exploration.budget.executions)
    else:
        exploration.strategy_name = type(strategy).__name__
        chosen = strategy
    return exploration.run(chosen, stop_on_failure=stop_on_failure)


def check(scenario: Callable[[], object], **options: Any) -> Result:
    """Explore as `explore` does, and raise `CheckFailed` with the report of the first failure if there is one."""
    result = explore(scenario, **options)
    if result.failures:
        raise CheckFailed(result.failures[0].report(), result.failures[0])
    return result


def replay(
    scenario: Callable[[], object],
    seed: str,
    *,
    include: Sequence[str] = (),
    name: str | None = None,
    timeouts: str = "idle",
    replay_command: Callable[[str], str] | None = None,
) -> Replay:
    """Run `scenario` once under the schedule of `seed`, in detail.

    `include`, `name` and `timeouts` must be those under which the seed was found. Raises SeedError if the seed is damaged or of another
    scenario, ReplayMismatch if the program does something else now than when the seed was made.
    """
    full_name = check_scenario(scenario, name)
    schedule = decode(seed, seed_name(full_name))
    exploration = _Exploration(
        scenario,
        full_name,
        Budget(),
        include=tuple(include),
        timeouts=check_timeouts(timeouts),
        replay_command=replay_command,
    )
    with exploration.control:
        try:
            trace = exploration.follow(schedule, strict=True, detailed=True)
        except ReplayMismatch:
            if not exploration.has_grown:
                raise
            # Modules that the first run imported were not in scope while it ran.
            trace = exploration.follow(schedule, strict=True, detailed=True)
    failure = exploration.failure_of(trace, executions=1) if trace.outcome else None
    return Replay(failure, trace, full_name)


class _Exploration:
    """One exploration or replay: the scenario, how it is run, and what was found so far."""

    def __init__(
        self,
        scenario: Callable[[], object],
        name: str,
        budget: Budget,
        *,
        include: tuple[str, ...],
        timeouts: bool,
        shrink: bool = True,
        progress: Callable[[Progress], None] | None = None,
        replay_command: Callable[[str], str] | None = None,
    ) -> None:
        self.scenario = scenario
        self.name = name
        self.budget = budget
        self.strategy_name = "replay"
        self.controls = Controls(steps=budget.steps, any_timeout=timeouts)
        self.control = Control(include, scenario, self.controls)
        self.statistics = Statistics()
        self.failures: dict[tuple[str, ...], Failure] = {}
        self.counts: dict[tuple[str, ...], int] = {}
        self.uncontrolled: dict[str, None] = {}
        self.executions = 0
        self._has_new_points = self._was_cut = False
        self._shrinks = shrink
        #: Whether the last execution brought more code into scope.
        self.has_grown = False
        self._progress = progress
        self._replay_command = replay_command
        self._started = _now()
        self._told = self._started

    # -- executions -------------------------------------------------------------------------------------------

    def execute(self, strategy: Strategy, *, detailed: bool = False) -> Trace:
        """Run once; `strategy.begin` must have been called. Modules that it imports come into scope for the next run."""
        try:
            trace = execute(self.scenario, strategy, self.controls, detailed=detailed)
        finally:
            self.has_grown = self.control.settle()
        self._was_cut |= trace.is_cut
        self._has_new_points |= trace.has_new_points or self.has_grown
        for sentence in trace.uncontrolled:
            self.uncontrolled[sentence] = None
        return trace

    def follow(self, schedule: Schedule, *, strict: bool = False, detailed: bool = False) -> Trace:
        """Run once under a schedule; with `strict`, raise ReplayMismatch if the program does something else."""
        strategy = ReplayStrategy(schedule, strict=strict)
        strategy.begin()
        trace = self.execute(strategy, detailed=detailed)
        if strict and schedule.prints:
            check_prints(schedule, trace)
        strategy.end(trace)
        return trace

    # -- the loop ---------------------------------------------------------------------------------------------

    def run(self, strategy: Strategy, *, stop_on_failure: bool) -> Result:
        """Run executions until the budget is spent, the strategy is done, or something failed."""
        stopped_by = "exhausted"
        try:
            with self.control:
                stopped_by = self._loop(strategy, stop_on_failure=stop_on_failure)
        except KeyboardInterrupt:
            stopped_by = "interrupt"
        self.statistics.seconds = _now() - self._started
        self.statistics.redundant = getattr(strategy, "redundant", 0)
        failures = tuple(replace(failure, count=self.counts[key]) for key, failure in self.failures.items())
        self.uncontrolled.update(dict.fromkeys(self.control.skipped))
        exhausted = stopped_by == "exhausted"
        scope = strategy.scope if exhausted and not self._was_cut else ""
        return Result(
            scenario=self.name,
            verdict=self._verdict(failures, is_proof=bool(scope)),
            executions=self.executions,
            exhausted=exhausted,
            strategy=self.strategy_name,
            scope=scope,
            stopped_by=stopped_by,
            failures=failures,
            uncontrolled=tuple(self.uncontrolled),
            statistics=self.statistics,
        )

    def _verdict(self, failures: Sequence[Failure], *, is_proof: bool) -> Verdict:
        if failures:
            return "failed"
        if self.uncontrolled:
            return "inconclusive"
        return "proven" if is_proof else "passed"

    def _loop(self, strategy: Strategy, *, stop_on_failure: bool) -> str:
        while True:
            if self.budget.executions is not None and self.executions >= self.budget.executions:
                return "executions"
            if self.budget.seconds is not None and _now() - self._started >= self.budget.seconds:
                return "seconds"
            if self.control.is_interrupted:
                return "interrupt"
            if not strategy.begin():
                return "exhausted"
            try:
                trace = self.execute(strategy)
                self.executions += 1
                self._count(trace)
                if trace.outcome is not None:
                    self._fail(trace)
                elif self.executions == 1:
                    self._check_repeats(trace)
                # The runs made on the side may have met new points too.
                trace.has_new_points, self._has_new_points = self._has_new_points, False
                strategy.end(trace)
            except ReplayMismatch as error:
                self._add(nondeterminism(error), Trace(), Schedule())
                return "failure"
            if self.failures and (stop_on_failure or len(self.failures) >= MOST_FAILURES):
                return "failure"
            del trace
            self.control.collect()
            self._tell()

    def _count(self, trace: Trace) -> None:
        statistics = self.statistics
        statistics.steps += len(trace.events)
        statistics.longest = max(statistics.longest, len(trace.events))
        statistics.threads = max(statistics.threads, len(trace.threads))
        statistics.switches += trace.switches
        statistics.preemptions += trace.preemptions

    def _tell(self) -> None:
        if self._progress is None or (now := _now()) - self._told < 0.1:
            return
        self._told = now
        seconds = now - self._started
        self._progress(
            Progress(self.name, self.executions, len(self.failures), seconds, self.executions / seconds, self.strategy_name, self.budget)
        )

    def _check_repeats(self, first: Trace) -> None:
        """Run the first schedule twice more: the same schedule must give the same run.

        The first run may differ, by what is done only once in a process (a cache filled, a module imported).
        """
        second = self.follow(Schedule(tuple(first.deviations)))
        third = self.follow(Schedule(tuple(second.deviations)))
        step = first_difference(second.events, third.events)
        if step is None:
            return
        then, now = site_at(second.events, step), site_at(third.events, step)
        raise ReplayMismatch(
            f"two executions of the same schedule differ, first at step {step}: {said(second.events, step)} at {then} in one, "
            f"{said(third.events, step)} at {now} in the other.\n"
            "The scenario keeps something between executions, or depends on something that is not controlled (order of a set, a real "
            "clock, a thread not started by it).\nBuild all state inside the scenario.",
            step=step,
            where=str(now),
        )

    # -- failures ---------------------------------------------------------------------------------------------

    def _fail(self, trace: Trace) -> None:
        """Take a failing execution in: simplify it, run it in detail, and keep it, unless its like is known."""
        outcome = trace.outcome
        assert outcome is not None
        let_pass(outcome.error)
        key = outcome.signature
        self.counts[key] = self.counts.get(key, 0) + 1
        if key in self.failures:
            return
        limit = min(SHRINKING, SHRINKING_STEPS // max(trace.moments, 1) + 20) if self._shrinks else 0
        best = simplify(trace, lambda schedule: self._again(schedule, key), limit=limit, search=lambda *args: self._search(key, *args))
        try:
            detailed = self.follow(schedule_of(best), detailed=True)
            self.statistics.shrinking += 1
        except ReplayMismatch as mismatch:
            self._add(nondeterminism(mismatch), trace, schedule_of(trace))
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
            self._add(nondeterminism(error), detailed, schedule_of(trace))
            return
        self.failures[key] = self.failure_of(detailed, executions=self.executions)

    def _again(self, schedule: Schedule, key: tuple[str, ...]) -> Trace | None:
        self.statistics.shrinking += 1
        if self.control.is_interrupted:
            return None
        self.control.collect()
        trace = self.follow(schedule)
        return trace if trace.outcome is not None and trace.outcome.signature == key else None

    def _search(self, key: tuple[str, ...], bound: int, limit: int) -> Trace | None:
        """Look for the same failure with at most `bound` preemptions, fewest first."""
        strategy = Dfs(preemptions=bound)
        for _ in range(limit):
            if self.control.is_interrupted or not strategy.begin():
                return None
            self.statistics.shrinking += 1
            trace = self.execute(strategy)
            if trace.outcome is not None and trace.outcome.signature == key:
                return self._again(Schedule(tuple(trace.deviations)), key)
            try:
                strategy.end(trace)
            except ReplayMismatch:
                return None
        return None

    def failure_of(self, trace: Trace, *, executions: int, schedule: Schedule | None = None) -> Failure:
        """Return the failure that a trace shows, under its own schedule unless another is given."""
        outcome = trace.outcome
        assert outcome is not None
        schedule = schedule or schedule_of(trace)
        seed = encode(schedule, seed_name(self.name))
        return Failure(
            kind=outcome.kind,
            message=outcome.message,
            seed=seed,
            scenario=self.name,
            outcome=outcome,
            trace=trace,
            schedule=schedule,
            preemptions=trace.preemptions,
            executions=executions,
            replay_command=self._replay_command(seed) if self._replay_command is not None else "",
        )

    def _add(self, outcome: Outcome, trace: Trace, schedule: Schedule) -> None:
        trace.outcome = outcome
        self.counts[outcome.signature] = self.counts.get(outcome.signature, 0) + 1
        self.failures.setdefault(outcome.signature, self.failure_of(trace, executions=self.executions, schedule=schedule))
