"""Every command and every program in README.md runs, and prints what the README says it prints; see `documents` for how it says that.

The commands of a section run in order, in a folder with the files of the whole README.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from interleave.strategies import TABLE
from tests.documents import ROOT, check_commands, commands_of, pattern_of, programs_of

README = (ROOT / "README.md").read_text(encoding="utf-8")

SECTIONS: dict[str, str] = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL))
RUN = [title for title, body in SECTIONS.items() if commands_of(body)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with every program of the README."""
    for name, text in programs_of(README).items():
        (tmp_path / name).write_text(f"# {name}\n{text}", encoding="utf-8")
    return tmp_path


@pytest.mark.thorough
@pytest.mark.parametrize("title", RUN)
def test_commands_print_what_the_readme_says(title: str, folder: Path) -> None:
    check_commands(commands_of(SECTIONS[title]), folder)


def test_every_strategy_is_described() -> None:
    described = re.findall(r"^\| `(\w+)` \|", SECTIONS["Choosing a strategy"], re.MULTILINE)
    assert sorted(described) == sorted(TABLE)


def test_first_two_commands_set_up_everything() -> None:
    assert [command.text for command in commands_of(README)][:2] == ["make explore", "make test"]
    for target in ("explore", "test"):
        plan = subprocess.run(["make", "-n", target, "VENV=.no-such-venv"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        steps = [
            plan.index(step) for step in ("-m venv .no-such-venv", "pip install", f"-m {'interleave' if target == 'explore' else 'tests'}")
        ]
        assert steps == sorted(steps)


@pytest.mark.thorough
def test_make_explore_explores_a_target_as_the_readme_says(tmp_path: Path) -> None:
    """Run it with this interpreter instead of a virtual environment made on the way, which .ci/run does."""
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    (tmp_path / "ready").touch()
    # The suite may itself be run by make, whose variables are not for this one.
    theirs = {"ARGS", "PYTHON", "VENV", "MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL"}
    environment = {name: value for name, value in os.environ.items() if name not in theirs}
    command = ["make", "--no-print-directory", "explore", f"VENV={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    (explore,) = [command for command in commands_of(README) if command.text == "make explore"]
    assert pattern_of(explore.output).fullmatch(done.stdout), done.stdout


def test_make_lists_its_targets() -> None:
    listed = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"explore", "test", "check", "torture", "bench"} <= {line.split()[1] for line in listed.splitlines()}


@pytest.mark.thorough
@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("[!t]*.py")), ids=lambda path: path.name)
def test_examples_have_a_scenario_that_fails_and_one_that_passes(path: Path) -> None:
    import json

    done = subprocess.run(
        [sys.executable, "-m", "interleave", "explore", str(path), "--no-database", "--json", "-"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    verdicts = [scenario["verdict"] for scenario in json.loads(done.stdout)["scenarios"]]
    assert done.returncode == 1, done.stderr
    assert verdicts[0] == "failed"
    assert set(verdicts[1:]) <= {"proven", "passed"}


@pytest.mark.thorough
def test_example_tests_run() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--interleave-no-database", "examples/test_bank.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 2 passed" in done.stdout, done.stdout
    assert "test_two_withdrawals[Account]" in done.stdout
