"""Checks of what callers of `explore` and `replay` pass, before anything is changed in the process."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable

from interleave.errors import UsageError
from interleave.model import Budget

_TIMEOUTS = ("idle", "any")
#: What may be done with races.
RACES = ("report", "harmful", "fail", "off")
_TASK_ORDERS = ("any", "fifo")


def seed_name(name: str) -> str:
    """Return the part of a scenario's name that seeds are bound to: not its module, which depends on how it was imported."""
    return name.rpartition(":")[2]


def check_scenario(scenario: Callable[[], object], name: str | None) -> str:
    """Return the name of a scenario, or raise UsageError if it cannot be run."""
    if not callable(scenario):
        raise UsageError(f"a scenario is a function without arguments, not {scenario!r}")
    inner = scenario
    while isinstance(inner, functools.partial):
        inner = inner.func
    label = getattr(inner, "__qualname__", type(inner).__qualname__)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise UsageError(
            f"the scenario {label!r} is a generator function: calling it runs nothing.\nWrite a function that runs it to its end."
        )
    try:
        inspect.signature(scenario).bind()
    except TypeError:
        raise UsageError(
            f"the scenario {label!r} takes arguments; a scenario takes none and builds its own state.\n"
            f"Pass a closure: explore(lambda: {label.rpartition('.')[2]}(...))"
        ) from None
    except ValueError:
        pass
    return name or f"{getattr(inner, '__module__', None) or '__main__'}:{label}"


def check_timeouts(timeouts: str) -> bool:
    if timeouts not in _TIMEOUTS:
        raise UsageError(f"timeouts={timeouts!r} is not one of {', '.join(map(repr, _TIMEOUTS))}")
    return timeouts == "any"


def check_races(races: str) -> str:
    if races not in RACES:
        raise UsageError(f"races={races!r} is not one of {', '.join(map(repr, RACES))}")
    return races


def check_task_order(task_order: str) -> bool:
    if task_order not in _TASK_ORDERS:
        raise UsageError(f"task_order={task_order!r} is not one of {', '.join(map(repr, _TASK_ORDERS))}")
    return task_order == "fifo"


def check_budget(budget: Budget) -> None:
    for field in ("executions", "seconds", "steps", "hang"):
        value = getattr(budget, field)
        if value is not None and value <= 0:
            raise UsageError(f"the budget's {field} must be positive, not {value!r}")
