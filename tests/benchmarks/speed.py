"""Speed, memory and start-up, as ratios taken in one run: `python -m tests.benchmarks.speed [--quick]`.

What is compared is measured in turn, window by window, and the median of the ratios is printed with the lowest and the highest, so
that a machine whose speed drifts does not decide. Peers take part where they are installed (`pip install frontrun interleave-test`).
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from interleave import Budget, explore
from interleave.model import Strategy
from interleave.strategies.dpor import Dpor
from tests.benchmarks.scenarios import SHAPED, Shaped, many

#: Wall seconds of one window.
WINDOW = 1.5
WINDOWS = 3

Rate = Callable[[float], float]


def native(shaped: Shaped) -> Rate:
    """Measure runs per second on OS threads."""

    def measure(seconds: float) -> float:
        count, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            shaped.run()
            count += 1
        return count / (time.perf_counter() - started)

    return measure


def ours(shaped: Shaped, strategy: str | Callable[[], Strategy] = "random") -> Rate:
    """Measure controlled executions per second, the cost of taking control included."""

    def measure(seconds: float) -> float:
        chosen = strategy if isinstance(strategy, str) else strategy()
        result = explore(shaped.run, strategy=chosen, budget=Budget(executions=None, seconds=seconds))
        assert not result.failures, result.failures[0].report()
        return result.executions / result.statistics.seconds

    return measure


class Again(Strategy):
    """`dpor`, begun anew whenever it is done, so that small programs can be timed: most of them need few executions.

    The search under way is asked directly: methods of this class would be part of the program under test, and instrumented.
    """

    every_access = True

    def __init__(self) -> None:
        self._restart()

    def _restart(self) -> None:
        self._search = Dpor()
        self.choose = self._search.choose
        self.end = self._search.end

    def begin(self) -> bool:
        """Begin an execution."""
        if self._search.begin():
            return True
        self._restart()
        return self._search.begin()


# A strategy of the package is asked directly; others are kept out of the execution, at a price.
Again.__module__ = "interleave.benchmark"


def of_interleave_test(shaped: Shaped) -> Rate:
    """Measure interleave-test: `random`, every bytecode instruction."""
    import interleave_test  # type: ignore[import-not-found,unused-ignore]

    def measure(seconds: float) -> float:
        count, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            interleave_test.explore(shaped.run, iterations=25, seed=count, strategy="random", raise_on_failure=False)
            count += 25
        return count / (time.perf_counter() - started)

    return measure


def of_frontrun(shaped: Shaped, strategy: str) -> Rate:
    """Measure frontrun; `dpor` without its bound on preemptions, going on after a first failure."""
    os.environ["FRONTRUN_ACTIVE"] = "1"
    import frontrun  # type: ignore[import-not-found,unused-ignore]

    options = {"max_attempts": 40} if strategy == "random" else {"max_executions": 40, "preemption_bound": None, "stop_on_first": False}

    def measure(seconds: float) -> float:
        count, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            found = frontrun.explore(
                shaped.setup,
                list(shaped.workers),
                lambda _: True,
                strategy=strategy,
                clock="virtual",
                **options,
            )
            count += found.num_explored
        return count / (time.perf_counter() - started)

    return measure


def compare(one: Rate, other: Rate, windows: int) -> str:
    """Return the rates and the ratios of two things measured in turn."""
    other(WINDOW / 4)
    pairs = [(one(WINDOW), other(WINDOW)) for _ in range(windows)]
    ratios = sorted(left / right for left, right in pairs)
    rates = f"{median(left for left, _ in pairs):8,.0f}/s against {median(right for _, right in pairs):8,.0f}/s"
    return f"{rates}   ratio {median(ratios):7.2f}  ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def speed(windows: int) -> None:
    """Print executions per second against native threads and peers."""
    for title, shaped in SHAPED.items():
        print(title)
        print(f"  native threads           {compare(ours(shaped), native(shaped), windows)}", flush=True)
        peers = (
            ("interleave-test random", lambda shaped=shaped: (ours(shaped), of_interleave_test(shaped))),
            ("frontrun random", lambda shaped=shaped: (ours(shaped), of_frontrun(shaped, "random"))),
            ("frontrun dpor", lambda shaped=shaped: (ours(shaped, Again), of_frontrun(shaped, "dpor"))),
        )
        for name, make in peers:
            try:
                rates = make()
            except ImportError:
                print(f"  {name:24} not installed")
                continue
            print(f"  {name:24} {compare(*rates, windows)}", flush=True)


def scaling(windows: int) -> None:
    """Print steps per second with 100 threads against 3."""

    def rate(threads: int) -> Rate:
        def measure(seconds: float) -> float:
            # Equally many operations for both. There have to be many executions: some are made on the side, to repeat the first one and to
            # look for races, and their steps are not counted.
            result = explore(many(threads, 100), strategy="random", budget=Budget(executions=4_800 // threads, steps=1_000_000))
            return result.statistics.steps / result.statistics.seconds

        return measure

    print("100 threads of 100 locked increments against 3 threads, steps per second")
    print(f"                           {compare(rate(100), rate(3), windows)}", flush=True)


def memory(executions: int) -> None:
    """Print by how much the process grew over many executions of a small scenario."""

    def resident() -> float:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    scenario = next(iter(SHAPED.values())).run
    explore(scenario, strategy="random", budget=Budget(executions=2_000))
    before = resident()
    explore(scenario, strategy="random", budget=Budget(executions=executions))
    print(f"memory over {executions:,} executions: grew by {resident() - before:.1f} MB", flush=True)


def _seconds(*command: str) -> float:
    """Return the processor time of a command: that is less at the mercy of what else the machine does."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _difference(one: tuple[str, ...], other: tuple[str, ...], pairs: int = 15) -> str:
    differences = sorted(_seconds(*one) - _seconds(*other) for _ in range(pairs))
    return f"{median(differences) * 1000:.0f} ms more  ({differences[0] * 1000:.0f} to {differences[-1] * 1000:.0f})"


def start_up() -> None:
    """Print the cost of starting the command, and of the plugin where no test uses it."""
    print(f"python -m interleave --help, against python -c pass: {_difference(('-m', 'interleave', '--help'), ('-c', 'pass'))}")
    with tempfile.TemporaryDirectory() as folder:
        test = Path(folder) / "test_nothing.py"
        test.write_text("def test_nothing():\n    pass\n")
        run = ("-m", "pytest", "-q", "-p", "no:cacheprovider", str(test))
        without = (*run, "-p", "no:interleave")
        print(f"pytest of one empty test, with the plugin against without: {_difference(run, without)}", flush=True)


def main(arguments: list[str]) -> None:
    """Print all measurements."""
    is_quick = "--quick" in arguments
    print(f"CPython {sys.version.split()[0]}, {os.cpu_count()} processors; medians of {1 if is_quick else WINDOWS} windows of {WINDOW} s")
    speed(1 if is_quick else WINDOWS)
    scaling(1 if is_quick else WINDOWS)
    memory(5_000 if is_quick else 100_000)
    start_up()


if __name__ == "__main__":
    main(sys.argv[1:])
