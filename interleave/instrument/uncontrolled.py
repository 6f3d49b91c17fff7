"""Calls by which a program gets what control does not reach, as code that is made while it runs.

Code that `exec` and `eval` run is new in every execution and has no hooks; it cannot be exchanged for something else, so it is entered into
the ledger, and nothing is proven. So is `datetime.now` where the interpreter does not let it be exchanged (see `primitives.dates`).

What a call does that the interpreter makes by itself depends on the class of an object, its special methods, the code of a function: who
replaces those while others run is entered as well, and who changes what holds for the whole process.

What an execution registers with `atexit` is dropped when it is over: there would be one for each execution when the process ends.
"""

from __future__ import annotations

import atexit
import datetime
import re
import sys
from functools import partial
from types import FunctionType, MethodType, MethodWrapperType
from typing import Any

from interleave.instrument.kinds import find
from interleave.instrument.registry import registry
from interleave.model import Site
from interleave.runtime import active, gate
from interleave.runtime.ledger import UNORDERED

_RUNNERS = frozenset({exec, eval})
_DATES = frozenset({"now", "utcnow"})


def note_function(site: Site, function: Any, arguments: tuple[Any, ...]) -> bool:
    """Enter a call of a function of C into the ledger if it is such a one, and tell whether it is."""
    if function in _RUNNERS:
        _note(f"{function.__name__} ran code at {site} that is not instrumented")
    elif function is atexit.register:
        registry.exits += arguments[:1]
    elif function.__module__ != "builtins":
        note_setting(site, function)
    return function in _RUNNERS


#: How names of functions begin that change what holds for the whole process.
_SETTING = re.compile("set|reset|add[_A-Z]|register|unregister|install|enable|disable|start|stop|clear|init|tzset")


def note_setting(site: Site, function: Any) -> None:
    """Enter a call of a function of the standard library that seems to change a setting of the process (see `settings` for others)."""
    name, module = function.__qualname__, function.__module__
    if gate.is_open and _SETTING.match(name) and type(module) is str and module.partition(".")[0] in sys.stdlib_module_names:
        _note_change(site, f"{module}.{name} was called")


def note_store(site: Site, namespace: dict[str, Any], name: str) -> None:
    """Enter the store of a variable of a module that is out of scope, whose functions do not say that they read it."""
    module = namespace.get("__name__")
    if type(module) is str and name not in registry.variables.get(id(namespace), ()) and not registry.covers(module):
        _note_change(site, f"{name} of {module} was replaced")


def note_registration(site: Site, function: FunctionType) -> None:
    """Enter a call of a function that makes others answer differently from now on."""
    if (function.__module__, function.__qualname__) in REGISTERING:
        _note_change(site, f"{function.__qualname__.replace('.<locals>', '')} was called")


REGISTERING = frozenset({
    ("functools", "singledispatch.<locals>.register"), ("functools", "singledispatchmethod.register"), ("abc", "ABCMeta.register"),
})  # fmt: skip


def note_method_of_class(site: Site, cls: type, name: str) -> None:
    """Enter a call of a method of a class of C into the ledger if it reads the clock."""
    if name in _DATES and issubclass(cls, datetime.date):
        _note(f"{cls.__qualname__}.{name} read the real clock at {site}")


def note_iterator(site: Site, cls: type, arguments: tuple[Any, ...]) -> None:
    """Enter the making of a `map` or `starmap` that calls what stores attributes: which, is not known before it does."""
    called: Any = arguments[0] if arguments else None
    called = called.func if type(called) is partial else called
    is_method = type(called) is MethodWrapperType and called.__name__ in ("__setattr__", "__delattr__")
    if called is setattr or called is delattr or is_method:
        _note(f"{cls.__name__} at {site} calls {called.__name__}, which stores attributes that nobody announces")


def note_class(site: Site, cls: type) -> None:
    """Enter the making of a future of asyncio that does not say when it is looked at (see `event_loop.plain`)."""
    if type(cls) is type and cls.__module__ == "_asyncio" and cls.__name__ in ("Future", "Task"):
        _note(f"an asyncio.{cls.__name__} was made at {site} by a name for it that was not found: who looks at it is not known")


def note_order(elements: set[Any]) -> None:
    """Note that a set is gone through whose order is that of addresses: its elements have the hash of all objects, or of bound methods."""
    first = type(next(set.__iter__(elements), None))
    if len(elements) > 1 and find(first, "__hash__")[0] in (object, MethodType):  # type: ignore[index, operator]
        _note(f"a set of {first.__qualname__} {UNORDERED}")


def note_special(site: Site, obj: object, name: str, value: object) -> None:
    """Enter a store to an attribute that the interpreter looks up by itself, and one that gives several objects the same attributes."""
    if name == "__dict__":
        if registry.aliases.get(id(value), (value, obj))[1] is not obj:
            _note(f"objects share their attributes since {site}, which have a name for each of them")
        registry.note_alias(value, obj)
    elif gate.is_open and name not in _SHOWN and (name in SPECIAL or type(obj) is FunctionType or issubclass(type(obj), type)):
        _note_change(site, f"{name} was replaced")


SPECIAL = frozenset({"__class__", "cell_contents"})
_SHOWN = frozenset({"__name__", "__qualname__", "__doc__", "__module__", "__annotations__", "__wrapped__", "__dict__", "__signature__"})


def _note_change(site: Site, what: str) -> None:
    _note(f"{what} at {site}, which is ordered with nothing that depends on it")


def _note(sentence: str) -> None:
    kernel = active()
    if kernel is not None:
        kernel.ledger.note(sentence)
