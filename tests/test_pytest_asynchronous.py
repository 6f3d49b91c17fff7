"""`async def` scenarios from tests of all kinds, and the fixture `run_concurrent`, in pytest runs of their own."""

from __future__ import annotations

import importlib.util
import re

import pytest
from test_pytest_plugin import QUIET, seed_in

pytest_plugins = ["pytester"]

SESSIONS = """
import asyncio
import threading
import time

import pytest

class Sessions:
    def __init__(self):
        self.count = 0
        self.lock = threading.Lock()

    async def open(self):
        count = self.count
        await asyncio.sleep(0)
        self.count = count + 1
        return self.count

    def enter(self):
        with self.lock:
            self.count += 1
            return self.count

async def open_two():
    sessions = Sessions()
    await asyncio.gather(sessions.open(), sessions.open())
    assert sessions.count == 2
"""
IN_ASYNC_TESTS = """
{mark}
async def test_found(schedule):
    await asyncio.sleep(0)
    schedule(open_two)

{mark}
async def test_passed(schedule):
    before = asyncio.current_task()
    @schedule
    async def scenario():
        await asyncio.gather(asyncio.sleep(1), asyncio.sleep(1))
    assert asyncio.current_task() is before
    await asyncio.sleep(0)

{mark}
async def test_together(run_concurrent):
    async def one():
        return await asyncio.sleep(1, "one")
    assert run_concurrent(one, lambda: "two") == ["one", "two"]
"""


def run(pytester: pytest.Pytester, code: str, *arguments: str) -> pytest.RunResult:
    """Run a test module, with the sessions before it."""
    pytester.makepyfile(test_it=SESSIONS + code)
    return pytester.runpytest_inprocess(*QUIET, "--interleave-executions=30", *arguments)


def test_schedule_from_a_test_that_is_not_async(pytester: pytest.Pytester) -> None:
    code = """
def test_found(schedule):
    schedule(open_two)

def test_passed(schedule):
    @schedule
    async def scenario():
        await asyncio.sleep(1)
"""
    result = run(pytester, code)
    result.assert_outcomes(passed=1, failed=1)
    again = run(pytester, code, f"--interleave-seed={seed_in(result)}", "-k", "found")
    again.assert_outcomes(failed=1, deselected=1)


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_schedule_from_a_test_of_pytest_asyncio(pytester: pytest.Pytester, mode: str) -> None:
    pytest.importorskip("pytest_asyncio")
    options = ("-o", f"asyncio_mode={mode}", "-o", "asyncio_default_fixture_loop_scope=function")
    result = run(pytester, IN_ASYNC_TESTS.format(mark="@pytest.mark.asyncio" if mode == "strict" else ""), *options)
    result.assert_outcomes(passed=2, failed=1)
    again = run(
        pytester, IN_ASYNC_TESTS.format(mark="@pytest.mark.asyncio"), *options, f"--interleave-seed={seed_in(result)}", "-k", "found"
    )
    again.assert_outcomes(failed=1, deselected=2)


def test_schedule_from_a_test_of_anyio(pytester: pytest.Pytester) -> None:
    pytest.importorskip("anyio")
    backend = '\n@pytest.fixture\ndef anyio_backend():\n    return "asyncio"\n'
    has_other = importlib.util.find_spec("pytest_asyncio") is not None
    options = ("-o", "asyncio_default_fixture_loop_scope=function") if has_other else ()
    result = run(pytester, backend + IN_ASYNC_TESTS.format(mark="@pytest.mark.anyio"), *options)
    result.assert_outcomes(passed=2, failed=1)


class TestRunConcurrent:
    """Threads, tasks and both, each to its end."""

    def test_results_come_in_order(self, pytester: pytest.Pytester) -> None:
        code = """
def test_threads(run_concurrent):
    assert run_concurrent(lambda: time.sleep(2), lambda: "b") == [None, "b"]

def test_tasks(run_concurrent):
    async def wait():
        return await asyncio.sleep(9, "waited")
    async def go():
        return "gone"
    assert run_concurrent(wait, go) == ["waited", "gone"]

def test_both(run_concurrent):
    async def wait():
        return await asyncio.sleep(1, "task")
    def sleep():
        time.sleep(2)
        return "thread"
    assert run_concurrent(sleep, wait, sleep) == ["thread", "task", "thread"]
"""
        run(pytester, code).assert_outcomes(passed=3)

    def test_every_order_is_explored_from_the_same_state(self, pytester: pytest.Pytester) -> None:
        code = """
def test_safe(run_concurrent):
    sessions = Sessions()
    seen = set()
    def check(results):
        assert sorted(results) == [1, 2]
        assert sessions.count == 2
    run_concurrent(sessions.enter, sessions.enter, check=check, strategy="dpor")
    assert sessions.count == 0

def test_racy(run_concurrent):
    sessions = Sessions()
    def check(results):
        assert sessions.count == 2
    run_concurrent(sessions.open, sessions.open, check=check)
"""
        result = run(pytester, code)
        result.assert_outcomes(passed=1, failed=1)
        result.stdout.fnmatch_lines(["*lost an update*", "*test_it.py::test_racy --interleave-seed=*"])
        run(pytester, code, f"--interleave-seed={seed_in(result)}", "-k", "racy").assert_outcomes(failed=1, deselected=1)

    def test_who_does_not_end_in_time_is_named(self, pytester: pytest.Pytester) -> None:
        code = """
def test_task(run_concurrent):
    async def forget():
        await asyncio.sleep(11)
    async def go():
        pass
    run_concurrent(go, forget)

def test_thread(run_concurrent):
    def dream():
        time.sleep(11)
    run_concurrent(dream, lambda: None)

def test_in_time(run_concurrent):
    run_concurrent(lambda: time.sleep(11), timeout=12)
"""
        result = run(pytester, code)
        result.assert_outcomes(passed=1, failed=2)
        result.stdout.fnmatch_lines(["*TimeoutError: 'forget' has not ended after 10 s of virtual time*"])
        result.stdout.fnmatch_lines(["*TimeoutError: 'dream' has not ended after 10 s of virtual time*"])

    def test_what_one_of_them_raises_fails_the_test(self, pytester: pytest.Pytester) -> None:
        code = """
def boom():
    time.sleep(1)
    raise ValueError("boom")

async def boom_soon():
    boom()

async def wait():
    await asyncio.sleep(20)

def test_thread(run_concurrent):
    run_concurrent(boom, lambda: None)

def test_task(run_concurrent):
    run_concurrent(wait, boom_soon)

def test_thread_beside_a_task(run_concurrent):
    run_concurrent(wait, boom)

def test_called_too_early(run_concurrent):
    run_concurrent(time.time())
"""
        result = run(pytester, code)
        result.assert_outcomes(failed=4)
        # The summary at the end has them as well, cut off or not.
        assert len(re.findall(r"^FAILED \S+: exception: ValueError: boom", result.stdout.str(), re.MULTILINE)) == 3
        result.stdout.fnmatch_lines(["*run_concurrent takes functions: run_concurrent(f, g), not run_concurrent(f(), g())*"])
