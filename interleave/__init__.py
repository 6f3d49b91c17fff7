"""Find, explain and replay the thread interleaving that breaks your program.

The public names live in the modules that implement them and are fetched when first used, so that importing the package
costs next to nothing: the pytest plugin is loaded by every pytest run, and `--help` should not wait for an engine.

The import system binds each submodule to its package when it is first imported. `_Root` looks at that moment for two
reasons. `explore` is the name of a function here and of the module that holds it: the public name stays the function.
And values know nothing of their presentation: `result.Failure` is told how to make its text.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from interleave.errors import CheckFailed as CheckFailed
    from interleave.errors import InterleaveError as InterleaveError
    from interleave.errors import InternalError as InternalError
    from interleave.errors import NotControlled as NotControlled
    from interleave.errors import ReplayMismatch as ReplayMismatch
    from interleave.errors import SeedError as SeedError
    from interleave.errors import UsageError as UsageError
    from interleave.explore import check as check
    from interleave.explore import explore as explore
    from interleave.explore import replay as replay
    from interleave.explore import scenario as scenario
    from interleave.model import ConflictPair as ConflictPair
    from interleave.model import Inversion as Inversion
    from interleave.model import Race as Race
    from interleave.model import Statistics as Statistics
    from interleave.result import Budget as Budget
    from interleave.result import Failure as Failure
    from interleave.result import Result as Result
    from interleave.runtime import choose as choose
    from interleave.runtime import yield_point as yield_point

__version__ = "0.1.0"

#: Where each public name lives.
_HOMES: Final = {
    "explore": ("check", "explore", "replay", "scenario"),
    "runtime": ("choose", "yield_point"),
    "model": ("ConflictPair", "Inversion", "Race", "Statistics"),
    "result": ("Budget", "Failure", "Result"),
    "errors": ("CheckFailed", "InterleaveError", "InternalError", "NotControlled", "ReplayMismatch", "SeedError", "UsageError"),
}
_HOME_OF: Final = {name: f"{__name__}.{home}" for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]


class _Root(ModuleType):
    """Keep public names from being replaced by submodules, and give `result.Failure` its renderer."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _HOME_OF and isinstance(value, ModuleType):
            return
        super().__setattr__(name, value)
        if name == "result":
            value.Failure.renderer = _render


def __getattr__(name: str) -> Any:
    """Fetch a public name from its module, once."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, fetched or not."""
    return sorted({*globals(), *__all__})


def _render(failure: Failure) -> str:
    """Make the text of `Failure.report()`."""
    from interleave.report.text import render

    return render(failure)


sys.modules[__name__].__class__ = _Root
