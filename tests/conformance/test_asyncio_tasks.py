"""The interpreter's tests of asyncio's tasks (`test.test_asyncio.test_tasks`), under control, on an event loop of ours.

Its test cases make a `TestLoop`, whose time is moved by a generator of each test; here `new_test_loop` makes a loop of ours, whose time
moves by itself, and the generator is not asked. They run with the tasks and futures that are written in C and with those in Python.
"""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from interleave.event_loop.loop import EventLoop

from . import harness
from .harness import Case, cases_of, conform, methods, share_of, unknown_names

pytest.importorskip("test.test_asyncio", reason="this interpreter comes without its test package")
utils: Any = importlib.import_module("test.test_asyncio.utils")
CASES: tuple[Any, ...] = tuple(cases_of("test_tasks"))

_SAME_TIME = 'two timers that are due at exactly the same time, of which "the order in which they are called is undefined" (`loop.call_at`)'
#: By test method, in whatever order: why it is no test of what is run here.
EXCLUDED: dict[str, str] = {
    "test_env_var_debug": "runs other processes",
    "test_error_in_call_soon": "looks into the log: a task that is destroyed pending fails the execution here",
    "test_log_destroyed_pending_task": "calls `_run_once`, a private method of a loop that it has made itself",
    "test_stop_while_run_in_complete": "its `TestLoop` has its time go on when a timer is set, not when one is due",
    "test_wait_concurrent_complete": _SAME_TIME,
    "test_as_completed_reverse_wait": "goes through a set of coroutines, or of tasks of types of the case: their hash is the address",
}
#: By test method: tests that are left out where any ready task may step next. The documentation promises no order of tasks that are ready:
#: `create_task` is to "schedule its execution", and `sleep(0)` is an "optimized path to allow other tasks to run", not all of them and not
#: each by one step. All of these are run in the order in which tasks become ready.
_BRIEFLY = "runs the loop for the time of another task, or of one `sleep(0)`, and asserts that the task under test has come to its await"
IN_ORDER_ONLY: dict[str, str] = {
    "test_cancel_awaited_task": _BRIEFLY,
    "test_cancel_gather_1": _BRIEFLY,
    "test_cancel_traceback_for_future_exception": _BRIEFLY,
    "test_cancel_traceback_for_future_result": _BRIEFLY,
    "test_cancel_yield": _BRIEFLY,
    "test_exception_traceback": _BRIEFLY,
    "test_exception_marking": _BRIEFLY,
    "test_wait_really_done": "of two tasks of one and of two `sleep(0)`, asserts that the one is done and the other is not",
}


class _Loop(EventLoop):
    """What these tests ask of a `TestLoop`; its time begins at 0."""

    def __init__(self) -> None:
        super().__init__()
        self._kernel.clock.now = 0.0

    @property
    def _ready(self) -> list[Any]:
        ready = self.scheduler.ready
        return [one for actor in (ready.plain, *ready.by_tid.values()) for one in actor.handles]

    @_ready.setter
    def _ready(self, _: Any) -> None:
        """Take in what the constructor of asyncio's loops assigns, and forget it."""

    def advance_time(self, seconds: float) -> None:
        self._kernel.clock.now += seconds


def _new_test_loop(self: Any, gen: Any = None) -> Any:
    loop = _Loop()
    self.set_event_loop(loop)
    return loop


@pytest.fixture(autouse=True)
def loops_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utils.TestCase, "new_test_loop", _new_test_loop)


@pytest.mark.slow
@pytest.mark.parametrize(("case", "name"), list(methods(CASES, EXCLUDED)))
def test_conforms_in_order(case: Case, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "SCHEDULES", 5)
    conform(case, name, task_order="fifo")


@pytest.mark.slow
@pytest.mark.parametrize(("case", "name"), list(methods(CASES, {**EXCLUDED, **IN_ORDER_ONLY})))
def test_conforms_in_any_order(case: Case, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "SCHEDULES", 20)
    conform(case, name)


@pytest.mark.parametrize(("case", "name"), share_of(methods(CASES, {**EXCLUDED, **IN_ORDER_ONLY}), every=80))
def test_a_share_conforms(case: Case, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "SCHEDULES", 5)
    conform(case, name)


def test_every_exclusion_names_a_test() -> None:
    assert not unknown_names(CASES, {**EXCLUDED, **IN_ORDER_ONLY})
