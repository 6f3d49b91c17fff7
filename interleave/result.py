"""What an exploration may cost, and what it found: the values that users hold in their hands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from interleave.model import FailureKind, Inversion, Outcome, Race, Schedule, Statistics, Trace, UnderGil

Verdict = Literal["proven", "passed", "failed", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Failure:
    """One way in which a scenario fails, with the simplest schedule found that shows it.

    `preemptions` and `steps` describe that schedule; `executions` is the number of executions made when the failure was first
    met, `count` how many failed in this way (see `findings`); `replay_command` is what to type to see it again. `under_gil` is None where
    it was not asked, or not found out.
    """

    kind: FailureKind
    message: str
    seed: str
    scenario: str
    outcome: Outcome = field(repr=False)
    trace: Trace = field(repr=False)
    schedule: Schedule = field(repr=False)
    preemptions: int
    executions: int
    replay_command: str = ""
    count: int = 1
    under_gil: UnderGil | None = None

    #: Makes the text of `report`; set by the package root so that values stay free of presentation.
    renderer: ClassVar[Callable[[Failure], str] | None] = None

    @property
    def steps(self) -> int:
        """Number of operations in the schedule."""
        return self.trace.moments

    def report(self) -> str:
        """Return the whole report as plain text."""
        if Failure.renderer is None:
            return f"{self.kind}: {self.message}\nseed: {self.seed}"
        return Failure.renderer(self)


@dataclass(frozen=True, slots=True)
class Budget:
    """How much an exploration may cost. It ends at the first limit reached; None is no limit.

    `executions` counts runs of the scenario, `seconds` wall time of the exploration; what is found is made simple, and labelled, as far as
    it comes until twice that time is up. `steps` are the operations of one execution among which a strategy chooses; one that goes on is
    run on fairly, and is a livelock if five times as many lead to no end. `hang` is wall time without any step, after which the exploration
    ends as inconclusive. `unseen` ends sampling when a further execution is of a class not seen with less probability than that.
    """

    executions: int | None = 2_000
    seconds: float | None = None
    steps: int = 20_000
    hang: float | None = None
    unseen: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What an exploration found.

    `verdict` is "proven" if every schedule of the granularity and bound named in `scope` was run and none failed, "passed" if
    the budget was spent and nothing failed, "failed", or "inconclusive" if something in `uncontrolled` could have
    changed the answer. `stopped_by` says why it ended: "exhausted", "executions", "seconds", "saturated",
    "failure", "nondeterminism", "interrupt", "hang", "died" (the process of an execution). `unseen` is that of the budget.
    `races` lists the races seen, harmful ones first, and `inversions` the locks taken in opposite orders; neither is a failure unless
    the option `races` says so, or a deadlock came of it.
    """

    scenario: str
    verdict: Verdict
    executions: int
    exhausted: bool
    strategy: str
    scope: str
    stopped_by: str
    failures: tuple[Failure, ...]
    uncontrolled: tuple[str, ...]
    statistics: Statistics = field(repr=False)
    unseen: float | None = None
    races: tuple[Race, ...] = field(default=(), repr=False)
    inversions: tuple[Inversion, ...] = field(default=(), repr=False)

    @property
    def failure(self) -> Failure | None:
        """Return the first failure, or None."""
        return self.failures[0] if self.failures else None
