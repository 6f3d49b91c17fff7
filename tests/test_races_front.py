"""Races as the command line and the pytest fixture show them."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from interleave.cli import cli
from tests.test_pytest_plugin import run as run_pytest
from tests.test_pytest_plugin import seed_in

pytest_plugins = ["pytester"]

PROGRAM = """
import threading


class Counter:
    value = 0

    def add(self):
        self.value += 1


def scenario_count():
    counter = Counter()
    threads = [threading.Thread(target=counter.add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""

COUNT = """
def test_count(schedule):
    @schedule
    def scenario():
        counter = Counter()
        run_both(counter.add)
"""


@pytest.fixture
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "counting.py").write_text(PROGRAM, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield
    sys.modules.pop("counting", None)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="python -m interleave")


@pytest.mark.usefixtures("_folder")
class TestCommandLine:
    def test_reported_race_does_not_fail_and_its_seed_shows_it(self) -> None:
        result = run("explore", "counting", "--json", "-")
        assert result.exit_code == 0
        (scenario,) = json.loads(result.stdout)["scenarios"]
        assert (scenario["verdict"], scenario["failures"]) == ("proven", [])
        (race,) = scenario["races"]
        assert (race["severity"], race["pattern"], race["place"]) == ("harmful", "read-write-write", "Counter.value")
        assert race["seed"] in race["replay"]
        again = run("replay", "counting", race["seed"])
        assert again.exit_code == 1
        assert "race: lost update of Counter.value" in again.stdout
        quiet = run("replay", "counting", race["seed"], "--races", "report")
        assert quiet.exit_code == 0
        assert "harmful race: lost update of Counter.value" in quiet.stdout

    def test_option_makes_it_a_failure(self) -> None:
        result = run("explore", "counting", "--races", "harmful", "--json", "-")
        assert result.exit_code == 1
        (failure,) = json.loads(result.stdout)["scenarios"][0]["failures"]
        assert (failure["kind"], failure["preemptions"]) == ("race", 1)
        assert run("replay", "counting", failure["seed"]).exit_code == 1

    def test_off_says_nothing(self) -> None:
        assert "race" not in run("explore", "counting", "--races", "off").stdout


class TestFixture:
    def test_reported_race_is_a_warning_with_its_replay(self, pytester: pytest.Pytester) -> None:
        # What other tests left (coroutines that were never awaited) would else be collected inside, and warn there.
        gc.collect()
        result = run_pytest(pytester, COUNT)
        result.assert_outcomes(passed=1, warnings=1)
        result.stdout.fnmatch_lines(["*has a harmful race: lost update of Counter.value*"])
        again = run_pytest(pytester, COUNT, f"--interleave-seed={seed_in(result)}")
        again.assert_outcomes(failed=1)
        again.stdout.fnmatch_lines(["*race: lost update of Counter.value*"])

    def test_mark_makes_it_a_failure(self, pytester: pytest.Pytester) -> None:
        marked = '@pytest.mark.interleave(races="harmful")' + COUNT
        result = run_pytest(pytester, marked)
        result.assert_outcomes(failed=1)
        run_pytest(pytester, marked, f"--interleave-seed={seed_in(result)}").assert_outcomes(failed=1)

    def test_off_is_silent(self, pytester: pytest.Pytester) -> None:
        run_pytest(pytester, COUNT.replace("@schedule", '@schedule(races="off")')).assert_outcomes(passed=1)
