"""The pytest fixture `schedule`: explore the interleavings of a scenario inside a test.

    def test_size_stays_below_limit(schedule):
        @schedule
        def scenario(): ...

The decorated function is explored at once, and the test fails with the report of the first failure. Options come, the later ones
winning, from `[tool.interleave]` in pyproject.toml, from `@pytest.mark.interleave(...)` on module, class and function, from the call
`schedule(scenario, **options)`, and from the command line. `--interleave-seed` replays one schedule instead: it belongs to one
scenario of one test, so every other one is explored as usual, and a test none of whose scenarios it fits fails and says so.

A scenario is named after its test, without the folder, and numbered from the second one in a test on. That name is in the
seed, so it does not depend on where pytest was started or on which xdist worker ran the test.

This module is imported by every pytest run where the package is installed. It imports nothing that pytest has not imported
already; the engine is imported when a test first calls `schedule`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, overload

import pytest

from interleave.errors import CheckFailed, ReplayMismatch, SeedError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from interleave.explore import Replay
    from interleave.result import Budget, Failure, Result

    Scenario = Callable[[], object]
    _Failed = BaseException
else:
    _Failed = pytest.fail.Exception

#: Options that make up the budget, as in `result.Budget`.
_BUDGET: Final = ("executions", "seconds", "steps", "hang", "unseen")
#: Further options of `explore` that can be given; those that a seed depends on as well.
_OPTIONS: Final = (*_BUDGET, "budget", "strategy", "stop_on_failure", "seed", "preemptions", "gil_label")


class ScheduleFailed(CheckFailed, _Failed):
    """Fail a test with the report of a failure, and no traceback of ours.

    The exception that pytest raises for `pytest.fail(..., pytrace=False)`, so that the report is shown as it is.
    """

    # As pytest's own outcomes do, so that its summary starts with what failed instead of with our module.
    __module__ = "builtins"

    def __init__(self, report: str, failure: Failure) -> None:
        CheckFailed.__init__(self, report, failure)
        self.msg = report
        self.pytrace = False

    def __str__(self) -> str:
        return str(self.msg)

    __repr__ = __str__


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, which win over marks and arguments."""
    group = parser.getgroup("interleave", "exploring thread interleavings")
    group.addoption("--interleave-seed", metavar="SEED", help="replay the schedule of this seed in the test it belongs to")
    group.addoption("--interleave-executions", metavar="N", type=int, help="run each scenario at most N times")
    group.addoption("--interleave-no-database", action="store_true", help="neither try nor keep seeds in .interleave/")
    group.addoption("--interleave-strategy", metavar="NAME", help="make the choices with this strategy")
    group.addoption("--interleave", action="store_true", help="explore tests that use threads or tasks, as they are: those marked "
                    "'interleave', or all if none is marked, each at most 100 times and 10 seconds")  # fmt: skip
    group.addoption("--interleave-match", metavar="EXPR", help="with --interleave, explore the tests that match an expression as -k "
                    "takes them, besides those marked")  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and what runs whole tests if that is asked for."""
    config.addinivalue_line(
        "markers",
        "interleave(executions, seconds, unseen, steps, strategy, include, preemptions, timeouts, task_order, granularity, isolate, races, "
        "seed): options of the fixture 'schedule', and of tests explored by --interleave.",
    )
    if config.getoption("interleave") or config.getoption("interleave_match") is not None:
        # A plugin that builds on this one; imported only now.
        config.pluginmanager.import_plugin("interleave.pytest_suite")


@pytest.fixture
def schedule(request: pytest.FixtureRequest) -> Iterator[Schedule]:
    """Explore the thread interleavings of a scenario; a function to call with it, or to decorate it with."""
    session = Schedule(request)
    yield session
    session.close()


@pytest.fixture
def run_concurrent(request: pytest.FixtureRequest) -> Iterator[Callable[..., list[Any]]]:
    """Run functions at the same time, as threads or tasks, in one order after another; see `RunConcurrent`."""
    session = Schedule(request, isolate="globals")
    yield RunConcurrent(session)
    session.close()


def _called_from(config: pytest.Config, nodeid: str) -> str:
    """Return how to name a test in the folder where pytest was called; what it names tests by begins at the root."""
    file, separator, rest = nodeid.partition("::")
    return os.path.relpath(config.rootpath / file, config.invocation_params.dir) + separator + rest


class Schedule:
    """What the fixture gives to one test."""

    def __init__(self, request: pytest.FixtureRequest, **defaults: Any) -> None:
        self._node: pytest.Item = request.node
        self._options: dict[str, Any] = defaults
        for mark in reversed(list(self._node.iter_markers("interleave"))):
            self._options |= mark.kwargs
        config = request.config
        self._seed: str | None = config.getoption("interleave_seed")
        self._fixed = {name: value for name in ("executions", "strategy") if (value := config.getoption(f"interleave_{name}")) is not None}
        self._nodeid = _called_from(config, self._node.nodeid)
        self._folder: Path | None = None if config.getoption("interleave_no_database") else config.rootpath
        self._calls = 0
        #: Why the seed did not fit, until a scenario was found that it fits.
        self._misfit: SeedError | None = None

    @overload
    def __call__(self, scenario: Scenario, /, **options: Any) -> Result | Replay: ...

    @overload
    def __call__(self, /, **options: Any) -> Callable[[Scenario], Result | Replay]: ...

    def __call__(self, scenario: Scenario | None = None, /, **options: Any) -> Any:
        """Explore a scenario at once and return the Result, or fail the test with the report.

        With options only, return a decorator. Options are those of `interleave.explore`, and `executions`, `seconds` and
        `steps` for its budget. Under `--interleave-seed`, replay and return the Replay.
        """
        __tracebackhide__ = True
        if scenario is None:
            return lambda scenario: self(scenario, **options)
        chosen = self._chosen(options)
        self._calls += 1
        if self._seed is not None:
            replayed = self._replay(scenario, chosen)
            if replayed is not None:
                self._fail_with(replayed.failure)
                return replayed
        result = self._explore(scenario, chosen)
        if result.stopped_by == "interrupt":
            raise KeyboardInterrupt
        self._fail_with(result.failure)
        reasons = "; ".join(result.uncontrolled)
        if result.verdict == "inconclusive":
            self._warn(f"{self._nodeid} is inconclusive, not controlled: {reasons}")
        for race in result.races:
            if race.severity == "harmful":
                self._warn(f"{self._nodeid} has a harmful race: {race.message}. See it: {race.replay_command}")
        return result

    def close(self) -> None:
        """Fail if a seed was given, and scenarios were explored, but it fitted none of them."""
        __tracebackhide__ = True
        if self._misfit is not None:
            pytest.fail(f"--interleave-seed fits no scenario of this test: {self._misfit}", pytrace=False)

    def regression(self, seed: str, /, **options: Any) -> Callable[[Scenario], Scenario]:
        """Make a decorator that runs the schedule of a seed at once, fails the test if it fails, and returns the scenario.

        Put it below `@schedule`, to explore as well. A seed whose code has changed is followed leniently, with a warning that says where it
        left its path. Several may be given. The options are those of `schedule`.
        """

        def decorate(scenario: Scenario) -> Scenario:
            from interleave.arguments import of_seeds
            from interleave.explore import replay

            __tracebackhide__ = True
            if self._seed is not None:
                return scenario
            passed_on, name = of_seeds(self._chosen(options)), self._name_of(self._calls + 1)
            try:
                found = replay(scenario, seed, name=name, lenient=True, replay_command=self._replay_command, **passed_on)
            except (SeedError, UsageError, ReplayMismatch) as error:
                raise error.with_traceback(None) from None
            self._fail_with(found.failure)
            if found.left_path:
                self._warn(f"{self._nodeid}: the code has changed since the seed {seed} was made, which left its path at {found.left_path}")
            return scenario

        return decorate

    @property
    def _name(self) -> str:
        return self._name_of(self._calls)

    def _name_of(self, number: int) -> str:
        """Return the name of a scenario of the test: `test_cache.py::test_put`, `test_cache.py::test_put#2`."""
        file, separator, rest = self._node.nodeid.partition("::")
        name = file.rpartition("/")[2] + separator + rest
        return name if number == 1 else f"{name}#{number}"

    def _replay_command(self, seed: str) -> str:
        """Return the command that replays a seed in this test."""
        return shlex.join(["pytest", self._nodeid, f"--interleave-seed={seed}"])

    def _explore(self, scenario: Scenario, options: dict[str, Any]) -> Result:
        from interleave.database import explore_remembering

        __tracebackhide__ = True
        called = self._node.nodeid if self._calls == 1 else f"{self._node.nodeid}#{self._calls}"
        try:
            return explore_remembering(scenario, self._folder, called, name=self._name, replay_command=self._replay_command, **options)
        except UsageError as error:
            # The line of the test that made the mistake is what matters, not where we noticed.
            raise error.with_traceback(None) from None

    def _replay(self, scenario: Scenario, options: dict[str, Any]) -> Replay | None:
        """Replay the seed of the command line, or return None if it belongs to another scenario."""
        from interleave.arguments import of_seeds
        from interleave.explore import replay

        __tracebackhide__ = True
        passed_on = {"races": "report"} | of_seeds(options)
        if passed_on["races"] == "report":
            # Whoever replays a seed that was reported with a race wants to see the race.
            passed_on["races"] = "harmful"
        assert self._seed is not None
        try:
            replayed = replay(scenario, self._seed, name=self._name, replay_command=self._replay_command, **passed_on)
        except SeedError as error:
            self._misfit = self._misfit or error
            return None
        except (UsageError, ReplayMismatch) as error:
            raise error.with_traceback(None) from None
        self._misfit, self._seed = None, None
        return replayed

    def _fail_with(self, failure: Failure | None) -> None:
        __tracebackhide__ = True
        if failure is None:
            return
        error = failure.outcome.error
        if isinstance(error, (pytest.skip.Exception, pytest.xfail.Exception, pytest.exit.Exception)):
            # Said by the test to pytest, not a failure of the program.
            raise error.with_traceback(None) from None
        raise ScheduleFailed(failure.report(), failure) from None

    def _warn(self, sentence: str) -> None:
        """Say something of a test that passes in pytest's list of warnings."""
        import warnings

        with warnings.catch_warnings():
            # Who turns warnings into errors means those of the program.
            warnings.simplefilter("always", pytest.PytestWarning)
            warnings.warn(pytest.PytestWarning(sentence), stacklevel=3)

    def _chosen(self, options: dict[str, Any]) -> dict[str, Any]:
        """Merge marks, arguments and the command line into arguments of `explore`."""
        __tracebackhide__ = True
        from interleave.arguments import SEED_OPTIONS
        from interleave.configuration import configured

        merged = configured(self._node.config.rootpath) | self._options | options | self._fixed
        known = {*_OPTIONS, *SEED_OPTIONS}
        unknown = sorted(merged.keys() - known)
        if unknown:
            raise UsageError(f"schedule has no option {unknown[0]!r}; there are: {', '.join(sorted(known))}")
        limits: dict[str, Any] = {name: merged.pop(name) for name in _BUDGET if name in merged}
        if limits:
            merged["budget"] = _budget(merged.get("budget"), limits)
        return merged


