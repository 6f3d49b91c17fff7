"""`pytest --interleave` on tests that were not written for it, in pytest runs of its own."""

from __future__ import annotations

import re

import pytest

# Runs in this process forget afterwards what they imported; what was imported before they keep.
import interleave.explore
import interleave.pytest_suite
import interleave.report.text
import interleave.strategies.auto  # noqa: F401

pytest_plugins = ["pytester"]

QUIET = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--interleave-no-database")

HEAD = """
import threading
import unittest
import pytest

class Counter:
    def __init__(self):
        self.value = 0

    def add(self):
        self.value += 1

def run_both(function):
    threads = [threading.Thread(target=function) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""

RACE = """
def test_race():
    counter = Counter()
    run_both(counter.add)
    assert counter.value == 2
"""


def run(pytester: pytest.Pytester, code: str, *arguments: str) -> pytest.RunResult:
    """Explore a test module."""
    pytester.makepyfile(test_it=HEAD + code)
    return pytester.runpytest_inprocess(*QUIET, "--interleave", *arguments)


def test_race_is_found_and_replayed(pytester: pytest.Pytester) -> None:
    result = run(pytester, RACE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*FAILED*test_race*assert 1 == 2*", "*lost an update*", "interleave explored: 1 failed"])
    found = re.search(r"pytest test_it.py::test_race --interleave --interleave-seed=(\S+)", result.stdout.str())
    assert found, result.stdout.str()
    again = run(pytester, RACE, f"--interleave-seed={found[1]}")
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["interleave explored: 1 replayed"])


def test_test_without_threads_is_run_once_as_ever(pytester: pytest.Pytester) -> None:
    code = """
calls = []

@pytest.fixture
def broken():
    raise ValueError("in setup")

@pytest.fixture
def late():
    yield
    raise ValueError("in teardown")

def test_passes(capsys, tmp_path, monkeypatch):
    calls.append(1)
    assert len(calls) == 1

def test_fails():
    assert 1 == 2

def test_error(broken):
    pass

def test_late_error(late):
    pass

class TestCase(unittest.TestCase):
    def test_unit(self):
        self.assertEqual(len(calls), 1)
"""
    result = run(pytester, code)
    result.assert_outcomes(passed=3, failed=1, errors=2)
    result.stdout.fnmatch_lines(["*assert 1 == 2*", "interleave explored: no test uses threads or tasks"])


def test_fixtures_of_functions_are_set_up_for_each_execution(pytester: pytest.Pytester) -> None:
    code = """
events = []

@pytest.fixture(scope="module")
def shared():
    thread = threading.Thread(target=print)
    thread.start()
    thread.join()
    events.append("shared")
    yield "shared"

@pytest.fixture
def worker(tmp_path, shared):
    (tmp_path / "new").mkdir()
    stop, seen = threading.Event(), []

    def work():
        stop.wait()
        seen.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    yield stop, seen
    stop.set()
    thread.join()
    assert seen == [1]

class TestIt:
    def setup_method(self):
        self.counter = Counter()
        self.lock = threading.Lock()

    @pytest.mark.parametrize("times", [1, 2])
    def test_locked(self, worker, times, monkeypatch, capsys, caplog):
        monkeypatch.setenv("A", "b")
        assert self.counter.value == 0
        print("out")
        assert capsys.readouterr().out == "out\\n"
        import logging
        logging.getLogger().warning("once")
        assert len(caplog.records) == 1

        def add():
            for _ in range(times):
                with self.lock:
                    self.counter.add()

        run_both(add)
        assert self.counter.value == 2 * times

def test_shared_once():
    assert events == ["shared"]
"""
    result = run(pytester, code, "--interleave-executions=30")
    result.assert_outcomes(passed=3)


def test_unittest_skip_and_xfail(pytester: pytest.Pytester) -> None:
    code = """
class TestCase(unittest.TestCase):
    def setUp(self):
        self.counter = Counter()

    def test_race(self):
        run_both(self.counter.add)
        self.assertEqual(self.counter.value, 2)

    def test_threads(self):
        run_both(lambda: None)
        self.assertEqual(self.counter.value, 0)

    def test_skipped(self):
        run_both(lambda: None)
        self.skipTest("why")

def test_skips():
    run_both(lambda: None)
    pytest.skip("why")

@pytest.mark.xfail(strict=True)
def test_expected():
    counter = Counter()
    run_both(counter.add)
    assert counter.value == 2
"""
    run(pytester, code).assert_outcomes(passed=1, failed=1, skipped=2, xfailed=1)


def test_tests_taken_are_those_marked_or_matched(pytester: pytest.Pytester) -> None:
    code = (
        RACE
        + RACE.replace("test_race", "test_other")
        + """
