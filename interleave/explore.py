"""What users call: `explore`, `check`, `replay`, and the mark `scenario`.

An exploration is many executions within a budget (`exploration`), a replay is one, under the schedule of a seed.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

from interleave import strategies
from interleave.arguments import check_budget, check_choice, check_scenario, seed_name
from interleave.errors import CheckFailed, ReplayMismatch
from interleave.estimate import Progress
from interleave.execution import Onlooker
from interleave.exploration import Exploration
from interleave.findings import Findings
from interleave.gil import labelled
from interleave.model import Race, Strategy, Trace
from interleave.race_search import RaceSearch
from interleave.repetition import check_endless, where_left
from interleave.result import Budget, Failure, Result
from interleave.runner import Runner, make_controls
from interleave.runtime import starts
from interleave.schedule import decode

F = TypeVar("F", bound=Callable[..., object])


@dataclasses.dataclass(frozen=True, slots=True)
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

    `strategy` is a name ("auto", "dfs", "pct", "random", ...) or an object of a class that derives from `model.Strategy`; `seed` is that
    of its random generator. `include` names modules whose code is in scope besides the user's, with wildcards ("urllib3.*").
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
    make = functools.partial(strategies.make, seed=seed, preemptions=preemptions, executions=budget.executions)
    renew = functools.partial(make, strategy) if isinstance(strategy, str) else None
    called = strategy if isinstance(strategy, str) else type(strategy).__name__
    # A trial of what a race foretells may need more preemptions than the bound, and a strategy of the caller's is measured alone.
    search = RaceSearch(runner, check_choice("races", races), steers=preemptions is None and isinstance(strategy, str))
    chosen: Any = strategy if renew is None else renew()
    findings = Findings(runner, search, shrinks=shrink)
    exploration = Exploration(runner, chosen, called, budget, findings=findings, progress=progress, renew=renew)
    options = {"strategy": called, "seed": seed, "preemptions": preemptions, "timeouts": timeouts, "task_order": task_order}
    kept = (*options.items(), ("granularity", granularity), ("isolate", isolate), ("races", races), ("include", tuple(include)))
    run = exploration.run if state is None else functools.partial(exploration.run_on, state, kept)
    result = run(stop_on_failure=stop_on_failure)
    if gil_label and findings.may_be_labelled and result.stopped_by not in ("interrupt", "hang"):
        result = dataclasses.replace(result, failures=labelled(result.failures, runner, races=races))
    return result


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
