"""`pytest --interleave`: run tests that were not written for it under one schedule after another.

Taken are functions, methods and methods of `unittest.TestCase`: those that carry the mark `interleave` or that `--interleave-match` names;
with neither of the two, all. Tests that use the fixture `schedule` explore by themselves, and those of Hypothesis repeat themselves.

**One run to see.** A test is first run as ever, with its fixtures, except that no thread can be started and no event loop runs. If it tries
neither, that was it, with the result that pytest always gives. Otherwise its fixtures are taken down, what it did to modules is undone,
and the test is explored.

**An execution** is what pytest does for a test: it sets up function-scoped fixtures, runs it, and tears them down; all of it under control,
so that threads of fixtures are logical threads. Fixtures of wider scope are set up before, outside of control, and kept. A new instance of
the test's class is made each time.

Tests leave things behind in modules. So that the next execution does not find them, `isolate` is "globals" here unless a mark says
otherwise; and since tests rely on tasks starting in the order in which they were made, `task_order` is "fifo". A test that does not repeat
itself nevertheless, or does not end within the bound on steps, cannot be explored, which is a warning and no failure: it says nothing of
its threads. So it is with one that has an exception in a thread or task as soon as it runs, which nobody catches: that is what it is about.
"""

from __future__ import annotations

import _thread
import asyncio
import inspect
import os
import shlex
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest

from interleave.instrument.scope import Scope
from interleave.isolation.snapshot import Snapshot
from interleave.pytest_plugin import Schedule

if TYPE_CHECKING:
    from interleave.explore import Replay
    from interleave.result import Failure, Result

#: Executions of a test, seconds, and steps of an execution, unless something else is asked for: long ones take long to learn from, too.
EXECUTIONS: Final = 100
SECONDS: Final = 10.0
STEPS: Final = 5_000
#: Seconds of wall time without a step, after which a test is given up: some wait for what is not controlled.
HANG: Final = 10.0
#: The key under which reports say what was done.
PROPERTY: Final = "interleave"
#: Where the standard library and programs that use its lowest level find what starts a thread.
_STARTS: Final = tuple(
    (module, name)
    for module in (threading, _thread)
    for name in ("start_new_thread", "_start_new_thread", "start_joinable_thread", "_start_joinable_thread")
    if hasattr(module, name)
)


class NoThreadsYet(RuntimeError):
    """Keep a thread or loop from being started while it is found out whether a test starts any; what a system says that has no more."""


class _Watch:
    """Notices threads and event loops that are to be started by the OS thread that runs tests."""

    def __init__(self) -> None:
        self.has_seen = self._has_refused = False

    @contextmanager
    def on(self) -> Iterator[None]:
        """Look, in the body of a `with`. (An audit hook would see all, and for ever slow down every `id` in the process.)"""
        # Of this process: a test may fork another, which is to run as ever.
        self.has_seen, self._has_refused, here = False, False, (os.getpid(), threading.get_ident())
        run_forever = asyncio.BaseEventLoop.run_forever
        wait = threading.Condition.wait

        def wait_answered(condition: threading.Condition, timeout: float | None = None) -> bool:
            if not self._has_refused or timeout is not None or (os.getpid(), threading.get_ident()) != here:
                return wait(condition, timeout)
            raise NoThreadsYet("can't wait for a thread that was not started")

        def run_noticed(loop: asyncio.BaseEventLoop) -> None:
            if (os.getpid(), threading.get_ident()) != here:
                run_forever(loop)
                return
            self.has_seen = True
            # It might wait for ever for a thread that was refused. Tasks that have not begun are ended, without a warning of asyncio's.
            begin = [task for task in asyncio.all_tasks(loop) if _has_not_begun(task)]
            for task in begin:
                task.cancel()
            loop.stop()
            run_forever(loop)
            if begin:
                raise NoThreadsYet("can't run an event loop")

        def noticing(start: Any) -> Callable[..., Any]:
            def started(*arguments: Any, **options: Any) -> Any:
                if (os.getpid(), threading.get_ident()) != here:
                    return start(*arguments, **options)
                self.has_seen = self._has_refused = True
                raise NoThreadsYet("can't start new thread")

            return started

        with pytest.MonkeyPatch.context() as patch:
            for module, name in _STARTS:
                patch.setattr(module, name, noticing(getattr(module, name)))
            patch.setattr(asyncio.BaseEventLoop, "run_forever", run_noticed)
            patch.setattr(threading.Condition, "wait", wait_answered)
            yield


def pytest_configure(config: pytest.Config) -> None:
    """Register what takes tests."""
    config.pluginmanager.register(Suite(config), "interleave-suite")


