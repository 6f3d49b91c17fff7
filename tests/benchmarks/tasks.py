"""Speed of asyncio programs, as ratios taken in one run: `python -m tests.benchmarks.tasks [--quick]`.

The scenario is three tasks that take an `asyncio.Lock` three times each and await inside. It is compared with `asyncio.run` of the same on
the interpreter's own loop, window by window. Peers take part where they are installed (`pip install simloom frontrun`).
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from interleave import Budget, explore

#: Wall seconds of one window.
WINDOW = 1.0
WINDOWS = 3


async def scenario() -> None:
    """Three tasks, one lock, three awaits each."""
    lock = asyncio.Lock()
    count = 0

    async def work() -> None:
        nonlocal count
        for _ in range(3):
            async with lock:
                value = count
                await asyncio.sleep(0)
                count = value + 1

    await asyncio.gather(work(), work(), work())
    assert count == 9


class State:
    """The same for frontrun, which makes the tasks itself."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.count = 0


async def work(state: State) -> None:
    """One of the three tasks."""
    for _ in range(3):
        async with state.lock:
            value = state.count
            await asyncio.sleep(0)
            state.count = value + 1


def native(seconds: float) -> float:
    """Measure runs per second on the interpreter's own loop."""
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        asyncio.run(scenario())
        count += 1
    return count / (time.perf_counter() - started)


def explored(strategy: str) -> Callable[[float], float]:
    """Measure executions per second of a sampling strategy."""

    def measure(seconds: float) -> float:
        result = explore(scenario, strategy=strategy, budget=Budget(executions=None, seconds=seconds))
        return result.executions / result.statistics.seconds

    return measure


def by_frontrun(seconds: float) -> float:
    """Measure executions per second of frontrun; 0 if it is not there."""
    try:
        from frontrun import explore_async_random  # type: ignore[import-not-found]
    except ImportError:
        return 0.0
    started = time.perf_counter()
    result: Any = asyncio.run(explore_async_random(setup=State, tasks=[work] * 3, invariant=lambda state: state.count == 9, max_attempts=3))
    return float(result.num_explored / (time.perf_counter() - started))


def by_simloom(seconds: float) -> float:
    """Measure runs per second of simloom; 0 if it is not there."""
    try:
        import simloom  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return 0.0
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        simloom.run(scenario, seed=count)
        count += 1
    return count / (time.perf_counter() - started)


def main() -> None:
    """Measure and print."""
    window = 0.3 if "--quick" in sys.argv[1:] else WINDOW
    for strategy in ("random", "pos"):
        ratios = [explored(strategy)(window) / native(window) for _ in range(WINDOWS)]
        print(f"{strategy:8} against asyncio.run: {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    for name, measure in ("simloom", by_simloom), ("frontrun", by_frontrun):
        peer = measure(window)
        if peer:
            print(f"random   against {name + ':':12} {explored('random')(window) / peer:.1f}", flush=True)
    result = explore(scenario, strategy="dpor")
    print(f"dpor     {result.verdict} in {result.executions} executions, {result.statistics.redundant} of them redundant")


if __name__ == "__main__":
    main()
