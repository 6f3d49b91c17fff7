"""Replay under the debugger: at a failure, in blocked threads, at a step, at a `breakpoint()` of the program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """\
import threading


class Counter:
    def __init__(self):
        self.value = 0

    def add(self):
        value = self.value
        self.value = value + 1


def run(*functions):
    threads = [threading.Thread(target=function, name=f"worker-{number}") for number, function in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def scenario_race():
    counter = Counter()
    run(counter.add, counter.add)
    assert counter.value == 2


def scenario_deadlock():
    a, b = threading.Lock(), threading.Lock()

    def take(first, second, who):
        with first, second:
            pass

    run(lambda: take(a, b, "ab"), lambda: take(b, a, "ba"))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    return tmp_path


def interleave(folder: Path, *arguments: str, typed: str = "") -> str:
    command = [sys.executable, "-m", "interleave", *arguments]
    done = subprocess.run(command, cwd=folder, input=typed, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback (most" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def seed_of(folder: Path, target: str) -> str:
    data = json.loads(interleave(folder, "explore", target, "--no-database", "--json", "-"))
    return str(data["scenarios"][0]["failures"][0]["seed"])


def answers(output: str) -> list[str]:
    """Return what the debugger said to each command."""
    return [part.strip() for part in output.split("(Pdb) ")[1:]]


def test_debugger_stands_in_the_blocked_frames_of_a_deadlock(folder: Path) -> None:
    seed = seed_of(folder, "program:scenario_deadlock")
    typed = "threads\nthread worker-1\np who\nthread 1\np who\nup\nthread nobody\nq\n"
    output = interleave(folder, "replay", "program:scenario_deadlock", seed, "--pdb", typed=typed)
    threads, _, second, _, first, up, nobody, _ = answers(output)
    assert [line.split("  ")[:3] for line in threads.splitlines()] == [
        ["0", "main", "waits for thread 'worker-0'"],
        ["1", "worker-0", "waits for Lock"],
        ["2", "worker-1", "waits for Lock"],
    ]
    assert (first, second) == ("'ab'", "'ba'")
    assert "program.py(34)<lambda>()" in up
    assert "There is no thread 'nobody'" in nobody


def test_debugger_starts_after_a_step_and_goes_on_as_the_seed_says(folder: Path) -> None:
    seed = seed_of(folder, "program:scenario_race")
    trace = interleave(folder, "replay", "program:scenario_race", seed, "--trace").splitlines()
    step = next(line.split()[0] for line in trace if "writes Counter.value = 1" in line)
    typed = "p self.value\nthreads\nr\nq\n"
    output = interleave(folder, "replay", "program:scenario_race", seed, "--step", step, typed=typed)
    _, threads, *_ = answers(output)
    assert [line.split("  ")[2] for line in threads.splitlines()].count("runs") == 1
    # It ends as it would have without a debugger.
    assert "FAILED program:scenario_race: assertion" in output
    assert seed in output


def test_step_that_is_not_there_is_said(folder: Path) -> None:
    seed = seed_of(folder, "program:scenario_race")
    assert "there is no step 999" in interleave(folder, "replay", "program:scenario_race", seed, "--step", "999")


def test_breakpoint_in_a_scenario_stops_each_thread_in_the_order_of_the_seed(folder: Path) -> None:
    seed = seed_of(folder, "program:scenario_race")
    stopped = PROGRAM.replace("        self.value = value + 1\n", "        self.value = value + 1\n        breakpoint()\n")
    (folder / "program.py").write_text(stopped, encoding="utf-8")
    typed = "p value, self.value\nw\nc\np value, self.value\nc\n"
    output = interleave(folder, "replay", "program:scenario_race", seed, typed=typed)
    first, where, _, second, _ = answers(output)
    # Both have read 0, and both have written 1.
    assert (first.splitlines()[0], second.splitlines()[0]) == ("(0, 1)", "(0, 1)")
    assert "interleave/runtime" not in where
    assert "FAILED program:scenario_race: assertion" in output


def test_breakpoint_goes_where_the_user_wants_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = seed_of(folder, "program:scenario_race")
    stopped = PROGRAM.replace("        self.value = value + 1\n", "        breakpoint()\n        self.value = value + 1\n")
    (folder / "program.py").write_text(stopped, encoding="utf-8")
    (folder / "mine.py").write_text("def stop(): print('my debugger')\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONBREAKPOINT", "mine.stop")
    assert interleave(folder, "replay", "program:scenario_race", seed).count("my debugger") == 2


def test_lenient_replay_follows_changed_code_and_says_so(folder: Path) -> None:
    seed = seed_of(folder, "program:scenario_race")
    changed = PROGRAM.replace("        self.value = value + 1\n", "        self.value = value\n        self.value += 1\n")
    (folder / "program.py").write_text(changed, encoding="utf-8")
    assert "Error" in interleave(folder, "replay", "program:scenario_race", seed)
    output = interleave(folder, "replay", "program:scenario_race", seed, "--lenient")
    assert "left its path at step" in output
