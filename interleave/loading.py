"""Find the scenarios that a target names.

A target is a module (`targets.cache`), a function in it (`targets.cache:scenario_evict`), a file (`path/to/cache.py`), or a
function in one (`path/to/cache.py::scenario_evict`). Without a function, the scenarios of a module are its functions marked with
`@interleave.scenario`, or, if there are none, those named `scenario*`, in the order of their definition.

A file is imported under the name that it would have in a program: within its package if it is in one, and otherwise as
a module of its own with its folder on the path, so that what lies next to it can be imported.

What else a command line names is checked here too, before there is work that would be lost: packages to include, files to write.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from interleave.errors import UsageError


@dataclass(frozen=True, slots=True)
class Scenario:
    """One function to explore. `target` names it so that it can be found again."""

    function: Callable[[], object]
    #: `module:function`, the name in reports and seeds.
    name: str
    target: str

    @property
    def summary(self) -> str:
        """Return the first line of its docstring, or nothing."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]


def find_scenarios(target: str) -> list[Scenario]:
    """Import a target and return its scenarios, at least one.

    Raises UsageError if it cannot be imported, has no scenarios, or one takes arguments.
    """
    place, separator, function = _split(target)
    module = _module_of(place, target)
    names = [function] if function else _scenario_names(module)
    if not names:
        raise UsageError(
            f"{target!r} has no scenarios: no function is marked with @interleave.scenario or named scenario*.\n"
            f"To explore another function, name it: python -m interleave explore {place}{separator or _separator(place)}FUNCTION"
        )
    return [_scenario(module, name, f"{place}{separator or _separator(place)}{name}") for name in names]


def _separator(place: str) -> str:
    return "::" if place.endswith(".py") else ":"


def _split(target: str) -> tuple[str, str, str]:
    """Split a target into module or file, separator, and function; the last two are empty if there is none."""
    place, separator, function = target.partition("::")
    # A colon also follows the drive letter of a Windows path, where a backslash or slash comes next.
    if not separator and ":" in target and target.rpartition(":")[2].isidentifier():
        place, separator, function = target.rpartition(":")
    if separator and not function:
        raise UsageError(
            f"{target!r} ends where the name of a function should follow.\nList them: python -m interleave list {place or 'FILE'}"
        )
    return place, separator, function


def _module_of(place: str, target: str) -> ModuleType:
    """Import a module by name or path, turning whatever goes wrong into one sentence."""
    is_path = place.endswith(".py")
    if is_path and not os.path.isfile(place):
        raise UsageError(f"There is no file {place!r} (the current folder is {os.getcwd()}).{_resembling(place)}")
    if not place:
        raise UsageError(
            "A target is a module, a file or a function in one; this one is empty.\nFor example: python -m interleave explore FILE"
        )
    if not is_path and os.path.exists(place) and not place.isidentifier():
        raise UsageError(f"{place!r} is a folder; name a module in it, for example {_example_in(place)}")
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return _import_file(os.path.abspath(place)) if is_path else importlib.import_module(place)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(_import_sentence(error, place, target)) from error


def _resembling(path: str) -> str:
    folder, name = os.path.split(path)
    names = [one for one in os.listdir(folder or ".") if one.endswith(".py")] if os.path.isdir(folder or ".") else []
    found = difflib.get_close_matches(name, names, 1)
    return f"\nDid you mean {os.path.join(folder, found[0])}?" if found else ""


def check_packages(names: Iterable[str]) -> None:
    """Raise UsageError if one of the names of packages to include is none that could be imported, or that can be in scope."""
    from interleave.instrument.scope import NEVER_IN_SCOPE

    for name in names:
        top = name.partition(".")[0]
        if top in NEVER_IN_SCOPE:
            raise UsageError(
                f"{top!r} cannot be included: threads are controlled by standing in for it, or it is what controls them.\n"
                f"Leave out --include {name}; what programs do with it is controlled anyway."
            )
        if not any(sign in top for sign in "*?[") and top not in sys.modules and (not top or importlib.util.find_spec(top) is None):
            raise UsageError(
                f"There is no package or module {top!r} to include.\nGive the name by which it is imported, in this environment."
            )


