"""A seed runs its schedule again: in another process, with another hash seed, under another interpreter; and plain pytest does it all."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import interleave
from interleave.loading import find_scenarios

ROOT = Path(__file__).parent.parent.parent
TARGET = "tests.peers.programs"
SCENARIOS = {one.name.rpartition(":")[2]: one.function for one in find_scenarios(TARGET)}
VERSIONS = ("3.11", "3.12", "3.13")

#: Explores or replays in a process of its own and prints what it saw.
EXPLORE = f"""
import json, interleave
from interleave.loading import find_scenarios
found = {{}}
for one in find_scenarios({TARGET!r}):
    result = interleave.explore(one.function, name=one.name, strategy="pct", seed=1, budget=interleave.Budget(executions=500))
    found[one.name.rpartition(":")[2]] = [result.executions, result.failures[0].seed, result.failures[0].message]
print(json.dumps(found))
"""
REPLAY = f"""
import json, sys, interleave
from interleave.loading import find_scenarios
told = {{}}
seeds = json.loads(sys.argv[1])
for one in find_scenarios({TARGET!r}):
    name = one.name.rpartition(":")[2]
    replay = interleave.replay(one.function, seeds[name], name=one.name)
    told[name] = [replay.failure.kind, replay.failure.message, replay.failure.seed, [
        [step.tid, step.kind, step.place, step.value, step.where.line] for step in replay.trace.steps
    ]]
print(json.dumps(told))
"""


def run_python(python: str, code: str, *arguments: str, hash_seed: str = "random") -> dict[str, list[object]]:
    """Run code in a process of its own and return what it printed."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [python, "-c", code, *arguments], capture_output=True, text=True, timeout=120, check=False, cwd=ROOT, env=environment
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, list[object]] = json.loads(done.stdout)
    return told


def interpreter(version: str) -> str:
    """Return an interpreter of this version that has what is needed, or skip the test.

    `INTERLEAVE_PYTHONS` lists interpreters, with the separator of search paths; else the ones on the search path are tried.
    """
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    listed = [path for path in os.environ.get("INTERLEAVE_PYTHONS", "").split(os.pathsep) if path]
    sibling = Path(sys.prefix).with_name(Path(sys.prefix).name.replace(f"{sys.version_info.major}.{sys.version_info.minor}", version))
    candidates = [*listed, str(sibling / "bin" / "python"), shutil.which(f"python{version}") or ""]
    probe = "import sys, greenlet, networkx, bytecode; print('%d.%d' % sys.version_info[:2])"
    for candidate in candidates:
        if candidate and os.path.exists(candidate):
            done = subprocess.run([candidate, "-c", probe], capture_output=True, text=True, check=False)
            if done.stdout.strip() == version:
                return candidate
    pytest.skip(f"no Python {version} with greenlet, networkx and bytecode found (set INTERLEAVE_PYTHONS to name one)")


@functools.cache
def seeds() -> dict[str, str]:
    """Return a seed for each program, found here."""
    found = {}
    for name, scenario in SCENARIOS.items():
        result = interleave.explore(scenario, name=f"{TARGET}:{name}", budget=interleave.Budget(executions=500))
        assert result.verdict == "failed", name
        assert result.failures[0].kind != "nondeterminism", result.failures[0].message
        found[name] = result.failures[0].seed
    return found


@functools.cache
def told_here(hash_seed: str = "0") -> dict[str, list[object]]:
    """Return what a replay tells in a process of its own."""
    return run_python(sys.executable, REPLAY, json.dumps(seeds()), hash_seed=hash_seed)


@pytest.mark.parametrize("name", SCENARIOS)
def test_seed_fails_the_same_way_here(name: str) -> None:
    replay = interleave.replay(SCENARIOS[name], seeds()[name], name=f"{TARGET}:{name}")
    assert replay.failure is not None
    kind, message, seed, steps = told_here()[name]
    assert (replay.failure.kind, replay.failure.message, replay.failure.seed) == (kind, message, seed)
    assert isinstance(steps, list)
    assert [[step.tid, step.kind, step.place, step.value, step.where.line] for step in replay.trace.steps] == steps


@pytest.mark.parametrize("hash_seed", ["4242", "random"])
def test_replay_in_a_fresh_process_with_another_hash_seed_tells_the_same(hash_seed: str) -> None:
    assert told_here(hash_seed) == told_here()


@pytest.mark.parametrize("version", VERSIONS)
def test_seed_fails_the_same_way_under_another_interpreter(version: str) -> None:
    """Kind and message are the same; steps may differ where interpreters compile the code differently."""
    told = run_python(interpreter(version), REPLAY, json.dumps(seeds()))
    assert {name: told[name][:2] for name in told} == {name: told_here()[name][:2] for name in told}


def test_exploring_in_fresh_processes_finds_the_same_seeds() -> None:
    assert run_python(sys.executable, EXPLORE, hash_seed="1") == run_python(sys.executable, EXPLORE, hash_seed="2")


def test_addresses_are_left_out_of_messages() -> None:
    message = told_here()["scenario_exception"][1]
    assert str(message).startswith("LookupError: <object object at 0x...> (in thread ")


TEST_FILE = """
import threading

def lose(schedule, lock):
    @schedule
    def scenario():
        state = {"n": 0}

        def add():
            with lock:
                state["n"] += 1

        threads = [threading.Thread(target=add) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert state["n"] == 2

class Open:
    def __enter__(self): pass
    def __exit__(self, *_): pass

def test_without_lock(schedule):
    lose(schedule, Open())

def test_with_lock(schedule):
    lose(schedule, threading.Lock())
"""


def test_plain_pytest_runs_everything(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(TEST_FILE, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "test_plain.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout
    assert "skipped" not in done.stdout
    assert "--interleave-seed=" in done.stdout