class RunConcurrent:
    """What the fixture `run_concurrent` gives to one test."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    def __call__(
        self, *functions: Callable[[], Any], timeout: float = 10.0, check: Callable[[list[Any]], object] | None = None, **options: Any
    ) -> list[Any]:
        """Explore what the functions do at the same time; return their results, in order, as they are in the first execution.

        Plain functions are threads, `async def` ones tasks of one event loop. All must end within `timeout` seconds of virtual time.
        `check` is called with the results when they have, in every execution: what must hold belongs there. Objects that the functions
        share are put back before each execution, and afterwards (`isolate="globals"`). The options are those of `schedule`.
        """
        __tracebackhide__ = True
        if not functions or not all(map(callable, functions)):
            raise UsageError("run_concurrent takes functions: run_concurrent(f, g), not run_concurrent(f(), g())")
        from interleave.together import Wanted, together

        wanted = Wanted(timeout, check)
        self._schedule(together(functions, wanted), **options)
        return wanted.results if wanted.results is not None else []


def _budget(budget: Budget | None, limits: dict[str, Any]) -> Budget:
    """Return a budget with some limits replaced."""
    from dataclasses import replace

    from interleave.classes import usual_executions
    from interleave.result import Budget

    usual = budget or Budget(executions=usual_executions(seconds=limits.get("seconds"), unseen=limits.get("unseen")))
    return replace(usual, **limits)
