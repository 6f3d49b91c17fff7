"""Schedules to the first failure, by strategy, next to the published figures: `python -m tests.benchmarks.first_failure`.

For each program of a folder and each strategy, the mean number of executions until the program fails first, over explorations with
different seeds, next to two other figures for the same algorithm, as the folder's `index.json` has them:

* reference: a plain scheduler run on these very programs. This is the figure to be compared with.
* published: the means of 20 trials with a limit of 10,000 in the artifact of Zhao et al., ASPLOS 2025 (random walk, PCT-3, POS, SURW).
  They are of the C programs after which these were written, which are finer or coarser in places, and where the start of a thread is a
  scheduling point too.

    python -m tests.benchmarks.first_failure --programs reorder_10 twostage_20 --strategies surw auto --trials 20 --limit 10000

A cell reads `mean`, or `mean (found/trials)` where some explorations found nothing; these are left out of the mean. A dash says that
nothing was found.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from interleave import Budget, explore

REPOSITORY = Path(__file__).parent.parent.parent
FOLDERS = (REPOSITORY / "tests" / "sctbench", REPOSITORY.parent / "shared" / "sctbench")
STRATEGIES = ("random", "pct", "pos", "surw", "dpor", "auto")
#: What draws nothing: one trial tells all.
WITHOUT_DRAWS = ("dfs", "dpor")
#: What strategies of ours are called in the published table, and by the reference scheduler.
PUBLISHED = {"random": "RW", "pct": "PCT-3", "pos": "POS", "surw": "SURW"}
REFERENCE = {"random": "rw", "pct": "pct3", "pos": "pos"}
WIDTH = 18


@dataclass(frozen=True, slots=True)
class Cell:
    """The mean number of executions to the first failure, over those trials that found it."""

    mean: float | None
    found: int
    trials: int

    def __str__(self) -> str:
        if self.mean is None:
            return "-"
        number = f"{self.mean:,.1f}" if self.mean < 100 else f"{self.mean:,.0f}"
        return number if self.found == self.trials else f"{number} ({self.found}/{self.trials})"


def load(folder: Path, name: str) -> Callable[[], object]:
    """Return the function `run` of a program, whose name may be that of a module of the standard library."""
    spec = importlib.util.spec_from_file_location(f"sctbench_{name}", folder / f"{name}.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"{folder / name}.py cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    run: Callable[[], object] = module.run
    return run


def measure(run: Callable[[], object], strategy: str, *, trials: int, limit: int) -> Cell:
    """Explore a program with different seeds until it fails; once if the strategy draws nothing."""
    firsts: list[int] = []
    trials = 1 if strategy in WITHOUT_DRAWS else trials
    for seed in range(trials):
        # Trials of what races foretell would be found by all strategies alike.
        result = explore(run, strategy=strategy, seed=seed, races="off", budget=Budget(executions=limit))
        if result.failure is not None:
            firsts.append(result.failure.executions)
    return Cell(mean(firsts) if firsts else None, len(firsts), trials)


def published(entry: dict[str, Any], strategy: str) -> Cell | None:
    """Return the published figure for the algorithm, None if there is none."""
    figure = entry["published"].get("SURW_ASPLOS25", {}).get(PUBLISHED.get(strategy, ""))
    if figure is None:
        return None
    found, trials = map(int, figure["found"].split("/"))
    return Cell(figure["mean"], found, trials)


def reference(entry: dict[str, Any], strategy: str) -> Cell | None:
    """Return the figure of the reference scheduler, to which the start of a thread is no scheduling point; None if there is none."""
    figure = entry.get("port_measured", {}).get("start_free", {}).get(REFERENCE.get(strategy, ""))
    return Cell(figure["schedules_per_bug"], 1, 1) if figure is not None else None


#: A title, and what makes a cell of a program and its entry in the index.
Column = tuple[str, Callable[[Callable[[], object], dict[str, Any]], Cell | None]]


def columns_of(strategy: str, *, trials: int, limit: int) -> list[Column]:
    """Return the columns of a strategy."""
    columns: list[Column] = [(strategy, lambda run, entry: measure(run, strategy, trials=trials, limit=limit))]
    if strategy in REFERENCE:
        columns.append(("reference", lambda run, entry: reference(entry, strategy)))
    if strategy in PUBLISHED:
        columns.append(("published", lambda run, entry: published(entry, strategy)))
    return columns


def report(folder: Path, *, programs: Sequence[str], strategies: Sequence[str], trials: int, limit: int) -> None:
    """Measure and print one row for each program."""
    entries = {entry["name"]: entry for entry in json.loads((folder / "index.json").read_text(encoding="utf-8"))["programs"]}
    names = list(programs) or [name for name, entry in entries.items() if not entry["fails_in_every_schedule"]]
    unknown = [name for name in names if name not in entries]
    if unknown:
        raise SystemExit(f"There is no program {', '.join(unknown)} in {folder}.\nThere are {', '.join(entries)}.")
    columns = [column for strategy in strategies for column in columns_of(strategy, trials=trials, limit=limit)]
    print(f"Executions to the first failure, mean of {trials} seeds, limit {limit:,}\n")
    print("program".ljust(20), *(title.rjust(WIDTH) for title, _ in columns), sep="")
    for name in names:
        print(name.ljust(20), end="", flush=True)
        run = load(folder, name)
        for _, cell_of in columns:
            print(str(cell_of(run, entries[name]) or "").rjust(WIDTH), end="", flush=True)
        print()


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where the programs and their index.json are")
    parser.add_argument("--programs", nargs="+", default=[], metavar="NAME", help="default: all that do not fail in every schedule")
    parser.add_argument("--strategies", nargs="+", default=STRATEGIES, metavar="NAME", help=f"default: {' '.join(STRATEGIES)}")
    parser.add_argument("--trials", type=int, default=20, help="seeds for each, default 20")
    parser.add_argument("--limit", type=int, default=10_000, help="most executions of a trial, default 10,000")
    options = parser.parse_args(arguments)
    folder = options.folder or next((one for one in FOLDERS if (one / "index.json").exists()), FOLDERS[0])
    if not (folder / "index.json").exists():
        raise SystemExit(f"There are no programs to run: {folder / 'index.json'} does not exist.\nSay where they are with --folder.")
    # What matters is when a failure is met, not how simple it can be made.
    importlib.import_module("interleave.findings").__dict__["SHRINKING"] = 0
    report(folder, programs=options.programs, strategies=options.strategies, trials=options.trials, limit=options.limit)


if __name__ == "__main__":
    main()
