"""The fixture `schedule`, in pytest runs of its own."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

# Runs in this process forget afterwards what they imported; what was imported before they keep.
import interleave.explore
import interleave.report.text
import interleave.strategies.auto  # noqa: F401

pytest_plugins = ["pytester"]

#: Hypothesis imports itself at the end of every run, which takes longer than most tests here.
QUIET = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")

#: Put before every test module: a counter that loses updates unless it is locked.
COUNTER = """
import threading
import pytest

class Counter:
    def __init__(self, lock=None):
        self.value = 0
        self.lock = lock

    def add(self):
        if self.lock is None:
            self.value += 1
        else:
            with self.lock:
                self.value += 1

def run_both(function):
    threads = [threading.Thread(target=function) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""

RACE = """
def test_race(schedule):
    @schedule
    def scenario():
        counter = Counter()
        run_both(counter.add)
        assert counter.value == 2
"""


def run(pytester: pytest.Pytester, code: str, *arguments: str) -> pytest.RunResult:
    """Run a test module, with the counter before it."""
    pytester.makepyfile(test_it=COUNTER + code)
    return pytester.runpytest_inprocess(*QUIET, *arguments)


def seed_in(result: pytest.RunResult) -> str:
    """Return the seed of the replay command in a report."""
    found = re.search(r"--interleave-seed=(\S+)", result.stdout.str())
    assert found, result.stdout.str()
    return found[1]


def test_failing_test_shows_the_report_and_nothing_of_ours(pytester: pytest.Pytester) -> None:
    result = run(pytester, RACE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*FAILED*test_race*",
            "*Found after*",
            "*self.value += 1*",
            "Seed",
            "Replay",
            "*pytest test_it.py::test_race --interleave-seed=il*",
        ]
    )
    text = result.stdout.str()
    assert "pytest_plugin.py" not in text
    assert "explore.py" not in text
    assert "exploration.py" not in text
    assert "kernel.py" not in text


def test_assertion_rewriting_works_inside_scenarios(pytester: pytest.Pytester) -> None:
    result = run(pytester, RACE)
    result.stdout.fnmatch_lines(["*assert 1 == 2*", "*where 1 = *Counter object*.value*"])


