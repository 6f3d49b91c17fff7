"""Functions of C that call back into the program while they work on a container, and so are several steps for real.

`min(xs, key=f)` goes through `xs` while `f` runs, `xs.sort()` with elements compared in Python empties it meanwhile, `map(f, xs)` asks for
one element after the other, `xs.extend(generator)` stores one after the other. Each is announced as one access before it starts;
`Divisible` says that others could come in between.

A `defaultdict` with a factory written in Python is different: looking, making the value and storing it are taken apart, as two accesses.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from gc import get_referents
from itertools import _tee_dataobject, islice  # type: ignore[attr-defined]
from types import FunctionType, GeneratorType, MethodType
from typing import Any

from interleave.instrument.announce import Divisible, announce
from interleave.instrument.families import PLAIN_KEYS, family, item
from interleave.instrument.foreign import METHODS, is_outside, used
from interleave.instrument.iterators import ELEMENTS
from interleave.instrument.kinds import find, is_heap_type, is_written_in_python, iterates_in_python, origin
from interleave.instrument.registry import AccessList, registry
from interleave.model import READ, SHAPE, WHOLE, WRITE, Site

#: How many elements are looked at, and how many layers of iterators.
_LOOKED_AT = 64
_DEPTH = 4
_PYTHON = (FunctionType, MethodType, functools.partial)
_EQ, _LT, _ADD, _TRUTH = ("__eq__",), ("__lt__",), ("__add__", "__radd__"), ("__bool__", "__len__")
#: By method of a list or deque, operator or function of C: the special methods of elements that it calls.
CALLING = {
    "remove": _EQ, "index": _EQ, "count": _EQ, "__contains__": _EQ, "in": _EQ, "sort": _LT, "min": _LT, "max": _LT, "sum": _ADD,
    "any": _TRUTH, "all": _TRUTH, "heappush": _LT, "heappop": _LT, "heapify": _LT, "heapreplace": _LT, "heappushpop": _LT,
    "bisect_left": _LT, "bisect_right": _LT, "insort_left": _LT, "insort_right": _LT, "compare": METHODS["compare"],
    **dict.fromkeys(("str", "repr", "ascii", "format", "print", "show", "writerow", "writerows"), METHODS["show"]),
    **dict.fromkeys(("dump", "dumps"), ("__reduce__", "__reduce_ex__", "__getstate__")),
}  # fmt: skip
#: Functions that work on a copy of what they are given, and such as keep a function without calling it, or call it before they do anything.
_COPYING = frozenset({"sorted", "update", "__build_class__"})


def _judge(tp: type) -> int:
    """Return 1 for code of the program, 2 for iterators around others."""
    if tp in _PYTHON or tp is GeneratorType or iterates_in_python(tp):
        return 1
    return 2 * (tp is _tee_dataobject or (find(tp, "__next__") is not None and not is_written_in_python(tp, "__next__")))


#: By type of a value: whether it is code of the program, or an iterator around something that may be.
_kinds = registry.new_cache(_judge)


def calls_back(value: object, depth: int = 0) -> bool:
    """Tell whether an argument is code of the program, or an iterator that runs some."""
    kind = _kinds[type(value)]
    if kind != 2 or depth >= _DEPTH:
        return kind == 1
    parts = [part for part in get_referents(value) if type(part) is not tuple]
    parts += [inner for part in get_referents(value) if type(part) is tuple for inner in part]
    return any(calls_back(part, depth + 1) for part in parts)


def marked(name: str, values: tuple[Any, ...], accesses: AccessList) -> AccessList:
    """Return the accesses of a function of C to what it is given, marked if it calls back while it makes them."""
    short = name.rpartition(".")[2]
    if not accesses or type(accesses) is Divisible:
        return accesses
    if not any(calls_back(value) for value in values if short not in _COPYING or type(value) not in _PYTHON):
        calling = CALLING.get(short, ())
        parts = [part for part in _parts(values) if type(part) not in PLAIN_KEYS] if calling else []
        called = [part for part in parts if any(_is_called(type(part), dunder) for dunder in calling)]
        if not called:
            return accesses
        outside = [one for part in called if any(is_outside(type(part), dunder) for dunder in calling) for one in used(part, READ)]
        if outside:
            return used(outside[0][0], READ) + outside[1:] + accesses
    return Divisible(accesses, f"{name} with a callback")


def _is_called(tp: type, dunder: str) -> bool:
    """Tell whether a special method is code of the program, or may lead there: what shows an object is for itself."""
    is_leading = not dunder.startswith(("__str", "__repr", "__format", "__reduce", "__getstate"))
    return is_written_in_python(tp, dunder) and (is_leading or not origin(find(tp, dunder)[1]))  # type: ignore[index]


def _parts(values: tuple[Any, ...]) -> list[Any]:
    """Return values and what is in containers among them, as far as it is looked at."""
    parts = [*values]
    for part in parts:
        elements = tuple.__iter__ if type(part) is tuple else ELEMENTS.get(family(type(part)))
        if elements is not None and len(parts) < _LOOKED_AT:
            parts += islice(elements(part), _LOOKED_AT)
    return parts


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
