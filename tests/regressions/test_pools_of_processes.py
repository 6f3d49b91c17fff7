"""A pool of processes failed with a TypeError of ours: it was taken for a pool of threads."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from multiprocessing import Pool
from interleave import Budget, explore

def scenario():
    with Pool(1) as pool:
        pool.map(abs, [-1])

result = explore(scenario, budget=Budget(executions=3, hang=0.5))
print(result.verdict, result.uncontrolled[0])
"""


def test_it_is_said_to_be_out_of_control() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM], capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout.startswith("inconclusive no step for 0.5 s"), done.stderr
    assert "before that, os.fork ran for real" in done.stdout
    assert "_wait_for_updates" in done.stdout