def test_printed_command_replays_in_a_fresh_process(pytester: pytest.Pytester) -> None:
    text = run(pytester, RACE).stdout.str()
    command = text[text.rindex("pytest test_it.py") :].splitlines()[0]
    words = shlex.split(command)
    done = subprocess.run([sys.executable, "-m", *words, *QUIET], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "assert 1 == 2" in done.stdout


def test_printed_command_is_for_the_folder_it_was_printed_in(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makeini("[pytest]")
    pytester.makepyfile(test_it=COUNTER + RACE)
    monkeypatch.chdir(pytester.mkdir("below"))
    text = pytester.runpytest_subprocess(*QUIET, "..").stdout.str()
    command = next(line for line in text.splitlines() if line.startswith("  pytest "))
    assert command.startswith("  pytest ../test_it.py::test_race --interleave-seed=")


def test_seed_replays_one_schedule_and_no_more(pytester: pytest.Pytester) -> None:
    counting = RACE.replace("        counter = Counter()", "        print('one execution')\n        counter = Counter()")
    seed = seed_in(run(pytester, counting))
    result = run(pytester, counting, f"--interleave-seed={seed}")
    result.assert_outcomes(failed=1)
    assert result.stdout.str().count("one execution") == 1


def test_seed_does_not_fit_changed_code_and_says_where(pytester: pytest.Pytester) -> None:
    seed = seed_in(run(pytester, RACE))
    result = run(pytester, RACE.replace("counter = Counter()", "counter = Counter(threading.Lock())"), f"--interleave-seed={seed}")
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines([r"E .*ReplayMismatch: .*step \d+.*test_it.py:\d+"])
    assert "explore.py" not in result.stdout.str()
    assert "exploration.py" not in result.stdout.str()


def test_seed_that_fits_no_scenario_of_a_test_is_an_error(pytester: pytest.Pytester) -> None:
    seed = seed_in(run(pytester, RACE))
    other = RACE.replace("test_race", "test_other").replace("counter = Counter()", "counter = Counter(threading.Lock())")
    result = run(pytester, other, f"--interleave-seed={seed}")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*--interleave-seed fits no scenario of this test*"])


def test_second_scenario_of_a_test_has_a_seed_of_its_own(pytester: pytest.Pytester) -> None:
    code = """
def test_two(schedule):
    @schedule
    def first():
        run_both(Counter(threading.Lock()).add)

    @schedule
    def second():
        counter = Counter()
        run_both(counter.add)
        assert counter.value == 2
"""
    result = run(pytester, code)
    result.assert_outcomes(failed=1)
    again = run(pytester, code, f"--interleave-seed={seed_in(result)}")
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["*FAILED test_it.py::test_two#2: assertion*"])


def test_call_returns_the_result(pytester: pytest.Pytester) -> None:
    code = """
def test_proven(schedule):
    result = schedule(lambda: run_both(Counter(threading.Lock()).add), strategy="dfs")
    assert (result.verdict, result.exhausted) == ("proven", True)

def test_sampled(schedule):
    @schedule(strategy="random", executions=13)
    def result():
        run_both(Counter(threading.Lock()).add)
    assert (result.verdict, result.executions, result.strategy) == ("passed", 13, "random")

def test_failure_can_be_expected(schedule):
    from interleave import CheckFailed
    def scenario():
        counter = Counter()
        run_both(counter.add)
        assert counter.value == 2
    with pytest.raises(CheckFailed, match="assertion") as caught:
        schedule(scenario)
    assert caught.value.failure.kind == "assertion"
"""
    run(pytester, code).assert_outcomes(passed=3)


def test_mark_can_stop_at_saturation(pytester: pytest.Pytester) -> None:
    code = """
@pytest.mark.interleave(strategy="random", unseen=0.02)
def test_saturated(schedule):
    result = schedule(lambda: run_both(Counter(threading.Lock()).add))
    assert (result.verdict, result.stopped_by) == ("passed", "saturated")
    assert schedule(lambda: run_both(Counter(threading.Lock()).add), executions=9).stopped_by == "executions"
"""
    run(pytester, code).assert_outcomes(passed=1)


def test_outcomes_of_pytest_inside_scenarios(pytester: pytest.Pytester) -> None:
    code = """
def test_skip(schedule):
    schedule(lambda: pytest.skip("not here"))

def test_fail(schedule):
    schedule(lambda: pytest.fail("because"))

def test_raises(schedule):
    @schedule
    def scenario():
        with pytest.raises(ZeroDivisionError):
            1 / 0
"""
    result = run(pytester, code)
    result.assert_outcomes(skipped=1, failed=1, passed=1)
    result.stdout.fnmatch_lines(["*FAILED test_it.py::test_fail: *because*"])


def test_composes_with_fixtures_parametrize_and_classes(pytester: pytest.Pytester) -> None:
    code = """
@pytest.fixture
def counter():
    return Counter(threading.Lock())

class TestCounter:
    @pytest.mark.parametrize("number", [1, 2])
    def test_sum(self, schedule, counter, number, tmp_path):
        @schedule
        def scenario():
            before = counter.value
            run_both(lambda: [counter.add() for _ in range(number)])
            assert counter.value == before + 2 * number

    @pytest.mark.parametrize("lock", ["a/b", None])
    def test_lock(self, schedule, lock):
        @schedule
        def scenario():
            counter = Counter(lock and threading.Lock())
            run_both(counter.add)
            assert counter.value == 2
"""
    result = run(pytester, code)
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*FAILED test_it.py::TestCounter::test_lock?None?: assertion*"])


def test_marks_from_outside_in_then_arguments_then_command_line(pytester: pytest.Pytester) -> None:
    code = """
pytestmark = pytest.mark.interleave(executions=5, strategy="random")

def locked():
    run_both(Counter(threading.Lock()).add)

def test_module(schedule, request):
    print("module", schedule(locked).executions)

@pytest.mark.interleave(executions=6)
class TestInner:
    def test_class(self, schedule):
        print("class", schedule(locked).executions)

    @pytest.mark.interleave(executions=7)
    def test_function(self, schedule):
        print("function", schedule(locked).executions)

    def test_argument(self, schedule):
        result = schedule(locked, executions=8)
        print("argument", result.executions, result.strategy)
"""
    result = run(pytester, code, "-s")
    result.stdout.fnmatch_lines(["*module 5*", "*class 6*", "*function 7*", "*argument 8 random*"])
    result = run(pytester, code, "-s", "--interleave-executions=3", "--interleave-strategy=pct")
    result.stdout.fnmatch_lines(["*module 3*", "*class 3*", "*function 3*", "*argument 3 pct*"])


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("schedule(locked, executoins=3)", "schedule has no option 'executoins'"),
        ("schedule(locked, strategy='luck')", "luck"),
        ("schedule(lambda value: None)", "argument"),
    ],
)
def test_misuse_is_named(pytester: pytest.Pytester, call: str, expected: str) -> None:
    code = f"""
def locked():
    run_both(Counter(threading.Lock()).add)

def test_misuse(schedule):
    {call}
"""
    result = run(pytester, code)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E *UsageError: *{expected}*"])
    assert "explore.py" not in result.stdout.str()
    assert "exploration.py" not in result.stdout.str()


@pytest.mark.thorough
def test_works_under_xdist(pytester: pytest.Pytester) -> None:
    code = RACE + RACE.replace("test_race", "test_other").replace("Counter()", "Counter(threading.Lock())")
    pytester.makepyfile(test_it=COUNTER + code)
    result = pytester.runpytest_subprocess(*QUIET, "-n", "2")
    result.assert_outcomes(passed=1, failed=1)
    seed = seed_in(result)
    alone = pytester.runpytest_subprocess(*QUIET, "test_it.py::test_race", f"--interleave-seed={seed}")
    alone.assert_outcomes(failed=1)


def test_costs_nothing_until_used(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys
        def test_nothing():
            ours = {name for name in sys.modules if name.split(".")[0] == "interleave"}
            assert ours <= {"interleave", "interleave.pytest_plugin", "interleave.errors"}
            assert not {"greenlet", "networkx", "bytecode", "click"} & set(sys.modules)
        def test_given_but_not_called(schedule):
            assert "interleave.explore" not in sys.modules
    """)
    pytester.runpytest_subprocess(*QUIET).assert_outcomes(passed=2)


def test_help_names_the_options(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("--help")
    result.stdout.fnmatch_lines(["*--interleave-seed=SEED*"])
    assert "interleave(executions, seconds" in pytester.runpytest_inprocess("--markers").stdout.str()
