"""Seeds kept in `.interleave/`: tried first, replaced where code changed, dropped when they do not fail any more."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from interleave.arguments import seed_options
from interleave.database import Database, explore_remembering
from interleave.explore import explore, replay
from interleave.result import Budget

pytest_plugins = ["pytester"]


class Counter:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value = 0

    def add(self) -> None:
        self.value += 1

    def add_logged(self) -> None:
        seen = self.value
        self.value = seen + 1

    def add_locked(self) -> None:
        with self.lock:
            self.value += 1


#: What the threads of the scenario do; exchanged by tests, as an editor would.
version = Counter.add


def scenario() -> None:
    counter = Counter()
    threads = [threading.Thread(target=version, args=(counter,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.value == 2


@pytest.fixture(autouse=True)
def _first_version() -> None:
    use("add")


def use(name: str) -> None:
    global version
    version = getattr(Counter, name)


def kept(folder: Path) -> list[str]:
    return Database(folder, "m:scenario", "").seeds


def test_found_seed_is_kept_and_tried_first(tmp_path: Path) -> None:
    first = explore_remembering(scenario, tmp_path, "m:scenario", name="m:scenario", strategy="random")
    assert first.failure is not None
    assert kept(tmp_path) == [first.failure.seed]
    second = explore_remembering(scenario, tmp_path, "m:scenario", name="m:scenario", strategy="random")
    assert second.failure is not None
    assert (second.failure.seed, second.executions, second.strategy) == (first.failure.seed, 1, "replay")


def test_seed_that_fails_no_more_is_dropped_and_costs_no_budget(tmp_path: Path) -> None:
    explore_remembering(scenario, tmp_path, "m:scenario", name="m:scenario")
    use("add_locked")
    result = explore_remembering(scenario, tmp_path, "m:scenario", name="m:scenario", strategy="random", budget=Budget(executions=7))
    assert (result.verdict, result.executions) == ("passed", 7)
    assert kept(tmp_path) == []
    assert not list((tmp_path / ".interleave").iterdir())


def test_seed_whose_code_changed_is_replaced_by_one_of_now(tmp_path: Path) -> None:
    old = explore_remembering(scenario, tmp_path, "m:scenario", name="m:scenario").failure
    use("add_logged")
    new = explore_remembering(scenario, tmp_path, "m:scenario", name="m:scenario")
    assert old is not None
    assert new.failure is not None
    assert new.failure.seed != old.seed
    assert kept(tmp_path) == [new.failure.seed]
    replayed = replay(scenario, new.failure.seed, name="m:scenario")
    assert replayed.failure is not None


def test_seeds_found_under_other_options_are_left_alone(tmp_path: Path) -> None:
    explore_remembering(scenario, tmp_path, "m:scenario", name="m:scenario", timeouts="any")
    use("add_locked")
    explore_remembering(scenario, tmp_path, "m:scenario", name="m:scenario")
    assert kept(tmp_path) == []
    assert len(Database(tmp_path, "m:scenario", " ".join(seed_options({"timeouts": "any"}))).seeds) == 1


def test_further_failures_are_looked_for_when_going_on(tmp_path: Path) -> None:
    first = explore_remembering(scenario, tmp_path, "m:scenario", name="m:scenario")
    assert first.failure is not None
    options = {"name": "m:scenario", "strategy": "random", "budget": Budget(executions=20), "stop_on_failure": False}
    result = explore_remembering(scenario, tmp_path, "m:scenario", **options)
    assert result.executions == 20
    assert [failure.seed for failure in result.failures] == [first.failure.seed]


def test_file_is_text_with_one_seed_a_line(tmp_path: Path) -> None:
    failure = explore_remembering(scenario, tmp_path, "m:scenario", name="m:scenario").failure
    assert failure is not None
    head, line = (tmp_path / ".interleave" / "m.scenario.txt").read_text(encoding="utf-8").splitlines()
    assert head.startswith("# Seeds with which m:scenario failed.")
    assert line.startswith(f"{failure.seed} # assertion: ")


def test_damaged_lines_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / ".interleave").mkdir()
    (tmp_path / ".interleave" / "m.scenario.txt").write_text("il2-xyz # cut\nrubbish\n\n<<<<<<< ours\n", encoding="utf-8")
    result = explore_remembering(scenario, tmp_path, "m:scenario", name="m:scenario")
    assert result.failure is not None
    assert kept(tmp_path) == [result.failure.seed]


def test_scenarios_whose_names_differ_in_signs_have_files_of_their_own(tmp_path: Path) -> None:
    names = ["a/t.py::test[x y]", "a/t.py::test[x-y]", "a/t.py::test[x_y]", "a_t.py::test[x_y]", "m:f", "m.f"]
    assert len({Database(tmp_path, name, "").file for name in names}) == len(names) - 1


def test_lenient_replay_says_where_it_left_the_path() -> None:
    failure = explore(scenario, name="m:scenario").failure
    assert failure is not None
    assert replay(scenario, failure.seed, name="m:scenario", lenient=True).left_path == ""
    use("add_locked")
    replayed = replay(scenario, failure.seed, name="m:scenario", lenient=True)
    assert replayed.failure is None
    assert replayed.left_path.startswith("step ")
    assert "test_database.py:" in replayed.left_path


PROGRAM = """
import threading

