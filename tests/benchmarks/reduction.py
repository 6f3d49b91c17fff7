"""What proofs cost: executions of `dpor` on litmus programs, how many a second, and the size of its search.

    python -m tests.benchmarks.reduction [NAME ...]

Each program is explored to its end, one that takes minutes if it is named only. Seconds are those of the processor, whatever else the
machine does; the rate includes everything, taking control of the process as well. The size is the memory that was allocated in the
strategies' files and is in use after so many executions (`tracemalloc`, in a second run, at most `MEASURED` executions).
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

from interleave import Budget, explore
from interleave.strategies.dpor import Dpor

FOLDER = Path(__file__).parent.parent / "litmus"
#: Programs whose threads meet at locks only, and those that contend for variables.
LOCKS = ("filesystem-19", "indexer-15", "lockinc-7")
VARIABLES = ("readers-8", "readers-13", "lastzero-10", "lastzero-15", "redundant_co-4", "sat_example-None")
#: What takes minutes.
LONG = ("lastzero-15",)
MEASURED = 500


def scenario_of(program: dict[str, Any]) -> Any:
    """Return a litmus program as a scenario."""
    module = importlib.import_module(f"tests.litmus.{program['file'].removesuffix('.py')}")
    return module.run if program["param"] is None else lambda: module.run(program["param"])


def search(program: dict[str, Any]) -> tuple[int, int, float]:
    """Return the number of executions of a whole search, how many of them were redundant, and the seconds."""
    started = time.process_time()
    budget = Budget(executions=None, steps=100_000)
    result = explore(scenario_of(program), strategy="dpor", budget=budget, stop_on_failure=False, shrink=False, races="off")
    assert result.executions == program["traces"]
    return result.executions, result.statistics.redundant, time.process_time() - started


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
            if name not in (names or [one for one in group if one not in LONG]):
                continue
            executions, redundant, seconds = search(programs[name])
            counted = f"{executions:7,} executions, {redundant} redundant, in {seconds:6.2f} s: {executions / seconds:6,.0f}/s"
            print(f"  {name:20} {counted}, search state {size(programs[name]):5.2f} MB", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
