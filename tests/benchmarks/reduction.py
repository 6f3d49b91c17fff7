"""What proofs cost: executions per second of `dpor` on litmus programs, and the size of its search: `python -m tests.benchmarks.reduction`.

Each program is explored to its end; the rate includes everything, taking control of the process as well. The size is the memory allocated
in the strategy's own files while it runs, at its peak (`tracemalloc`, in a second run, at most `MEASURED` executions).
"""

from __future__ import annotations

import importlib
import json
import sys
import tracemalloc
from pathlib import Path
from typing import Any

from interleave import Budget, explore
from interleave.strategies.dpor import Dpor

FOLDER = Path(__file__).parent.parent / "litmus"
#: Programs whose threads meet at locks only, and those that contend for variables.
LOCKS = ("indexer-15", "lockinc-7")
VARIABLES = ("readers-8", "readers-13", "lastzero-10", "redundant_co-4", "sat_example-None")
MEASURED = 500


def scenario_of(program: dict[str, Any]) -> Any:
    """Return a litmus program as a scenario."""
    module = importlib.import_module(f"tests.litmus.{program['file'].removesuffix('.py')}")
    return module.run if program["param"] is None else lambda: module.run(program["param"])


def rate(program: dict[str, Any]) -> tuple[int, float]:
    """Return the number of executions of a whole search, and how many there were per second."""
    budget = Budget(executions=None, steps=100_000)
    result = explore(scenario_of(program), strategy="dpor", budget=budget, stop_on_failure=False, shrink=False, races="off")
    assert result.executions == program["traces"]
    return result.executions, result.executions / result.statistics.seconds


def size(program: dict[str, Any]) -> float:
    """Return the peak size of the search state in MB."""
    tracemalloc.start()
    try:
        strategy = Dpor()
        explore(
            scenario_of(program), strategy=strategy, budget=Budget(executions=MEASURED, steps=100_000), stop_on_failure=False,
            shrink=False, races="off",
        )  # fmt: skip
        snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/interleave/strategies/*")])
    finally:
        tracemalloc.stop()
    return sum(statistic.size for statistic in snapshot.statistics("filename")) / 2**20


def main(names: list[str]) -> None:
    """Print one line for each program."""
    programs = {f"{one['name']}-{one['param']}": one for one in json.loads((FOLDER / "index.json").read_text())["programs"]}
    for title, group in (("locks only", LOCKS), ("contended variables", VARIABLES)):
        print(title)
        for name in group:
            if names and name not in names:
                continue
            executions, per_second = rate(programs[name])
            print(f"  {name:20} {executions:7,} executions  {per_second:7,.0f}/s  search state {size(programs[name]):5.2f} MB", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
