"""Which code is instrumented.

By default what the user wrote: no standard library, nothing installed, nothing of ours. Text that has no file (it begins with "<")
belongs to the module whose globals it uses, so that what `dataclasses`, `attrs` and `exec` made for a module in scope is in scope.
"""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase
from functools import cache
from types import CodeType, FunctionType

from interleave.runtime.sites import INSTALLED, LIBRARY, OURS

_PACKAGE = __name__.partition(".")[0]
#: Functions of the standard library that do nothing but call what the program gave them. Only the call is instrumented: in
#: `Thread(target=xs.append)` it is the one place where the access can be seen.
CALLERS = frozenset({
    ("threading", "Thread.run"), ("threading", "Timer.run"), ("threading", "Barrier._release"),
    ("concurrent.futures.thread", "_WorkItem.run"), ("concurrent.futures._base", "Future._invoke_callbacks"),
    ("weakref", "finalize.__call__"), ("logging", "StreamHandler.emit"),
})  # fmt: skip
#: Functions of the standard library that store into objects of the program, behind its back, or into what threads may share.
_STORERS = frozenset((module, f"{cls}.{name}") for module, cls, names in (
    ("functools", "cached_property", "__get__"), ("contextlib", "ExitStack", "__exit__"),
    ("contextlib", "_BaseExitStack", "_push_exit_callback _create_cb_wrapper pop_all"),
    # These change what is one for the whole process.
    ("contextlib", "_RedirectStream", "__enter__ __exit__"), ("contextlib", "chdir", "__enter__ __exit__"),
    ("warnings", "catch_warnings", "__enter__ __exit__"), ("weakref", "finalize", "detach peek alive"),
    ("unittest.mock", "_patch", "__enter__ __exit__"),
) for name in names.split())  # fmt: skip
_ALWAYS = CALLERS | _STORERS


#: Folders whose code is in scope for every module or for none.
_FIXED = (*LIBRARY, OURS)
#: `collections.namedtuple` makes `__new__` in a namespace of this name, whoever asked for it: it packs arguments and touches nothing.
_NAMEDTUPLE = "namedtuple_"


#: What the engine is, stands in for, or runs on: `include` does not bring them into scope.
NEVER_IN_SCOPE = frozenset({_PACKAGE, "threading", "queue", "importlib", "greenlet"})


#: By `include`: see `Scope.outside` and `Scope.inside`. Code is kept alive by it, so that ids stay what they are.
_outside: dict[tuple[str, ...], dict[int, CodeType]] = {}
_inside: dict[tuple[str, ...], dict[int, tuple[CodeType, str]]] = {}


class Scope:
    """What to instrument: the user's own modules, and those that `include` names.

    `include` are module names, with the wildcards of `fnmatch`; a name stands for the module and everything below it:
    "cachetools" covers "cachetools" and "cachetools.func".
    """

    def __init__(self, include: tuple[str, ...] = ()) -> None:
        self.include = include
        self._verdicts: dict[tuple[str, str | None], bool] = {}
        #: By id, code of the library's files that was found out of scope: most functions of a process, looked at for every exploration.
        self.outside = _outside.setdefault(include, {})
        #: By id, code that was found in scope, with the name of the module: both the file and the name are what that depends on.
        self.inside = _inside.setdefault(include, {})

    def covers(self, module_name: str, file: str | None) -> bool:
        """Tell whether code of this module, compiled from this file, is in scope."""
        key = (module_name, file)
        known = self._verdicts.get(key)
        if known is None:
            known = self._verdicts[key] = self._judge(module_name, file)
        return known

    def covers_function(self, function: FunctionType) -> bool:
        """Tell whether a function is in scope."""
        name = function.__globals__.get("__name__") or function.__module__
        if self.covers(name if isinstance(name, str) else "", function.__code__.co_filename):
            return True
        return (function.__module__, function.__qualname__) in _ALWAYS

    @property
    def has_library(self) -> bool:
        """Whether modules of the standard library are in scope, whose code the engine runs as well."""
        return any(self._names(name) for name in sys.stdlib_module_names) or any(
            pattern.partition(".")[0] in sys.stdlib_module_names for pattern in self.include
        )

    def _names(self, module_name: str) -> bool:
        return any(fnmatchcase(module_name, pattern) or fnmatchcase(module_name, pattern + ".*") for pattern in self.include)

    def take_in(self, function: FunctionType) -> bool:
        """Tell whether a function is in scope, and remember its code if it is."""
        is_inside = self.covers_function(function)
        name = function.__globals__.get("__name__")
        if is_inside and type(name) is str:
            self.inside[id(function.__code__)] = function.__code__, name
        return is_inside

    def leave_out(self, code: CodeType) -> bool:
        """Remember that the function with this code is out of scope, if that cannot be otherwise for another function with it."""
        is_fixed = _is_fixed(code.co_filename)
        if is_fixed:
            self.outside[id(code)] = code
        return is_fixed

    def _judge(self, module_name: str, file: str | None) -> bool:
        if module_name.startswith(_NAMEDTUPLE):
            return False
        if _root(module_name) == _PACKAGE or (file is not None and file.startswith(OURS)):
            return False
        if _root(module_name) not in NEVER_IN_SCOPE and self._names(module_name):
            return True
        if file is None or file.startswith("<"):
            # Made by `exec`: what counts is for whom.
            file = _file_of(module_name) or file
        if file is None or file.startswith("<"):
            # For a module that has no file: a frozen or built-in one, or the interactive `__main__`.
            is_frozen = file is not None and file.startswith("<frozen ")
            return not is_frozen and _root(module_name) not in sys.stdlib_module_names
        return not file.startswith(LIBRARY) and not any(part in file for part in INSTALLED)


@cache
def _is_fixed(file: str) -> bool:
    """Tell whether code of a file is in scope for every module or for none."""
    return file.startswith(_FIXED) or any(part in file for part in INSTALLED)


def _root(module_name: str) -> str:
    return module_name.partition(".")[0]


def _file_of(module_name: str) -> str | None:
    file = getattr(sys.modules.get(module_name), "__file__", None)
    return file if isinstance(file, str) else None