class Counter:
    def __init__(self):
        self.value = 0

    def add(self):
        self.value += 1

def scenario_race():
    counter = Counter()
    threads = [threading.Thread(target=counter.add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.value == 2
"""


def test_command_line_keeps_seeds_unless_told_not_to(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")

    def explored(*options: str) -> tuple[str, str]:
        command = [sys.executable, "-m", "interleave", "explore", "program", "--json", "-", *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        (one,) = json.loads(done.stdout)["scenarios"]
        return one["strategy"], one["failures"][0]["seed"]

    first = explored("--no-database", "--strategy", "random")
    assert not (tmp_path / ".interleave").exists()
    assert explored("--strategy", "random") == first
    assert explored("--strategy", "random") == ("replay", first[1])
    assert explored("--strategy", "random", "--no-database") == first
    # Moved lines do not matter.
    (tmp_path / "program.py").write_text(PROGRAM.replace("class", "# A comment\n\n\nclass"), encoding="utf-8")
    assert explored("--strategy", "random") == ("replay", first[1])


TEST = """
from program import scenario_race

def test_race(schedule):
    @schedule
    def scenario():
        scenario_race()
"""
QUIET = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")


@pytest.mark.thorough
def test_pytest_keeps_seeds_and_pins_them(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(program=PROGRAM, test_it=TEST)
    pytester.syspathinsert()
    pytester.runpytest_subprocess(*QUIET, "--interleave-no-database").assert_outcomes(failed=1)
    assert not (pytester.path / ".interleave").exists()
    pytester.runpytest_subprocess(*QUIET).assert_outcomes(failed=1)
    (file,) = (pytester.path / ".interleave").iterdir()
    seed = file.read_text(encoding="utf-8").splitlines()[1].split()[0]
    # One execution finds it, where the strategy would not.
    again = pytester.runpytest_subprocess(*QUIET, "--interleave-strategy=random", "--interleave-executions=1")
    again.assert_outcomes(failed=1)
    assert seed in again.stdout.str()

    pinned = TEST.replace("    @schedule\n", f"    @schedule(executions=1, strategy='random')\n    @schedule.regression({seed!r})\n")
    pytester.makepyfile(test_it=pinned)
    done = pytester.runpytest_subprocess(*QUIET, "--interleave-no-database")
    done.assert_outcomes(failed=1)
    assert seed in done.stdout.str()
    # Repaired: it passes, and says that the code is not what it was.
    pytester.makepyfile(
        program=PROGRAM.replace("self.value += 1", "with lock: self.value += 1").replace(
            "import threading", "import threading\nlock = threading.Lock()"
        )
    )
    done = pytester.runpytest_subprocess(*QUIET)
    done.assert_outcomes(passed=1, warnings=1)
    assert "left its path at" in done.stdout.str()
    assert not list((pytester.path / ".interleave").iterdir())


def test_a_seed_that_is_none_is_an_error_of_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(schedule):\n    @schedule.regression('il2-nonsense')\n    def scenario(): pass\n")
    done = pytester.runpytest_subprocess(*QUIET)
    done.assert_outcomes(failed=1)
    assert "seed" in done.stdout.str()