@pytest.mark.interleave(executions=3, strategy="random")
def test_marked():
    run_both(lambda: None)

def test_own(schedule):
    schedule(lambda: None)
"""
    )
    only_marked = run(pytester, code)
    only_marked.assert_outcomes(passed=4)
    only_marked.stdout.fnmatch_lines(["interleave explored: 1 passed"])
    result = run(pytester, code, "--interleave-match", "race and not other")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["interleave explored: 1 failed, 1 passed"])
    wrong = run(pytester, code, "--interleave-match", "race and")
    wrong.stderr.fnmatch_lines(["*Wrong expression passed to '--interleave-match'*"])


def test_state_is_put_back_and_what_does_not_repeat_itself_is_no_failure(pytester: pytest.Pytester) -> None:
    code = """
import itertools
made, numbers = [], itertools.count(1)

def test_keeps():
    made.append(1)
    run_both(lambda: made.append(1))
    assert len(made) == 3

def test_counts():
    lock = threading.Lock()
    for _ in range(next(numbers)):
        run_both(lock.locked)
"""
    result = run(pytester, code, "-W", "error:test_it.py")
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["*test_it.py::test_counts cannot be explored*`test_it.numbers` was changed by the execution*"])


def test_workers_of_xdist_report_what_they_explored(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=HEAD + RACE)
    result = pytester.runpytest_subprocess(*QUIET, "--interleave", "-n", "1")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["interleave explored: 1 failed"])


def test_asyncio_in_a_test(pytester: pytest.Pytester) -> None:
    code = """
import asyncio

def test_tasks():
    async def main():
        order = []

        async def step(number):
            order.append(number)
            await asyncio.sleep(0)

        await asyncio.gather(step(1), step(2))
        assert order == [1, 2]

    asyncio.run(main())

class TestAsync(unittest.IsolatedAsyncioTestCase):
    async def test_sleep(self):
        await asyncio.sleep(0)
"""
    result = run(pytester, code)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["interleave explored: 2 proven"])


def test_exceptions_that_nobody_ever_catches_are_no_failure_and_those_of_one_order_are(pytester: pytest.Pytester) -> None:
    code = """
import asyncio

def fail():
    raise ZeroDivisionError

def test_thread():
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()

def test_task():
    async def main():
        asyncio.get_running_loop().create_future().set_exception(ZeroDivisionError())
        await asyncio.sleep(0)

    asyncio.run(main())

def test_race():
    values = {"key": 1}

    def use():
        if "key" in values:
            del values["key"]

    run_both(use)
"""
    result = run(pytester, code, "-W", "ignore::pytest.PytestUnraisableExceptionWarning")
    result.assert_outcomes(passed=2, failed=1, warnings=2)
    result.stdout.fnmatch_lines(["*FAILED*test_race*KeyError*", "interleave explored: 1 failed, 2 never caught"])


def test_the_time_limit_of_a_test_is_not_that_of_its_exploration(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
import types

def pytest_addhooks(pluginmanager):
    # As pytest-timeout has it.
    def pytest_timeout_cancel_timer(item):
        pass
    import pytest
    pytest_timeout_cancel_timer = pytest.hookspec(firstresult=True)(pytest_timeout_cancel_timer)
    pluginmanager.add_hookspecs(types.SimpleNamespace(pytest_timeout_cancel_timer=pytest_timeout_cancel_timer))

def pytest_timeout_cancel_timer(item):
    print("cancelled", item.name)
    return True
"""
    )
    code = """
def test_explored():
    run_both(lambda: None)

def test_run_once():
    pass
"""
    result = run(pytester, code, "-s")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*cancelled test_explored*"])
    result.stdout.no_fnmatch_line("*cancelled test_run_once*")


def test_fixtures_that_wait_for_a_thread_which_could_not_be_started_do_not_hang(pytester: pytest.Pytester) -> None:
    code = """
@pytest.fixture
def stopped():
    done = threading.Event()
    yield done
    done.wait()

def test_stops(stopped):
    thread = threading.Thread(target=stopped.set)
    thread.start()
    thread.join()
"""
    result = run(pytester, code)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["interleave explored: 1 proven"])


def test_fixtures_that_start_threads_may_need_wider_ones(pytester: pytest.Pytester) -> None:
    # What was left of the fixture that could not start its thread made pytest 9 fail in the next execution.
    code = """
@pytest.fixture(scope="module")
def counter():
    return Counter()

@pytest.fixture
def started(counter):
    run_both(lambda: None)
    return counter

def test_started(started):
    assert started.value == 0
"""
    result = run(pytester, code)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["interleave explored: 1 proven"])