def check_files(files: Mapping[str, str]) -> None:
    """Raise UsageError if what is to be written, by the name of the option, has no place to be written to, or cannot be made."""
    if "html" in files and importlib.util.find_spec("jinja2") is None:
        raise UsageError(f"--html needs jinja2, which is not installed.\nInstall it: {shlex.quote(sys.executable)} -m pip install jinja2")
    by_file: dict[str, str] = {}
    for name, file in files.items():
        where = "standard output" if file == "-" else file
        if (other := by_file.setdefault(file, name)) != name:
            raise UsageError(f"--{other} and --{name} cannot both go to {where}.\nGive one of them another file.")
        folder = os.path.dirname(file) or "."
        if file != "-" and not os.path.isdir(folder):
            raise UsageError(
                f"--{name} cannot be written to {file!r}: there is no folder {folder!r}.\nMake it: mkdir -p {shlex.quote(folder)}"
            )


def _example_in(folder: str) -> str:
    files = sorted(name for name in os.listdir(folder) if name.endswith(".py")) if os.path.isdir(folder) else []
    return os.path.join(folder, files[0] if files else "module.py")


def _import_sentence(error: BaseException, place: str, target: str) -> str:
    """Say why an import failed, with the line at fault unless the target itself is what is missing."""
    if isinstance(error, ModuleNotFoundError) and error.name and (place == error.name or place.startswith(f"{error.name}.")):
        return (
            f"There is no module {error.name!r} to import for the target {target!r} (the current folder is {os.getcwd()}).\n"
            "Run from the folder that holds it, or give the file: python -m interleave explore path/to/file.py"
        )
    what = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    own = [frame for frame in frames if os.path.dirname(__file__) not in frame.filename]
    if isinstance(error, SyntaxError) and error.filename:
        where = f" at {error.filename}:{error.lineno}"
    else:
        where = f" at {own[-1].filename}:{own[-1].lineno}" if own else ""
    return f"Cannot import {place!r}: {what}{where}"


def _import_file(path: str) -> ModuleType:
    """Import a file under the dotted name that its packages give it."""
    folder, name = os.path.split(path)
    parts = [name.removesuffix(".py")]
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        parts.insert(0, package)
    if parts[-1] == "__init__":
        parts.pop()
    if folder not in sys.path:
        sys.path.insert(0, folder)
    dotted = ".".join(parts)
    if len(parts) > 1 or "__init__" in name:
        return importlib.import_module(dotted)
    loaded = sys.modules.get(dotted)
    if loaded is not None and getattr(loaded, "__file__", None) == path:
        return loaded
    # Loaded from the path itself: `queue.py` must not turn into the standard library's module, nor replace it.
    if loaded is not None or dotted in sys.stdlib_module_names:
        dotted = f"{dotted}_py"
    spec = importlib.util.spec_from_file_location(dotted, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[dotted] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[dotted]
        raise
    return module


def _scenario_names(module: ModuleType) -> list[str]:
    """Return the names of a module's scenarios in the order of their definition."""
    marked = [name for name, value in vars(module).items() if getattr(value, "__interleave_scenario__", False) is True]
    if marked:
        return marked
    return [name for name, value in vars(module).items() if name.startswith("scenario") and _is_own_function(value, module)]


def _is_own_function(value: Any, module: ModuleType) -> bool:
    """Tell whether a value is a function written in this module, not one that it imported."""
    return inspect.isfunction(value) and value.__module__ == module.__name__


def _scenario(module: ModuleType, name: str, target: str) -> Scenario:
    function = getattr(module, name, None)
    if not callable(function):
        known = ", ".join(_scenario_names(module)) or "none"
        raise UsageError(f"{module.__name__!r} has no function {name!r}; its scenarios are: {known}")
    needed = [one.name for one in inspect.signature(function).parameters.values() if _is_required(one)]
    if needed:
        raise UsageError(
            f"Scenario {target!r} takes arguments ({', '.join(needed)}), but is called without any.\n"
            "Write a function without parameters that calls it, and explore that."
        )
    return Scenario(function, f"{module.__name__}:{name}", target)


def _is_required(parameter: inspect.Parameter) -> bool:
    variadic = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and not variadic
