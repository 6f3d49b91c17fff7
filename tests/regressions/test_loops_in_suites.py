"""`pytest --interleave` ran loops to their end to see what a test does: one that waited for a thread which could not be started hung for
ever. Processes that a test forked could start no threads either. What `asyncio.run` says of a task when it shuts down was put down to the
thread that ran it, and so a failure where the test passes with a line in the log. Subtests were reported for every execution."""

from __future__ import annotations

import pytest

from tests.test_pytest_suite import run

pytest_plugins = ["pytester"]


def test_loops_that_wait_for_a_thread_which_could_not_be_started_do_not_hang(pytester: pytest.Pytester) -> None:
    code = """
import asyncio

def test_waits():
    async def main():
        started = asyncio.Event()
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(asyncio.to_thread(loop.call_soon_threadsafe, started.set))
        await started.wait()
        await task

    asyncio.run(main())
"""
    result = run(pytester, code)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["interleave explored: 1 p*"])


def test_processes_that_a_test_forks_run_as_ever(pytester: pytest.Pytester) -> None:
    code = """
import asyncio
import os

def test_forks():
    child = os.fork()
    if not child:
        try:
            run_both(lambda: asyncio.run(asyncio.sleep(0)))
            os._exit(3)
        finally:
            os._exit(4)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
"""
    result = run(pytester, code)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["interleave explored: no test uses threads or tasks"])


def test_exception_of_a_task_that_a_loop_speaks_of_when_it_shuts_down_is_of_the_task(pytester: pytest.Pytester) -> None:
    code = """
import asyncio

def test_breaks_at_the_end():
    async def broken():
        try:
            await asyncio.sleep(1)
        finally:
            raise ValueError("broken")

    async def main():
        main.task = asyncio.create_task(broken())
        await asyncio.sleep(0)

    asyncio.run(main())
"""
    result = run(pytester, code)
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*nobody catches*ValueError: broken*", "interleave explored: 1 never caught"])


def test_subtests_fail_with_their_test(pytester: pytest.Pytester) -> None:
    code = """
class TestParts(unittest.TestCase):
    def test_passes(self):
        for part in range(2):
            with self.subTest(part=part):
                run_both(lambda: None)

    def test_races(self):
        with self.subTest(part=1):
            counter = Counter()
            run_both(counter.add)
            assert counter.value == 2

    def test_fails_as_ever(self):
        with self.subTest(part=1):
            assert not "as ever"
"""
    result = run(pytester, code)
    result.stdout.fnmatch_lines(["*as ever*", "*FAILED*test_races*assert 1 == 2*", "interleave explored: 1 failed, 1 proven"])
    result.stdout.no_fnmatch_line("*FAILED*test_passes*")
