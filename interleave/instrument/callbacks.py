"""Functions of C that call back into the program while they work on a container, and so are several steps for real.

`min(xs, key=f)` goes through `xs` while `f` runs, `xs.sort()` with elements compared in Python empties it meanwhile, `map(f, xs)` asks for
one element after the other. Each is announced as one access before it starts; `Divisible` says that others could come in between.

A `defaultdict` with a factory written in Python is different: looking, making the value and storing it are taken apart, as two accesses.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from gc import get_referents
from itertools import islice
from types import FunctionType, MethodType
from typing import Any

from interleave.instrument.announce import Divisible, announce
from interleave.instrument.families import item
from interleave.instrument.kinds import find, is_heap_type, is_written_in_python
from interleave.instrument.registry import AccessList
from interleave.model import READ, SHAPE, WHOLE, WRITE, Site

#: How many elements are looked at, and how many layers of iterators.
_LOOKED_AT = 64
_DEPTH = 4
_PYTHON = (FunctionType, MethodType, functools.partial)
#: By method of a list: the special method of its elements that it calls.
COMPARING = {"sort": "__lt__", "remove": "__eq__", "index": "__eq__"}
#: Functions that take a `key` and work on what they are given, not on a copy.
_KEYED = frozenset({min, max})


def calls_back(value: object, depth: int = 0) -> bool:
    """Tell whether an argument is code of the program, or an iterator that runs some."""
    if type(value) in _PYTHON:
        return True
    if depth >= _DEPTH or find(type(value), "__next__") is None or is_written_in_python(type(value), "__next__"):
        return False
    parts = [part for part in get_referents(value) if type(part) is not tuple]
    parts += [inner for part in get_referents(value) if type(part) is tuple for inner in part]
    return any(calls_back(part, depth + 1) for part in parts)


def of_function(site: Site, function: Any, arguments: tuple[Any, ...], accesses: AccessList) -> AccessList:
    """Return the accesses of a call of a function or type of C, marked if it calls back while it makes them."""
    if not accesses or not ((site.has_keywords and function in _KEYED) or any(map(calls_back, arguments))):
        return accesses
    return Divisible(accesses, f"{function.__name__} with a callback")


def of_list_method(site: Site, owner: Any, name: str, arguments: tuple[Any, ...], accesses: AccessList) -> AccessList:
    """Return the accesses of a method of a list, marked if it compares by code of the program."""
    dunder = COMPARING.get(name)
    if dunder is None:
        return accesses
    compared = {type(value) for value in (*islice(list.__iter__(owner), _LOOKED_AT), *arguments)}
    if not site.has_keywords and not any(is_written_in_python(tp, dunder) for tp in compared):
        return accesses
    return Divisible(accesses, f"list.{name} with a callback")


def makes_in_python(obj: Any, key: object) -> bool:
    """Tell whether `obj[key]` of a `defaultdict` runs code of the program to make a value."""
    factory = obj.default_factory
    if type(factory) is type(None) or not (type(factory) in _PYTHON or (isinstance(factory, type) and is_heap_type(factory))):
        return False
    owners = [find(type(obj), name) for name in ("__missing__", "__setitem__")]
    return all(owner is not None and owner[0] in (defaultdict, dict) for owner in owners) and not dict.__contains__(obj, key)


def make_default(site: Site, obj: Any, key: object) -> None:
    """Do what `defaultdict.__missing__` is about to do: announce the look, make the value, announce the store, store."""
    field = item(key)
    announce(site, [(obj, field, READ)])
    if dict.__contains__(obj, key):
        return
    value = obj.default_factory()
    accesses: AccessList = [(obj, WHOLE, WRITE)] if field is WHOLE else [(obj, field, WRITE), (obj, SHAPE, WRITE)]
    announce(site, accesses, value)
    dict.__setitem__(obj, key, value)
