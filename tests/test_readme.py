"""Every command and every program in README.md runs, and prints what the README says it prints.

A ```python block whose first line is `# name.py` is written to that file. A ```console block holds commands, after `$ `, each
with its output: `...` stands for any text, on a line of its own for any lines. SEED stands for the last seed printed in
the section. The commands of a section run in order, in a folder with the files of the whole README.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from interleave.strategies import TABLE

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    text: str
    output: str


def blocks(text: str, language: str) -> list[str]:
    return [body for name, body in BLOCK.findall(text) if name == language]


def commands_of(section: str) -> list[Command]:
    """Return the commands of a section with their expected output."""
    commands = []
    for block in blocks(section, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            text, _, output = part.partition("\n")
            commands.append(Command(text, output))
    return commands


SECTIONS: dict[str, str] = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL))
RUN = [title for title, body in SECTIONS.items() if commands_of(body)]


def pattern_of(output: str) -> re.Pattern[str]:
    """Turn expected output with `...` into a pattern for the whole of it."""
    lines = [r"(?:[^\n]*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", r"[^\n]*") + r"\n" for line in output.splitlines()]
    return re.compile("".join(lines))


def run(command: str, folder: Path) -> str:
    """Run a command of the README in a folder and return what it printed."""
    words = shlex.split(command)
    programs = {"python": [sys.executable], "pytest": [sys.executable, "-m", "pytest"]}
    words = [*programs[words[0]], *words[1:]]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    env |= {"COLUMNS": "100", "PYTHONPATH": str(folder), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1), f"$ {command}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr, f"$ {command}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with every program of the README."""
    for block in blocks(README, "python"):
        first, _, _ = block.partition("\n")
        name = re.fullmatch(r"# (\w+\.py)", first)
        assert name, f"a program without a name: {first!r}"
        (tmp_path / name[1]).write_text(block, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("title", RUN)
def test_commands_print_what_the_readme_says(title: str, folder: Path) -> None:
    seed = ""
    for command in commands_of(SECTIONS[title]):
        if command.text.startswith("make "):
            continue
        assert seed or "SEED" not in command.text
        output = run(command.text.replace("SEED", seed), folder)
        assert pattern_of(command.output).fullmatch(output), f"$ {command.text}\n{output}"
        seeds = re.findall(r"\bil\d+-[\w-]+", output)
        seed = seeds[-1] if seeds else seed


def test_every_strategy_is_described() -> None:
    described = re.findall(r"^\| `(\w+)` \|", SECTIONS["Choosing a strategy"], re.MULTILINE)
    assert sorted(described) == sorted(TABLE)


def test_first_two_commands_set_up_everything() -> None:
    assert [command.text for command in commands_of(README)][:2] == ["make explore", "make test"]
    for target in ("explore", "test"):
        plan = subprocess.run(["make", "-n", target, "VENV=.no-such-venv"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        steps = [
            plan.index(step) for step in ("-m venv .no-such-venv", "pip install", f"-m {'interleave' if target == 'explore' else 'pytest'}")
        ]
        assert steps == sorted(steps)


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
