"""One exploration: executions in a loop, until something ends it.

It takes control of the process (`Control`), lets a strategy run one execution after another, and gives the process back as it was.
What fails is simplified and run once more before it is reported (`findings`). The first execution is repeated for the same reason: a
program that keeps something between executions is told so at once.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence

from interleave.classes import Classes
from interleave.continuation import Continuation, load, save
from interleave.errors import ExecutionDied, NotControlled, ReplayMismatch
from interleave.estimate import Progress, estimate, take_stock
from interleave.findings import Findings
from interleave.gil import scope_of
from interleave.model import Schedule, Strategy, Trace
from interleave.repetition import WARM, check_outcomes, differing, first_difference, is_repeated, warm_up
from interleave.result import Budget, Failure, Result, Verdict
from interleave.runner import Runner
from interleave.runtime.ledger import AS_ONE_STEP, IMPORTED
from interleave.schedule import decode

#: Distinct failures that are reported when an exploration keeps going.
MOST_FAILURES = 20
#: How often a search starts over because more code came into scope.
RENEWALS = 8
#: What only a proof must be free of, as the ledger calls it.
_FOR_PROOFS = (IMPORTED, WARM, AS_ONE_STEP)
_DISORDER = "{} Seemingly because {}: keep them in a dict or a list, or give them a __hash__ that is no address"
_now = time.perf_counter


class Exploration:
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
        statistics.redundant = strategy.redundant
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
                self._classes.add(trace, is_drawn=not strategy.is_searching)
                self._end(trace)
            except ReplayMismatch as error:
                if runner.unordered:
                    runner.uncontrolled[_DISORDER.format(str(error).partition("\n")[0], next(iter(runner.unordered)))] = None
                    return "nondeterminism"
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
        self._progress(Progress(name, all_made, failures, seconds, called, budget, left, made, unseen))

    def _check_repeats(self, first: Trace) -> Trace | None:
        """Run the first schedule twice more: the same schedule must give the same run. Return it if races can be seen in it.

        The first run may differ, by what is done only once in a process (a cache filled, a module imported).
        """
        second = self._runner.follow(first.choices)
        third = self._runner.follow(second.choices, watched=self._findings.races.is_on)
        check_outcomes(first, second if second.outcome is not None else third)
        step = first_difference(second.events, third.events)
        # What is done once in a process is over now: a search must not take the first execution for one like all others.
        is_whole = self._strategy.every_access
        # Of another search's execution it is only known how many steps it took.
        is_other = not is_repeated(first, second) if is_whole else self._strategy.is_searching and first.moments != second.moments
        self._is_void |= is_other
        if step is None:
            # Of a module that it imported the code was not in scope yet, nor were names known that are stored from elsewhere.
            is_known = len(sys.modules) != self._modules or self._runner.has_new_code
            if is_other and not is_known and (sentence := warm_up(first, second, is_whole=is_whole)):
                self._runner.uncontrolled[sentence] = None
            return third if third.witness is not None else None
        raise differing(second.events, third.events, step)


def _verdict(failures: Sequence[Failure], uncontrolled: Sequence[str], *, is_proof: bool) -> Verdict:
    if failures:
        return "failed"
    if uncontrolled and (is_proof or not all(any(one in sentence for one in _FOR_PROOFS) for sentence in uncontrolled)):
        return "inconclusive"
    return "proven" if is_proof else "passed"
