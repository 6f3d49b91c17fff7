"""What makes the choices: one file for each algorithm.

A strategy is an object of three methods (`model.Strategy`) that works on data only. The kernel calls `begin` before
an execution; `choose` at each scheduling point, with a `model.Point`, for the tid of an enabled thread or, where
`point.values` is not 0, for an index below it; and `end` with the trace. The same three methods drive threads and
tasks, searches and samplers:

* A sampler draws. It returns True from `begin` for ever and has an empty `scope`, as is the default. It owns a `random.Random`, and
  seeds it for each execution with the seed and the execution's index, so that any execution can be made alone
  (`random.py`).
* A search remembers. It re-executes a prefix and then leaves it; `begin` returns False when nothing is left, and then
  `scope` says in words what was covered. It must restart when `trace.has_new_points` says that earlier executions
  lacked scheduling points, unless it asked for all accesses by `every_access` (`dfs.py`).

Choices must be a function of the constructor's arguments and of what points and traces say: no module-level random
generator, no clock, no order of a set. A moment with one enabled thread is not asked about unless `every_access` is
True. A strategy that is told of less, whole blocks of accesses at once (`joins_blocks`), or of more, the two ends of a queue (`parted`),
says so by attributes as well. Strategies may wrap others (`auto.py`).

To add one: write the file, with a class that derives from `model.Strategy` and so has its defaults, and add a row to `TABLE`. Modules
are imported when they are first asked for.
"""

from __future__ import annotations

import difflib
import importlib
from dataclasses import dataclass
from typing import cast

from interleave.errors import UsageError
from interleave.model import Strategy


@dataclass(frozen=True, slots=True)
class Row:
    """Where a strategy is, and which of the arguments of `make` its constructor takes."""

    module: str
    factory: str
    options: tuple[str, ...]


TABLE: dict[str, Row] = {
    "auto": Row("auto", "Auto", ("seed", "preemptions", "executions")),
    "dfs": Row("dfs", "Dfs", ("preemptions",)),
    "dpor": Row("dpor", "search", ("preemptions",)),
    "pct": Row("pct", "Pct", ("seed",)),
    "pos": Row("pos", "Pos", ("seed",)),
    "random": Row("random", "RandomWalk", ("seed",)),
    "surw": Row("surw", "Surw", ("seed",)),
}


def make(name: str, *, seed: int = 0, preemptions: int | None = None, executions: int | None = None) -> Strategy:
    """Make the strategy called `name`.

    `seed` is that of its random generator, `preemptions` a bound for searches, and `executions` the budget, for
    strategies that plan. Raises `UsageError` if there is no such strategy, or if it cannot honour the bound.
    """
    row = TABLE.get(name)
    if row is None:
        close = difflib.get_close_matches(name, TABLE, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        raise UsageError(f"There is no strategy '{name}'.{hint}\nThe strategies are {', '.join(sorted(TABLE))}.")
    if preemptions is not None and "preemptions" not in row.options:
        bounded = ", ".join(sorted(other for other, its in TABLE.items() if "preemptions" in its.options))
        raise UsageError(f"Strategy '{name}' takes no bound on preemptions ({preemptions}).\nThose that take one are {bounded}.")
    offered = {"seed": seed, "preemptions": preemptions, "executions": executions}
    factory = getattr(importlib.import_module(f"{__name__}.{row.module}"), row.factory)
    return cast(Strategy, factory(**{option: offered[option] for option in row.options}))
