"""Running one scenario under control, again and again, in one process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from traceback import clear_frames

from interleave.arguments import check_choice, seed_name
from interleave.control import Control
from interleave.errors import InterleaveError, ReplayMismatch
from interleave.event_loop import as_function
from interleave.execution import Controls, execute
from interleave.isolation.changes import changes
from interleave.isolation.forked import Forks
from interleave.isolation.snapshot import Snapshot
from interleave.model import NOWHERE, Schedule, Statistics, Strategy, Trace
from interleave.repetition import check_prints, schedule_of
from interleave.result import Failure
from interleave.runtime.ledger import UNORDERED
from interleave.schedule import encode
from interleave.strategies.fair import Fair
from interleave.strategies.replay import Replay

#: By how many times the bound on its steps an execution may be longer before it is taken for one without an end; where it is in a loop over
#: something, before it is given up.
LONGER = (5, 25)
_TOO_LONG = (
    "an execution was not over after {:,} steps, at {}, in a loop over something: how it ends is not known. "
    "Let the loop be shorter, or allow more steps: --steps, or Budget(steps=...)"
)
_TIME_UP = "an execution was not over after {:,} steps, and time was up before it was known whether it ends: allow more seconds"

#: Before anything takes the clocks over.
_now = time.perf_counter


class _TimeUp(InterleaveError):
    """Ends an execution that is only run on to see whether it ends."""


class Runner:
    """A scenario, how it is run, and what was learnt of it by running.

    Executions may be made between entering and leaving `control` only. `replay_command` makes the command that reports show from a seed.
    """

    def __init__(
        self,
        scenario: Callable[[], object],
        name: str,
        controls: Controls,
        *,
        include: tuple[str, ...] = (),
        replay_command: Callable[[str], str] | None = None,
    ) -> None:
        self.scenario = as_function(scenario)
        self.name = name
        self.controls = controls
        self.include = include
        self.control = Control(include, scenario, controls)
        self.statistics = Statistics()
        self.uncontrolled: dict[str, None] = {}
        #: Sets of objects that were gone through: why the program does not repeat itself, if it does not.
        self.unordered: dict[str, None] = {}
        #: Whether the last execution brought more code into scope.
        self.has_grown = False
        self._has_new_points = False
        #: Whether executions have brought more code into scope since `take_new_code` was last called.
        self.has_new_code = False
        #: Whether not all executions were explored to their ends (see `Trace.is_cut` and `is_bounded`).
        self.was_cut = False
        #: Where the last schedule that was followed leniently did not fit any more.
        self.divergence: ReplayMismatch | None = None
        #: When to leave off what is not exploring itself, by `time.perf_counter`.
        self.until = math.inf
        self._replay_command = replay_command
        self._forks: Forks | None = None
        #: Twice the steps of the longest execution that came to an end beyond the bound.
        self.longest = 0
        #: The exception with which the last execution failed.
        self._error: BaseException | None = None

    @property
    def is_over(self) -> bool:
        """Whether executions that are not exploring itself are to end: time is up, or the user asked for it."""
        return self.control.is_interrupted or _now() > self.until

    def execute(self, strategy: Strategy, *, detailed: bool = False, watched: bool = False) -> Trace:
        """Run once; `strategy.begin` must have been called. Modules that it imports come into scope for the next run."""
        self._let_go()
        self.control.prepare()
        try:
            run = self._in_children() if self.controls.isolate == "fork" and self.controls.onlooker is None else execute
            trace = run(self.scenario, strategy, self.controls, detailed=detailed, watched=watched)
        finally:
            self.has_grown = self.control.settle()
        self._error = trace.outcome.error if trace.outcome is not None else None
        self.was_cut |= trace.is_cut or trace.is_bounded
        self.has_new_code |= self.has_grown
        self._has_new_points |= trace.has_new_points or self.has_grown
        for sentence in trace.uncontrolled:
            (self.unordered if UNORDERED in sentence else self.uncontrolled)[sentence] = None
        return trace

    def _let_go(self) -> None:
        """Empty the frames in which the last execution failed: what they keep alive, the next one would find in weak containers."""
        error, self._error = self._error, None
        while error is not None:
            clear_frames(error.__traceback__)
            error = error.__cause__ or error.__context__

    def _in_children(self) -> Callable[..., Trace]:
        if self._forks is None:
            self._forks = self.control.forks()
        return self._forks.execute

    def follow(self, schedule: Schedule, *, strict: bool = False, detailed: bool = False, watched: bool = False) -> Trace:
        """Run once under a schedule; with `strict`, raise ReplayMismatch if the program does something else."""
        strategy = Replay(schedule, strict=strict)
        strategy.begin()
        with self.bounded(schedule.length or self.longest):
            trace = self.execute(strategy, detailed=detailed, watched=watched)
        if strict and schedule.prints:
            check_prints(schedule, trace)
        strategy.end(trace)
        self.divergence = strategy.divergence
        return trace

    def finish(self, trace: Trace) -> Trace:
        """Return an execution as it is; if it came to the bound on its steps, run it on from there, fairly, and return how it ends.

        It is a livelock only if it goes on then. Where it does not, the one that was cut short has no outcome any more: its strategy chose
        among fewer steps than there are, so nothing is proven. One that is in a loop over something is given more steps.
        """
        if not self.is_cut_off(trace):
            return trace
        bound = self.controls.steps
        for longer in LONGER:
            strategy = Fair(schedule_of(trace), trace.moments, self._check_time)
            strategy.begin()
            try:
                with self.bounded(bound * longer):
                    ended = self.execute(strategy)
                    has_ended = not self.is_cut_off(ended)
            except _TimeUp:
                ended = Trace()
                self.uncontrolled[_TIME_UP.format(bound)] = None
                break
            if has_ended:
                self.longest = max(self.longest, 2 * ended.moments)
                break
            if ended.outcome is not None:
                return trace if trace.outcome is not None else ended
        else:
            last = ended.events[-1][1].site if ended.events else NOWHERE
            self.uncontrolled[_TOO_LONG.format(bound * LONGER[-1], last)] = None
        trace.outcome, trace.is_cut, self.was_cut = None, True, True
        return ended

    def is_cut_off(self, trace: Trace) -> bool:
        """Tell whether an execution was ended by the bound on its steps."""
        return (trace.is_cut if trace.outcome is None else trace.outcome.kind == "livelock") and trace.moments >= self.controls.steps

    def _check_time(self) -> None:
        if _now() > self.until:
            raise _TimeUp

    @contextmanager
    def bounded(self, steps: int) -> Iterator[None]:
        """Let executions make so many steps, for now, or more if that is the bound."""
        bound, self.controls.steps = self.controls.steps, max(self.controls.steps, steps)
        try:
            yield
        finally:
            self.controls.steps = bound

    def changes(self, schedule: Schedule) -> list[str]:
        """Run once under a schedule, and say what this changed that the next execution will find."""
        snapshot = Snapshot(self.control.scope, self.scenario)
        with suppress(ReplayMismatch):
            self.follow(schedule)
        return changes(snapshot)

    def take_new_points(self) -> bool:
        """Return whether executions since the last call have met new scheduling points."""
        found, self._has_new_points = self._has_new_points, False
        return found

    def take_new_code(self) -> bool:
        """Return whether executions since the last call have brought more code into scope: what was learnt before is void."""
        found, self.has_new_code = self.has_new_code, False
        return found

    def failure_of(self, trace: Trace, *, executions: int, schedule: Schedule | None = None) -> Failure:
        """Return the failure that a trace shows, under its own schedule unless another is given."""
        outcome = trace.outcome
        assert outcome is not None
        schedule = schedule or schedule_of(trace)
        seed = self.seed_of(schedule)
        what = outcome.kind, outcome.message, seed, self.name, outcome, trace, schedule
        return Failure(*what, preemptions=trace.preemptions, executions=executions, replay_command=self.command_for(seed))

    def seed_of(self, schedule: Schedule) -> str:
        """Return the seed of a schedule of the scenario."""
        return encode(schedule, seed_name(self.name))

    def command_for(self, seed: str) -> str:
        """Return the command that replays a seed, empty if nobody told how."""
        return self._replay_command(seed) if self._replay_command is not None else ""


def make_controls(steps: int, timeouts: str, task_order: str, granularity: str, isolate: str) -> Controls:
    """Return the controls that go with options of `explore` and `replay`."""
    return Controls(
        steps=steps,
        any_timeout=check_choice("timeouts", timeouts) == "any",
        is_fifo=check_choice("task_order", task_order) == "fifo",
        has_gil=check_choice("granularity", granularity) == "gil",
        isolate=check_choice("isolate", isolate),
    )
