"""Checks of what callers of `explore` and `replay` pass, before anything is changed in the process."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from interleave.errors import UsageError
from interleave.result import Budget


class Choice(NamedTuple):
    """An option that takes one of a few values, of which the first is the default, and on which it depends what a seed shows."""

    values: tuple[str, ...]
    help: str
    #: Values under which a seed shows the same as under the default.
    alike: tuple[str, ...] = ()


CHOICES: Final = {
    "timeouts": Choice(("idle", "any"), "When a timeout may fire: only if nothing else can run, or at any moment."),
    "task_order": Choice(("any", "fifo"), "Which asyncio task steps next: any that is ready, or the one that has been ready longest."),
    "granularity": Choice(
        ("free-threaded", "gil"),
        "Where threads may switch: at every access, as in free-threaded Python, or only where this CPython does so with the GIL.",
    ),
    "races": Choice(
        ("report", "harmful", "fail", "off"),
        "What to do with races that no assertion notices: report them, fail on harmful ones, fail on all, look for none.",
        alike=("off",),
    ),
    "isolate": Choice(
        ("off", "globals", "fork"),
        "What an execution finds of those before: all that they left, globals in scope as they were in the beginning, or nothing, as "
        "each is made in a child process.",
    ),
}
#: The options of `explore` that a replay needs as they were.
SEED_OPTIONS: Final = ("include", *CHOICES)


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


def check_choice(option: str, value: str) -> str:
    """Return the value of one of the `CHOICES`, or raise UsageError if it is none of those there are."""
    values = CHOICES[option].values
    if value not in values:
        raise UsageError(f"{option}={value!r} is not one of {', '.join(map(repr, values))}")
    return value


def seed_options(options: Mapping[str, Any]) -> list[str]:
    """Return those of the options of an exploration that a seed found by it depends on, as words of a command line."""
    words = [word for package in options.get("include") or () for word in ("--include", package)]
    for name, choice in CHOICES.items():
        default = choice.values[0]
        value = options.get(name, default)
        if value not in (default, *choice.alike):
            words += [f"--{name.replace('_', '-')}", value]
    return words


def of_seeds(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that exploring and replaying share, as far as they are given."""
    return {name: options[name] for name in SEED_OPTIONS if name in options}


def check_budget(budget: Budget | None) -> Budget:
    """Return a budget, the usual one if none is given; raise UsageError for one that allows nothing."""
    budget = budget or Budget()
    for field in ("executions", "seconds", "steps", "hang"):
        value = getattr(budget, field)
        if value is not None and value <= 0:
            raise UsageError(f"the budget's {field} must be positive, not {value!r}")
    if budget.unseen is not None and not 0 < budget.unseen < 1:
        raise UsageError(f"the budget's unseen is a share between 0 and 1, not {budget.unseen!r}")
    return budget
