"""What proofs cost: executions of `dpor` on litmus programs, how many a second, and the size of its search.

    python -m tests.benchmarks.reduction [NAME ...]

Each program is explored to its end, one that takes minutes if it is named only. Seconds are those of the processor, whatever else the
machine does; the rate includes everything, taking control of the process as well. What is done once in a process (imports, looking for
what there is to take control of) is over by then: a program of few executions, and the peer's, are run once before. The size is the memory
that was allocated in the strategies' files and is in use after so many executions (`tracemalloc`, in a run of its own, at most `MEASURED`
executions).

Where frontrun is installed (`pip install frontrun`), its `dpor` gets the same threads, without a bound on preemptions and for `BY_PEER`
executions, and the ratio of the rates is printed.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from interleave import Budget, explore
from interleave.strategies.dpor import Dpor

FOLDER = Path(__file__).parent.parent / "litmus"
#: Programs whose threads meet at locks only, and those that contend for variables.
LOCKS = ("filesystem-19", "indexer-15", "lockinc-7")
VARIABLES = ("readers-8", "readers-13", "lastzero-10", "lastzero-15", "redundant_co-4", "sat_example-None")
#: What takes minutes.
LONG = ("lastzero-15",)
MEASURED = 500
BY_PEER = 40
#: Searches of at most so many executions are made twice, and the peer makes so many at first.
FEW, WARM_UP = 500, 2


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


class Started(Exception):
    """A program has started its threads, and would wait for them now."""


def threads_of(scenario: Callable[[], object]) -> list[threading.Thread]:
    """Return the threads that a program would start before it waits for one, not started."""
    found: list[threading.Thread] = []

    def start(self: threading.Thread) -> None:
        found.append(self)

    def stop(self: threading.Thread, timeout: float | None = None) -> None:
        raise Started

    with patch.object(threading.Thread, "start", start), patch.object(threading.Thread, "join", stop):
        try:
            scenario()
        except Started:
            return found
    raise ValueError("the program waits for none of its threads")


def by_frontrun(scenario: Callable[[], object]) -> float | None:
    """Return how many executions a second frontrun's `dpor` makes of the same threads; None where it is not there, or cannot."""
    os.environ["FRONTRUN_ACTIVE"] = "1"
    try:
        import frontrun  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    workers = [lambda threads, number=number: threads[number].run() for number in range(len(threads_of(scenario)))]
    for executions in WARM_UP, BY_PEER:
        started = time.process_time()
        found = frontrun.explore(
            lambda: threads_of(scenario), workers, lambda _: True,
            strategy="dpor", clock="virtual", max_executions=executions, preemption_bound=None, stop_on_first=False,
        )  # fmt: skip
    return float(found.num_explored) / (time.process_time() - started) if found.num_explored else None


def main(names: list[str]) -> None:
    """Print one line for each program."""
    programs = {f"{one['name']}-{one['param']}": one for one in json.loads((FOLDER / "index.json").read_text())["programs"]}
    for title, group in (("locks only", LOCKS), ("contended variables", VARIABLES)):
        print(title)
        for name in group:
            if name not in (names or [one for one in group if one not in LONG]):
                continue
            if programs[name]["traces"] <= FEW:
                search(programs[name])
            executions, redundant, seconds = search(programs[name])
            rate, peer = executions / seconds, by_frontrun(scenario_of(programs[name]))
            counted = f"{executions:7,} executions, {redundant} redundant, in {seconds:6.2f} s: {rate:6,.0f}/s"
            ratio = f", {rate / peer:4.0f} times frontrun" if peer else ""
            print(f"  {name:20} {counted}, search state {size(programs[name]):5.2f} MB{ratio}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