class Suite:
    """The plugin that `--interleave` adds to a run."""

    def __init__(self, config: pytest.Config) -> None:
        self._matches = _matcher(config.getoption("interleave_match"))
        self._watch = _Watch()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Have the tests that are taken run by `WholeTest`."""
        able = [item for item in items if isinstance(item, pytest.Function) and _is_able(item)]
        marked = [item for item in able if item.get_closest_marker("interleave") is not None]
        if self._matches is not None:
            taken = [item for item in able if item in marked or self._matches(item)]
        else:
            taken = marked or able
        for item in taken:
            WholeTest(item, self._watch)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Count what was done with the tests, those of xdist's workers too."""
        reports = [one for several in terminalreporter.stats.values() for one in several if getattr(one, "when", None) == "call"]
        properties = [one for report in reports for one in report.user_properties]
        said = Counter(value.partition(":")[0] for name, value in properties if name == PROPERTY)
        counts = ", ".join(f"{count} {what}" for what, count in sorted(said.items())) or "no test uses threads or tasks"
        terminalreporter.write_line(f"interleave explored: {counts}")


class WholeTest:
    """One test that is explored: takes the place of its `setup` and `runtest`."""

    def __init__(self, item: pytest.Function, watch: _Watch) -> None:
        self._item = item
        self._watch = watch
        self._is_concurrent = False
        self._before: Snapshot | None = None
        self._setup, self._runtest = item.setup, item.runtest
        item.setup, item.runtest = self.setup, self.runtest  # type: ignore[method-assign]

    def setup(self) -> None:
        """Set up fixtures of wider scope, then the others, unless those start threads."""
        item = self._item
        known = item._fixtureinfo.name2fixturedefs
        for name in item.fixturenames:
            if known.get(name) and known[name][-1].scope != "function":
                item._request.getfixturevalue(name)
        chosen = _Explored(item).chosen()
        if chosen["isolate"] != "off":
            self._before = Snapshot(Scope(tuple(chosen.get("include", ()))), item.function)
        self._is_concurrent = self._notices(self._setup)

    def runtest(self) -> None:
        """Run the test as ever, or explore it if it is concurrent."""
        if not self._is_concurrent:
            self._is_concurrent = self._notices(self._runtest)
        self._before = None
        if self._is_concurrent:
            self._explore()

    def _explore(self) -> None:
        # What pytest-timeout allows is for one execution; the budget and the watchdog end an exploration.
        if hasattr(self._item.config.hook, "pytest_timeout_cancel_timer"):
            self._item.config.hook.pytest_timeout_cancel_timer(item=self._item)
        schedule = _Explored(self._item)
        try:
            # Also what is said late, when coroutines that were given up are freed, is not for pytest.
            if hasattr(self._item, "addSubTest"):
                self._item.addSubTest = lambda *_: None
            schedule(self._once)
            schedule.close()
        finally:
            self._renew()
            self._say(schedule.said)

    def _notices(self, function: Callable[[], object]) -> bool:
        """Call a part of the test; tell whether it started threads or loops, after which everything is taken down."""
        __tracebackhide__ = True
        parts: list[tuple[Any, ...]] = []
        with self._watch.on():
            try:
                with _subtests_to(self._item, lambda *said: parts.append(said)):
                    function()
            except BaseException as error:
                if not self._watch.has_seen or not isinstance(error, Exception):
                    # It holds much, and a test that failed is not freed soon.
                    self._before = None
                    raise
            if not self._watch.has_seen:
                for said in parts:
                    self._item.addSubTest(*said)  # type: ignore[attr-defined]
                return False
            self._item.__dict__.pop("_excinfo", None)
            # Whatever it raises is of a test that was cut short.
            with suppress(Exception):
                self._tear_down()
        if self._before is not None:
            self._before.put_back()
        return True

    def _once(self) -> None:
        """Be the scenario: what pytest does for a test."""
        item = self._item
        self._renew()
        try:
            self._setup()
            with _subtests_to(item, self._fail_with_part):
                self._runtest()
            failed = item.__dict__.get("_excinfo")
            if failed:
                raise failed[0].value
        finally:
            self._tear_down()

    def _fail_with_part(self, test: Any, _: Any, error: Any) -> None:
        # Coroutines of an execution before may come to their end in this one.
        if error is not None and error[0] is not GeneratorExit:
            self._item.addFailure(test, error)  # type: ignore[attr-defined]

    def _renew(self) -> None:
        """Forget the fixtures and the instance of the last execution, and the records of what it logged."""
        item = self._item
        item._initrequest()
        for one in (one for known in item._fixtureinfo.name2fixturedefs.values() for one in known if one.scope == "function"):
            # Of a fixture that could not be set up, pytest keeps what is to be finished.
            one._finalizers.clear()
        if isinstance(item.parent, pytest.Class):
            item.__dict__.pop("_obj", None)
            item.__dict__.pop("_instance", None)
            # Made anew, since unittest's tests want to forget it at their end.
            item.instance  # noqa: B018
        # Where unittest's tests keep how they ended.
        item.__dict__.pop("_excinfo", None)
        _forget_records(item)

    def _tear_down(self) -> None:
        """Finish the function-scoped fixtures, the last first, and raise what the first that failed raised."""
        from _pytest.tmpdir import tmppath_result_key

        item = self._item
        # What `tmp_path` expects to find at its end.
        item.stash.setdefault(tmppath_result_key, {})
        finalizers = item.session._setupstate.stack[item][0]
        error: BaseException | None = None
        # The first is the item's own.
        while len(finalizers) > 1:
            try:
                finalizers.pop()()
            except BaseException as raised:
                error = error or raised
        if error is not None:
            raise error

    def _say(self, what: str) -> None:
        self._item.user_properties.append((PROPERTY, what))


