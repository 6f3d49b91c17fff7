"""What the standard library keeps for the whole process, or for all who use a logger: which functions read and change it.

None of it is an argument of theirs, so that one has to know. Where state has no name of its own, it goes by an attribute of the module.
"""

from __future__ import annotations

import logging
import os
import random
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from interleave.instrument import iterators
from interleave.instrument.announce import Divisible
from interleave.instrument.containers import read_whole, write_whole
from interleave.instrument.families import BOUND
from interleave.instrument.files import FILES
from interleave.instrument.foreign import operated
from interleave.instrument.kinds import peek
from interleave.instrument.registry import AccessList
from interleave.model import READ, WHOLE, WRITE

Arguments = tuple[Any, ...]

_warnings: dict[str, Any] = vars(warnings)


def _set(module: str, name: str) -> Callable[[Arguments], AccessList]:
    return lambda arguments: [(vars(sys.modules[module]), name, WRITE)]


def _get(module: str, name: str) -> Callable[[Arguments], AccessList]:
    return lambda arguments: [(vars(sys.modules[module]), name, READ)]


def _set_context(arguments: Arguments) -> AccessList:
    """Return what is touched by who takes a context of decimal numbers as its own: each of its calculations uses it from now on."""
    return Divisible([(value, WHOLE, WRITE) for value in arguments], "decimal.setcontext")


def _filter(arguments: Arguments) -> AccessList:
    return [(_warnings, "filters", READ), (_warnings["filters"], WHOLE, WRITE)]


def _warn(arguments: Arguments) -> AccessList:
    shown = _warnings["_showwarnmsg_impl"]
    read: AccessList = [(_warnings, "filters", READ), (_warnings["filters"], WHOLE, READ), (_warnings, "_showwarnmsg_impl", READ)]
    return read + (iterators.called(shown) if type(shown) in BOUND else [])


def _read_environment(arguments: Arguments) -> AccessList:
    return read_whole(os.environ, ())


#: By module and qualified name.
SETTINGS: dict[tuple[str | None, str], Callable[[Arguments], AccessList]] = {
    **FILES,
    # It steps what it is given at once.
    ("asyncio.tasks", "wait_for"): lambda arguments: operated("await", *arguments),
    ("locale", "setlocale"): lambda arguments: (_set if arguments[1:] not in ((), (None,)) else _get)("locale", "setlocale")(arguments),
    ("_thread", "stack_size"): lambda arguments: (_set if arguments and arguments[0] else _get)("_thread", "stack_size")(arguments),
    **dict.fromkeys((("decimal", "setcontext"), ("_decimal", "setcontext")), _set_context),
    **dict.fromkeys((("tempfile", "gettempdir"), ("tempfile", "gettempdirb")), _get("tempfile", "tempdir")),
    ("_elementtree", "SubElement"): lambda arguments: write_whole(arguments[0], ()),
    ("interleave.primitives.entropy", "Random.seed"): lambda arguments: write_whole(arguments[0], ()),
    ("interleave.primitives.entropy", "_seed_hidden"): lambda arguments: write_whole(random._inst, ()),
    **dict.fromkeys((("os", "getenv"), ("os", "getenvb"), ("posixpath", "expandvars"), ("posixpath", "expanduser")), _read_environment),
    **dict.fromkeys((("warnings", "simplefilter"), ("warnings", "filterwarnings"), ("warnings", "resetwarnings")), _filter),
    **dict.fromkeys((("warnings", "warn"), ("_warnings", "warn")), _warn),
}
for _module, _setters, _getters in (
    ("sys", "setrecursionlimit", "getrecursionlimit"), ("sys", "setswitchinterval", "getswitchinterval"),
    ("sys", "set_int_max_str_digits", "get_int_max_str_digits"), ("posix", "chdir fchdir", "getcwd getcwdb"), ("posix", "umask", ""),
    ("gc", "enable disable", "isenabled"), ("gc", "set_threshold", "get_threshold"), ("signal", "signal", "getsignal"),
    ("_csv", "register_dialect unregister_dialect", "get_dialect list_dialects"), ("_csv", "field_size_limit", ""),
    ("_socket", "setdefaulttimeout", "getdefaulttimeout"), ("locale", "", "getlocale localeconv"),
):  # fmt: skip
    _name = (_setters or "setlocale").split()[0]
    SETTINGS |= {(_module, name): _set(_module, _name) for name in _setters.split()}
    SETTINGS |= {(_module, name): _get(_module, _name) for name in _getters.split()}


def printed(arguments: Arguments) -> AccessList:
    """Return what printing touches that is not an argument: which one is the standard output, and that if it was exchanged for another."""
    return [(vars(sys), "stdout", READ), *iterators.streams((sys.stdout,))]


def configured(obj: Any, method: str) -> AccessList:
    """Return what a method touches that uses how its object is configured, or configures it. Loggers use their handlers, and parents."""
    if method.startswith(("set", "add", "remove")):
        return [(obj, WHOLE, WRITE)]
    accesses: AccessList = [(obj, WHOLE, READ), *_buffered((obj,))]
    logger = obj if issubclass(type(obj), logging.Logger) else None
    while logger is not None:
        handlers = peek(logger, "handlers", None)
        accesses += [(one, WHOLE, READ) for one in (logger, handlers, *handlers)] if type(handlers) is list else []
        accesses += _buffered(handlers if type(handlers) is list else ())
        logger = peek(logger, "parent", None) if peek(logger, "propagate", False) else None
    return accesses


def _buffered(handlers: Sequence[Any]) -> AccessList:
    buffers = [peek(one, "buffer", None) for one in handlers]
    return [(buffer, WHOLE, WRITE) for buffer in buffers if type(buffer) is list]
