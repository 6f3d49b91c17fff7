"""What a program prints does not bury what is said of it, and is let through where it is asked for."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.test_cli import process

PROGRAM = """\
import logging
import sys
import threading

logging.basicConfig(level=logging.INFO, format="logged %(message)s")


class Counter:
    value = 0


def scenario_talks():
    counter = Counter()

    def add():
        print("printed")
        sys.stdout.write("to the output")
        sys.stderr.writelines(["to the error\\n"])
        logging.info("a")
        counter.value += 1

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.value == 2


def scenario_is_silent():
    pass
"""
SAID = ("printed", "to the output", "to the error", "logged")
SENTENCE = "What the program prints is left out"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "talking.py").write_text(PROGRAM, encoding="utf-8")
    return tmp_path


def explore(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return process("explore", "--no-database", *words, cwd=folder)


def count(done: subprocess.CompletedProcess[str]) -> list[int]:
    """Return how often everything was printed, outside of the lines of the source that a report shows."""
    lines = [line for line in (done.stdout + done.stderr).splitlines() if "│" not in line]
    return [sum(line.count(one) for line in lines) for one in SAID]


@pytest.mark.thorough
def test_nothing_is_let_through_and_the_seed_replays_with_all_of_it(folder: Path) -> None:
    done = explore(folder, "talking.py::scenario_talks")
    assert (done.returncode, count(done), done.stderr) == (1, [0, 0, 0, 0], "")
    assert SENTENCE in done.stdout
    command = next(line for line in done.stdout.splitlines() if " -m interleave replay " in line).split()
    again = process(*command[3:], cwd=folder)
    assert (again.returncode, count(again)) == (1, [2, 2, 2, 2])


def test_all_is_let_through_if_it_is_asked_for(folder: Path) -> None:
    done = explore(folder, "talking.py::scenario_talks", "--show-output")
    assert done.returncode == 1
    assert min(count(done)) > 2
    assert SENTENCE not in done.stdout


def test_json_on_the_standard_output_is_nothing_but_json(folder: Path) -> None:
    done = explore(folder, "talking.py::scenario_talks", "--json", "-")
    assert json.loads(done.stdout)["scenarios"][0]["verdict"] == "failed"


@pytest.mark.parametrize("words", [("talking.py::scenario_is_silent",), ("talking.py", "--quiet")])
def test_it_is_not_spoken_of_where_nothing_was_printed_or_little_is_to_be_said(folder: Path, words: tuple[str, ...]) -> None:
    assert SENTENCE not in explore(folder, *words).stdout
