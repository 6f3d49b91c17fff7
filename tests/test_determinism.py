"""The same schedule gives the same run: in another process, under another hash seed.

Every failure of the first versions of the targets is found here once, and its seed is replayed in fresh processes with random hash
seeds; each must print the identical trace, step by step with values, and fail in the same way.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from interleave import Budget, explore
from interleave.model import Trace
from interleave.result import Failure

ROOT = Path(__file__).parent.parent
TARGETS = ("cache", "metrics", "event_backend", "container", "deadlock")

#: Replays seeds given as JSON on standard input, and prints their traces as JSON.
REPLAY = """
import json, sys
from importlib import import_module
from interleave import replay
from tests.test_determinism import described
for module, function, seed in json.load(sys.stdin):
    again = replay(getattr(import_module(module), function), seed)
    print(json.dumps([again.failure.kind, again.failure.message, described(again.trace)]))
"""


def described(trace: Trace) -> list[list[object]]:
    """Return a trace as what must be equal wherever it is replayed."""
    return [
        [step.index, step.tid, step.kind, step.place, step.value, Path(step.where.file).name, step.where.line, step.is_shared]
        for step in trace.steps
    ]


def failures_of(target: str) -> list[tuple[str, str, Failure]]:
    """Find a failure of each scenario of a target that has one."""
    module = import_module(f"targets.{target}")
    found = []
    for name in sorted(vars(module)):
        if name.startswith("scenario_"):
            result = explore(getattr(module, name), budget=Budget(executions=400))
            found += [(module.__name__, name, failure) for failure in result.failures]
    return found


@pytest.mark.parametrize("target", TARGETS)
def test_failures_replay_identically_in_fresh_processes(target: str) -> None:
    found = failures_of(target)
    assert len(found) >= 3
    seeds = json.dumps([(module, name, failure.seed) for module, name, failure in found])
    for hash_seed in random.Random(target).sample(range(1, 1_000_000), 1):
        environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(ROOT)}
        ran = subprocess.run(
            [sys.executable, "-c", REPLAY], input=seeds, capture_output=True, text=True, cwd=ROOT, env=environment, check=False
        )
        assert ran.returncode == 0, ran.stderr
        for line, (_, name, failure) in zip(ran.stdout.splitlines(), found, strict=True):
            kind, message, steps = json.loads(line)
            assert (kind, message) == (failure.kind, failure.message), name
            assert steps == described(failure.trace), name
