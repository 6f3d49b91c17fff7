"""Many executions within a budget: `explore`, `check`, `replay`.

An exploration takes control of the process (`Control`), lets a strategy run one execution after another, and gives it back as it was.

What fails is simplified and run once more before it is reported (`findings`). The first execution is repeated for the same reason: a
program that keeps something between executions is told so at once.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from interleave import strategies
from interleave.arguments import check_budget, check_choice, check_scenario, seed_name
from interleave.classes import Classes
from interleave.continuation import Continuation, load, save
from interleave.errors import CheckFailed, ExecutionDied, NotControlled, ReplayMismatch
from interleave.estimate import Progress, estimate, is_drawing, take_stock
from interleave.execution import Onlooker
from interleave.findings import Findings
from interleave.gil import scope_of, with_labels
from interleave.model import Budget, Failure, Race, Result, Schedule, Strategy, Trace, Verdict
from interleave.race_search import RaceSearch
from interleave.repetition import WARM, check_endless, check_outcomes, first_difference, is_repeated, said, site_at, warm_up, where_left
from interleave.runner import Runner, make_controls
from interleave.runtime import starts
from interleave.runtime.ledger import AS_ONE_STEP, IMPORTED
from interleave.schedule import decode

F = TypeVar("F", bound=Callable[..., object])

#: Distinct failures that are reported when an exploration keeps going.
MOST_FAILURES = 20
#: How often a search starts over because more code came into scope.
RENEWALS = 8
#: What only a proof must be free of, as the ledger calls it.
_FOR_PROOFS = (IMPORTED, WARM, AS_ONE_STEP)
_now = time.perf_counter


@dataclass(frozen=True, slots=True)
class Replay:
    """What the replay of a seed showed; `trace` has its `steps` filled in, `races` are those seen in it.

    `left_path` says where a lenient replay had to leave the schedule, empty if it could follow all of it.
    """

    failure: Failure | None
    trace: Trace
    scenario: str
    races: tuple[Race, ...] = ()
    left_path: str = ""


def scenario(function: F) -> F:
    """Mark a function as a scenario, so that `python -m interleave explore MODULE` runs it whatever its name. Raises no errors."""
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
    races: str = "report",
    task_order: str = "any",
    granularity: str = "free-threaded",
    isolate: str = "off",
    shrink: bool | Literal["ended"] = True,
    gil_label: bool = True,
    state: str | os.PathLike[str] | None = None,
    name: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    replay_command: Callable[[str], str] | None = None,
) -> Result:
    """Run `scenario` under one schedule after another and return what was found.

    `strategy` is a name ("auto", "dfs", "pct", "random", ...) or an object that follows `model.Strategy`; `seed` is that of its
    random generator. `include` names modules whose code is in scope besides the user's, with wildcards ("cachetools", "urllib3.*").
    `preemptions` bounds searches. `timeouts="any"` lets sleeps and timeouts end while other threads could run, "idle" only when none can.
    `task_order="any"` lets any ready task of asyncio step next, "fifo" the one that has been ready longest (see `event_loop`).
    `granularity="gil"` lets threads switch only where this CPython does so with the GIL, "free-threaded" at every access. A failure found
    at the latter is labelled with whether the GIL allows it, which takes executions of its own, unless `gil_label=False` (see `gil`).
    `isolate="globals"` puts the globals of modules in scope, and what they lead to, back before each execution (see `isolation.snapshot`);
    with "fork" each is made in a child of the process, from which nothing comes back (see `isolation.forked`).
    With `stop_on_failure=False` the exploration goes on and collects distinct failures (see `findings`). `shrink=False` reports them as
    they were met, not simplified; with "ended" those are that end at the bound on steps, and they get no label.
    `races` says what to do with races that no assertion notices: "report" them in the result, fail on the "harmful" ones, "fail" on
    all that are not known to be benign, or look for none, "off" (see `race_search`).
    `state` names a file in which the exploration is kept when it ends, whatever ends it, and from which it goes on if it is there: the
    budget is then that of what is added (see `continuation`).
    `progress` is called about ten times a second; `replay_command` makes the command that reports show from a seed.

    Ctrl-C ends the exploration; the result says `stopped_by="interrupt"`. Raises UsageError for unusable arguments.
    """
    budget = check_budget(budget)
    controls = make_controls(budget.steps, timeouts, task_order, granularity, isolate)
    controls.hang = budget.hang
    runner = Runner(scenario, check_scenario(scenario, name), controls, include=tuple(include), replay_command=replay_command)
    renew: Callable[[], Strategy] | None = None
    if isinstance(strategy, str):
        renew = functools.partial(strategies.make, strategy, seed=seed, preemptions=preemptions, executions=budget.executions)
    called = strategy if isinstance(strategy, str) else type(strategy).__name__
    # A trial of what a race foretells may need more preemptions than the bound, and a strategy of the caller's is measured alone.
    search = RaceSearch(runner, check_choice("races", races), steers=preemptions is None and isinstance(strategy, str))
    chosen: Any = strategy if renew is None else renew()
    findings = Findings(runner, search, shrinks=shrink)
    exploration = _Exploration(runner, chosen, called, budget, findings=findings, progress=progress, renew=renew)
    options = {"strategy": called, "seed": seed, "preemptions": preemptions, "timeouts": timeouts, "task_order": task_order}
    kept = (*options.items(), ("granularity", granularity), ("isolate", isolate), ("races", races), ("include", tuple(include)))
    run = exploration.run if state is None else functools.partial(exploration.run_on, state, kept)
    result = run(stop_on_failure=stop_on_failure)
    return with_labels(result, runner, races=races) if gil_label and findings.may_be_labelled else result


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
    races: str = "report",
    task_order: str = "any",
    granularity: str = "free-threaded",
    isolate: str = "off",
    lenient: bool = False,
    onlooker: Onlooker | None = None,
    replay_command: Callable[[str], str] | None = None,
) -> Replay:
    """Run `scenario` once under the schedule of `seed`, in detail.

    `include`, `name`, `timeouts`, `task_order`, `granularity`, `isolate` and `races` must be those under which the seed was found.
    Raises SeedError if the seed is damaged or of another scenario, ReplayMismatch if the program does something else now than when it was
    made. With `lenient`, what still matches is followed then, with default choices where nothing does, and `Replay.left_path` says where
    that began. An `onlooker` is shown the execution while its threads stand where they are, see `debugging`.
    """
    full_name = check_scenario(scenario, name)
    schedule = decode(seed, seed_name(full_name))
    # Whatever bound the execution was made under, it ended after so many steps.
    steps = max(2 * schedule.length, Budget().steps) if lenient else schedule.length or Budget().steps
    controls = make_controls(steps, timeouts, task_order, granularity, isolate)
    runner = Runner(scenario, full_name, controls, include=tuple(include), replay_command=replay_command)
    search = RaceSearch(runner, check_choice("races", races))
    with runner.control:
        controls.onlooker = onlooker
        try:
            trace = runner.follow(schedule, strict=not lenient, detailed=True, watched=search.is_on)
        except ReplayMismatch:
            # Modules that the first run imported were not in scope while it ran; and others may have shown what this one does not.
            if not starts.are_told_now() and not runner.has_grown:
                raise
            trace = runner.follow(schedule, strict=True, detailed=True, watched=search.is_on)
        if lenient and (runner.has_grown or (where_left(schedule, trace, runner.divergence) and starts.are_told_now())):
            trace = runner.follow(schedule, strict=False, detailed=True, watched=search.is_on)
        controls.onlooker = None
        left_path = where_left(schedule, trace, runner.divergence) if lenient else ""
        if trace.outcome is not None and trace.outcome.kind == "livelock" and controls.steps < Budget().steps:
            # A loop without an end, or an execution that ended here when the seed was made?
            controls.steps = Budget().steps
            check_endless(runner.follow(schedule), trace)
        # Other executions, with which this one is compared, may be longer.
        controls.steps = max(controls.steps, Budget().steps)
        seen = search.judge(trace)
    failure = runner.failure_of(trace, executions=1) if trace.outcome else None
    return Replay(failure, trace, full_name, seen, left_path)


class _Exploration:
    """One exploration: executions in a loop, until something ends it."""

    def __init__(
        self,
        runner: Runner,
        strategy: Strategy,
        called: str,
        budget: Budget,
        *,
        findings: Findings,
        progress: Callable[[Progress], None] | None = None,
        renew: Callable[[], Strategy] | None = None,
    ) -> None:
        self._runner = runner
        self._strategy = strategy
        self._called = called
        self._budget = budget
        self._findings = findings
        #: Made so far, and of these before the exploration was continued.
        self._executions = self._before = 0
        self._seeds: tuple[str, ...] = ()
        self._classes = Classes(everything=budget.unseen is not None)
        self._is_between = True
        self._progress = progress
        #: Makes the strategy anew, and how often it still may.
        self._renew = renew
        self._is_void = False
        #: Modules that were there when the first execution began.
        self._modules = 0
        self._renewals = RENEWALS if renew is not None else 0
        self._started = _now()
        if budget.seconds is not None:
            # What is found just before the time is up has to be simplified too.
            runner.until = self._started + 2 * budget.seconds
        self._told = self._started

    def run_on(self, file: str | os.PathLike[str], options: tuple[tuple[str, object], ...], *, stop_on_failure: bool) -> Result:
        """Continue what is kept in a file, if anything is, and keep it there again."""
        runner = self._runner
        kept = load(file, runner.name, options)
        runner.controls.ends_executions = True
        if kept is not None:
            self._strategy, self._seeds = kept.strategy, kept.seeds
            self._executions = self._before = kept.executions
            runner.statistics, runner.was_cut = kept.statistics, kept.was_cut
            self._classes, kept.classes.everything = kept.classes, self._classes.everything
            if hasattr(kept.strategy, "resume"):
                kept.strategy.resume(self._budget.executions)
        result = self.run(stop_on_failure=stop_on_failure)
        if self._is_between:
            seeds = tuple(failure.seed for failure in result.failures if failure.kind != "nondeterminism")
            statistics, classes = runner.statistics, self._classes
            save(file, runner.name, Continuation(options, self._strategy, self._executions, statistics, seeds, runner.was_cut, classes))
        return result

    def run(self, *, stop_on_failure: bool) -> Result:
        """Run executions until the budget is spent, the strategy is done, or something failed."""
        runner = self._runner
        stopped_by = "exhausted"
        try:
            with runner.control:
                self._restore()
                stopped_by = self._loop(stop_on_failure=stop_on_failure)
        except KeyboardInterrupt:
            stopped_by = "interrupt"
        except NotControlled as error:
            stopped_by = "died" if isinstance(error, ExecutionDied) else "hang"
            runner.uncontrolled[str(error)] = None
        strategy, statistics = self._strategy, runner.statistics
        statistics.seconds += _now() - self._started
        statistics.redundant = getattr(strategy, "redundant", 0)
        uncontrolled = (*runner.uncontrolled, *runner.control.skipped)
        exhausted = stopped_by == "exhausted"
        take_stock(statistics, strategy, self._executions, self._classes, is_done=exhausted or not self._is_between)
        scope = scope_of(strategy.scope, runner) if exhausted and not runner.was_cut else ""
        if scope and strategy.scope == "every schedule" and not uncontrolled:
            # However many classes the samples between met once.
            statistics.unseen = 0.0
        failures = self._findings.all()
        return Result(
            scenario=runner.name,
            verdict=_verdict(failures, uncontrolled, is_proof=bool(scope)),
            executions=self._executions,
            exhausted=exhausted,
            strategy=self._called,
            scope=scope,
            stopped_by=stopped_by,
            failures=failures,
            uncontrolled=uncontrolled,
            statistics=statistics,
            unseen=self._budget.unseen,
            races=self._findings.races.races(),
            inversions=self._findings.races.inversions(),
        )

    def _loop(self, *, stop_on_failure: bool) -> str:
        runner, findings, budget = self._runner, self._findings, self._budget
        self._modules = len(sys.modules)
        while True:
            strategy = self._strategy
            if findings and (stop_on_failure or len(findings) >= MOST_FAILURES):
                return "failure"
            if budget.executions is not None and self._executions - self._before >= budget.executions:
                return "executions"
            if budget.seconds is not None and _now() - self._started >= budget.seconds:
                return "seconds"
            if budget.unseen is not None and self._classes.is_saturated(budget.unseen):
                return "saturated"
            if runner.control.is_interrupted:
                return "interrupt"
            if not strategy.begin():
                return "exhausted"
            self._is_between = False
            try:
                trace = runner.execute(strategy)
                self._executions += 1
                self._count(trace)
                watched, ended = None, runner.finish(trace)
                if ended.outcome is not None:
                    findings.take_in(ended, executions=self._executions)
                elif self._executions == 1 and ended is trace:
                    watched = self._check_repeats(trace)
                may_try = budget.executions is None or self._executions - self._before < budget.executions
                for failing in findings.races.look(trace, self._executions, watched=watched, may_try=may_try and not findings):
                    findings.take_in(failing, executions=self._executions)
                    if stop_on_failure:
                        break
                # The runs made on the side may have met new points too.
                trace.has_new_points = runner.take_new_points()
                self._classes.add(trace, is_drawn=is_drawing(strategy))
                self._end(trace)
            except ReplayMismatch as error:
                findings.add_mismatch(error, Trace(), Schedule(), executions=self._executions)
                return "failure"
            self._is_between = True
            del trace
            runner.control.collect()
            self._tell()

    def _restore(self) -> None:
        """Run the failures again that were found before the exploration was continued."""
        for seed in self._seeds:
            trace = self._runner.follow(decode(seed, None), detailed=True)
            if trace.outcome is not None:
                self._findings.restore(self._runner.failure_of(trace, executions=self._executions))

    def _end(self, trace: Trace) -> None:
        """Tell the strategy of an execution, or begin the search anew where the next ones will not be like it: more code is in scope."""
        self._is_void |= self._runner.take_new_code()
        if self._is_void and self._renew is not None and self._renewals:
            self._strategy, self._renewals = self._renew(), self._renewals - 1
        else:
            self._strategy.end(trace)
        self._is_void = False

    def _count(self, trace: Trace) -> None:
        statistics = self._runner.statistics
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
        made, left = self._executions - self._before, estimate(self._strategy, self._executions)
        budget, failures = self._budget, len(self._findings)
        unseen = self._classes.unseen if budget.unseen is not None else None
        name, called, all_made = self._runner.name, self._called, self._executions
        self._progress(Progress(name, all_made, failures, seconds, made / seconds, called, budget, left, made, unseen))

    def _check_repeats(self, first: Trace) -> Trace | None:
        """Run the first schedule twice more: the same schedule must give the same run. Return it if races can be seen in it.

        The first run may differ, by what is done only once in a process (a cache filled, a module imported).
        """
        second = self._runner.follow(Schedule(tuple(first.deviations)))
        third = self._runner.follow(Schedule(tuple(second.deviations)), watched=self._findings.races.is_on)
        check_outcomes(first, second if second.outcome is not None else third)
        step = first_difference(second.events, third.events)
        # What is done once in a process is over now: a search must not take the first execution for one like all others.
        is_whole = self._strategy.every_access
        # Of another search's execution it is only known how many steps it took.
        is_other = not is_repeated(first, second) if is_whole else not is_drawing(self._strategy) and first.moments != second.moments
        self._is_void |= is_other
        if step is None:
            # Of a module that it imported the code was not in scope yet, nor were names known that are stored from elsewhere.
            is_known = len(sys.modules) != self._modules or self._runner.has_new_code
            if is_other and not is_known and (sentence := warm_up(first, second, is_whole=is_whole)):
                self._runner.uncontrolled[sentence] = None
            return third if third.witness is not None else None
        then, now = site_at(second.events, step), site_at(third.events, step)
        raise ReplayMismatch(
            f"two executions of the same schedule differ, first at step {step}: {said(second.events, step)} at {then} in one, "
            f"{said(third.events, step)} at {now} in the other.\n"
            "The scenario keeps something between executions, or depends on something that is not controlled (order of a set, a real "
            "clock, a thread not started by it).\nBuild all state inside the scenario.",
            step=step,
            where=str(now),
        )


def _verdict(failures: Sequence[Failure], uncontrolled: Sequence[str], *, is_proof: bool) -> Verdict:
    if failures:
        return "failed"
    if uncontrolled and (is_proof or not all(any(one in sentence for one in _FOR_PROOFS) for sentence in uncontrolled)):
        return "inconclusive"
    return "proven" if is_proof else "passed"