class _Explored(Schedule):
    """The fixture `schedule` for a test that does not know of it."""

    def __init__(self, item: pytest.Item) -> None:
        super().__init__(SimpleNamespace(node=item, config=item.config))  # type: ignore[arg-type]
        own = self._options
        limits = {} if own.keys() & {"executions", "seconds", "budget"} else {"executions": EXECUTIONS, "seconds": SECONDS}
        bounds = {"hang": HANG} if "budget" in own else {"hang": HANG, "steps": STEPS}
        self._options = {"isolate": "globals", "task_order": "fifo", **bounds, **limits, **own}
        self.said = "not explored"

    def _replay_command(self, seed: str) -> str:
        return shlex.join(["pytest", self._nodeid, "--interleave", f"--interleave-seed={seed}"])

    def _explore(self, scenario: Callable[[], object], options: dict[str, Any]) -> Result:
        __tracebackhide__ = True
        # What may be no more than long is not to take even longer.
        result = super()._explore(scenario, {"shrink": "ended"} | options)
        self.said = f"{result.verdict}: {result.executions} executions"
        return result

    def _replay(self, scenario: Callable[[], object], options: dict[str, Any]) -> Replay | None:
        __tracebackhide__ = True
        self.said = "replayed"
        return super()._replay(scenario, {name: value for name, value in options.items() if name != "budget"})

    def _fail_with(self, failure: Failure | None) -> None:
        __tracebackhide__ = True
        first = failure.message.partition("\n")[0] if failure is not None else ""
        if failure is not None and failure.kind == "nondeterminism":
            self.said = "not repeatable"
            self._warn(f"{self._nodeid} cannot be explored, it does not repeat itself: {'; '.join(failure.outcome.changed) or first}")
        elif failure is not None and failure.kind == "livelock" and first.startswith("no end after"):
            # It may be long, no more.
            self.said = "too long"
            self._warn(f"{self._nodeid} is too long to be explored: {first}")
        elif failure is not None and _is_ever_uncaught(failure):
            self.said = "never caught"
            self._warn(f"{self._nodeid} cannot be explored, nobody catches an exception in its first execution already: {first}")
        else:
            super()._fail_with(failure)

    def chosen(self) -> dict[str, Any]:
        """Return the options of the exploration."""
        return self._chosen({})


def _is_ever_uncaught(failure: Failure) -> bool:
    """Tell whether a thread or task fails without a preemption at once: pytest says so in a warning, and the test passes."""
    return failure.kind == "exception" and failure.outcome.tid != 0 and failure.executions == 1 and failure.preemptions == 0


def _is_able(item: pytest.Function) -> bool:
    """Tell whether a test can be explored from outside."""
    return "schedule" not in item.fixturenames and not hasattr(item.obj, "hypothesis")


@contextmanager
def _subtests_to(item: Any, take: Callable[..., object]) -> Iterator[None]:
    """Give what unittest says of each subtest to a function, not to pytest, which reports it at once."""
    with pytest.MonkeyPatch.context() as patch:
        if hasattr(item, "addSubTest"):
            patch.setattr(item, "addSubTest", take)
        yield


def _has_not_begun(task: asyncio.Task[Any]) -> bool:
    """Tell whether a task has not stepped yet; one with which asyncio itself shuts down a loop does not count."""
    coroutine: Any = task.get_coro()
    is_new = inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
    return is_new and coroutine.cr_code.co_filename != asyncio.base_events.__file__


def _matcher(expression: str | None) -> Callable[[pytest.Item], bool] | None:
    """Return what tells whether a test matches an expression as `-k` takes them, None if there is no expression."""
    if expression is None:
        return None
    from _pytest.mark import KeywordMatcher
    from _pytest.mark.expression import Expression

    try:
        compiled = Expression.compile(expression)
    except SyntaxError as error:
        raise pytest.UsageError(f"Wrong expression passed to '--interleave-match': {expression}: {error}") from None
    return lambda item: compiled.evaluate(KeywordMatcher.from_item(item))


def _forget_records(item: pytest.Item) -> None:
    """Empty what the fixture `caplog` shows."""
    from _pytest.logging import caplog_handler_key, caplog_records_key

    handler = item.stash.get(caplog_handler_key, None)
    if handler is not None:
        handler.reset()
        item.stash[caplog_records_key]["call"] = handler.records
