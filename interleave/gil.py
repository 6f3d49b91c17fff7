"""Whether what fails on free-threaded Python can fail under the GIL of this interpreter as well: the label of a failure.

A failure found at the granularity "free-threaded" is looked for again at the granularity "gil", in executions of their own, after the
exploration: those that pass pay nothing. The cheapest way that answers is taken:

1. A schedule that switches threads at operations of primitives alone is one under the GIL as it is.
2. The schedule is followed as nearly as the GIL allows (`strategies.nearest`).
3. Schedules under the GIL are explored, half as many as it took to find, simplify and check the failures, within `LEAST` and `MOST`. One
   that fails with the same signature shows that it is possible. If there is none, and every schedule was run, it is impossible.

"Impossible" is said only where "proven" would be: nothing was cut off, left uncontrolled, or ended early by a failure of another kind.
That a race is not seen is never taken as proof, since not all executions are looked at for races. All limits are numbers of executions.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from interleave import strategies
from interleave.errors import NotControlled, ReplayMismatch
from interleave.model import MEMORY, Event, GilVerdict, Strategy, Trace, UnderGil
from interleave.race_search import RaceSearch
from interleave.result import Failure
from interleave.runner import Runner
from interleave.strategies.nearest import Nearest

#: Executions made at least, where they are needed, and at most; and the steps of all of them, where executions are long.
LEAST = 20
MOST = 300
STEPS = 1_000_000
_Key = tuple[str, ...]


def scope_of(scope: str, runner: Runner) -> str:
    """Return what a complete search has covered, in words, with the granularity that it had."""
    if not (scope and runner.controls.has_gil):
        return scope
    return f"{scope} with the GIL of CPython {sys.version_info[0]}.{sys.version_info[1]}"


def labelled(failures: Sequence[Failure], runner: Runner, *, races: str) -> tuple[Failure, ...]:
    """Return the failures with their labels; `runner` is what found them, and is done.

    A failure that shows nothing of the program, or whose search could not be finished, gets none, nor does one found under the GIL.
    """
    if runner.controls.has_gil:
        return tuple(failures)
    labels: dict[_Key, UnderGil] = {}
    wanted: dict[_Key, Failure] = {}
    for failure in failures:
        key = failure.outcome.signature
        if key[0] != "race" and not switches_within_memory(failure.trace.events, [one.tid for one in failure.outcome.blocked]):
            labels[key] = UnderGil("possible", 0)
        elif failure.kind != "nondeterminism":
            wanted[key] = failure
    if wanted:
        controls = replace(runner.controls, has_gil=True, executions=0)
        again = Runner(runner.scenario, runner.name, controls, include=runner.include)
        again.until = runner.until
        search = _Search(again, RaceSearch(again, races), wanted)
        try:
            with again.control:
                longest = max(failure.trace.moments for failure in wanted.values())
                search.run(min(max(runner.controls.executions // 2, LEAST), MOST, max(STEPS // longest, 2)))
        except (ReplayMismatch, NotControlled, KeyboardInterrupt):
            search.was_stopped = True
        labels |= search.labels()
    return tuple(replace(one, under_gil=labels.get(one.outcome.signature)) for one in failures)


def switches_within_memory(events: Sequence[Event], blocked: Sequence[int]) -> bool:
    """Tell whether an execution goes from a thread to another where that thread was about to access memory, or may have been."""
    following: dict[int, str] = {}
    after = -1
    for tid, operation in reversed(events):
        if after not in (-1, tid) and operation.kind != "exit":
            ahead = following.get(tid, "" if tid in blocked else MEMORY[0])
            if ahead in MEMORY:
                return True
        following[tid] = operation.kind
        after = tid
    return False


class _Search:
    """The search for failures with certain signatures under the GIL."""

    def __init__(self, runner: Runner, races: RaceSearch, wanted: Mapping[_Key, Failure]) -> None:
        self._runner = runner
        self._races = races
        self._wanted = wanted
        self._found: dict[_Key, None] = {}
        self._executions = 0
        #: Whether every schedule was run, and whether one failed in any way.
        self._is_complete = False
        self._has_failed = False
        self.was_stopped = False

    def labels(self) -> dict[_Key, UnderGil]:
        """Return what is known, by signature."""
        labels: dict[_Key, UnderGil] = {}
        runner = self._runner
        is_proof = self._is_complete and not (self._has_failed or runner.was_cut or runner.uncontrolled or runner.control.skipped)
        for key in self._wanted:
            verdict: GilVerdict = "possible" if key in self._found else "impossible" if is_proof and key[0] != "race" else "not seen"
            if verdict == "possible" or not self.was_stopped:
                labels[key] = UnderGil(verdict, self._executions)
        return labels

    def run(self, limit: int) -> None:
        """Look for all of them, in at most so many executions."""
        for key, failure in self._wanted.items():
            nearest = Nearest(failure.schedule)
            nearest.begin()
            trace = self._execute(nearest)
            if key[0] == "race" and trace.outcome is None and self._races.is_on:
                self._note(self._races.follow(trace.choices, key))
        # What the following of schedules brought to light is not new to the search.
        self._runner.take_new_code()
        self._runner.take_new_points()
        # First for a proof, then for what a proof would come to late.
        self._explore("dpor", limit // 2)
        if not self._is_complete:
            self._explore("auto", limit)

    def _explore(self, name: str, limit: int) -> None:
        """Run executions until all are found, as many as `limit` were made in all, or there is nothing left to run."""
        runner = self._runner
        looks = any(key[0] == "race" for key in self._wanted)
        strategy = strategies.make(name, executions=limit)
        while len(self._found) < len(self._wanted) and self._executions < limit and not self.was_stopped:
            if not strategy.begin():
                self._is_complete = strategy.scope == "every schedule"
                return
            trace = self._execute(strategy)
            if looks and trace.outcome is None:
                for failing in self._races.look(trace, self._executions):
                    self._note(failing)
            trace.has_new_points = runner.take_new_points()
            if runner.take_new_code():
                strategy = strategies.make(name, executions=limit)
            else:
                strategy.end(trace)
            self.was_stopped = runner.is_over

    def _execute(self, strategy: Strategy) -> Trace:
        self._runner.control.collect()
        trace = self._runner.execute(strategy)
        self._executions += 1
        self._note(self._runner.finish(trace))
        return trace

    def _note(self, trace: Trace) -> None:
        if trace.outcome is not None:
            self._has_failed = True
            if trace.outcome.signature in self._wanted:
                self._found[trace.outcome.signature] = None
