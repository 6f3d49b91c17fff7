"""Which container an operation is on, and which of its items.

Operations are judged like attributes, by the type: `len(x)` of a subclass of `list` is an access to a list if the `__len__` found in
the MRO is the one written in C; if it is written in Python, it is a call. Families are containers that behave alike; `containers` has
their tables.

The field of an item is `("[]", key)`, so that it cannot be mistaken for an attribute. Keys are compared and hashed by the kernel,
over and over, hence only those are fields that do so in C; all others stand for the whole container.
"""

from __future__ import annotations

import re
from array import array
from collections import OrderedDict, defaultdict, deque
from collections.abc import Hashable
from enum import Enum
from functools import cache
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodWrapperType, NoneType
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from interleave.instrument import kinds
from interleave.instrument.kinds import find, forwards, is_a, is_changing, is_stateless, mro_of, name_of, origin, peek, qualified_name
from interleave.instrument.registry import Kinds, registry
from interleave.model import WHOLE

#: Families of containers that behave alike. NONE must be 0. OPAQUE is an object of an unknown mutable type of C or of the standard library;
#: MEMORY is a view of the memory of another object, under whose name it goes (see `runtime.places`);
#: WEAK one whose elements go with their last reference, where that makes a difference (see `sees_deaths`);
#: FOREIGN one of an installed package, which might even change when an item is read, as caches do.
NONE, LIST, DICT, DEFAULTDICT, SET, ARRAY, DEQUE, VIEW, MEMORY, WEAK, OPAQUE, FOREIGN = range(12)

_FAMILIES: dict[type, int] = {
    list: LIST, dict: DICT, OrderedDict: DICT, defaultdict: DEFAULTDICT, set: SET, bytearray: ARRAY, array: ARRAY, deque: DEQUE,
    memoryview: MEMORY,
    re.Match: VIEW, MappingProxyType: VIEW, type({}.keys()): VIEW, type({}.values()): VIEW, type({}.items()): VIEW,
    type(OrderedDict().keys()): VIEW, type(OrderedDict().values()): VIEW, type(OrderedDict().items()): VIEW,
}  # fmt: skip

#: Methods of C bound to their object.
BOUND = (BuiltinFunctionType, MethodWrapperType)

#: Field of an access that conflicts with everything, since nobody can say what it depends on.
ANYWHERE: Hashable = object()


#: Returns the family of a container type or of a subclass of one, whatever it overrides; NONE for all other types.
family = registry.new_cache(lambda tp: next((_FAMILIES[cls] for cls in mro_of(tp) if cls in _FAMILIES), NONE)).__getitem__


@cache
def operations(dunder: str) -> Kinds:
    """Return the families whose C code performs an operation, by type: NONE where Python code does, or nothing mutable is involved."""
    return registry.new_cache(lambda tp: _judge_operation(tp, dunder))


#: What is done where a method is missing.
_INSTEAD = {"__contains__": "__iter__", "__iter__": "__getitem__"}


def _judge_operation(tp: type, dunder: str) -> int:
    found = find(tp, dunder)
    if found is None and dunder in _INSTEAD:
        return operations(_INSTEAD[dunder])[tp]
    if found is None or found[1] is None:
        return NONE
    cls, value = found
    if forwards(tp, dunder):
        return WEAK
    if is_a(value, FunctionType, classmethod, staticmethod):
        return _judge_function(tp, value)
    if cls is defaultdict or (family(cls) == DICT and dunder == "__getitem__" and _makes_defaults(tp)):
        return DEFAULTDICT
    known = family(cls)
    if known:
        return known
    return OPAQUE if cls not in _IMMUTABLE and not issubclass(tp, (type, BaseException)) and is_changing(cls) else NONE


def _judge_function(tp: type, function: Any) -> int:
    """Judge an operation that is written in Python: it announces what it does itself, unless it is out of scope."""
    whose = origin(function) if type(function) is FunctionType else kinds.NEUTRAL
    if whose == kinds.NEUTRAL and getattr(function, "__module__", "") == "collections.abc":
        # A mix-in does what it does by what the class has of its own.
        found = [core[1] for name in ("__getitem__", "__iter__", "__len__", "__contains__") if (core := find(tp, name)) is not None]
        own = [core for core in found if type(core) is FunctionType and core.__module__ != "collections.abc"]
        whose = origin(own[0]) if own else kinds.NEUTRAL
    if whose == kinds.LIBRARY and sees_deaths(tp, function.__name__):
        return WEAK
    if whose == kinds.LIBRARY and is_stateless(function) and function.__module__ != "weakref":
        return NONE
    return OPAQUE if whose == kinds.LIBRARY else FOREIGN if whose == kinds.FOREIGN_CODE else NONE


def is_library_container(tp: type) -> bool:
    """Tell whether instances are containers that the standard library writes in Python: `UserDict`, `WeakSet`, `Counter`, ..."""
    return any(operations(dunder)[tp] in (OPAQUE, WEAK, FOREIGN) for dunder in ("__getitem__", "__contains__", "__iter__"))


def _makes_defaults(tp: type) -> bool:
    """Tell whether reading a missing key stores one, in C."""
    found = find(tp, "__missing__")
    return found is not None and found[0] is defaultdict


#: By weak container: methods to which it makes no difference which of its elements have died. A key that is looked up lives.
_BLIND_TO_DEATHS: dict[type, frozenset[str]] = {
    WeakValueDictionary: frozenset({"__setitem__", "__delitem__", "update"}),
    WeakKeyDictionary: frozenset({
        "__getitem__", "__setitem__", "__delitem__", "__contains__", "get", "setdefault", "pop", "update",
    }),
    WeakSet: frozenset({"__contains__", "add", "discard", "remove", "update"}),
}  # fmt: skip


def sees_deaths(tp: type, method: str) -> bool:
    """Tell whether what a method does depends on which elements of a weak container have died: any step of any thread may let one go."""
    return any(issubclass(tp, cls) and method not in names for cls, names in _BLIND_TO_DEATHS.items())


_IMMUTABLE = frozenset({int, float, complex, bool, str, bytes, tuple, frozenset, range, NoneType})

# --- items ------------------------------------------------------------------------------------------------------------

#: Keys of these types are compared and hashed by C code, without surprises.
PLAIN_KEYS = frozenset({str, int, float, bytes, bool, NoneType})
#: Values of these types do not change, and lead nowhere.
SCALARS = PLAIN_KEYS | {complex}


class Identity:
    """A key that is equal to itself only; stands in fields for objects that hash by identity."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.value is other.value

    def __hash__(self) -> int:
        return object.__hash__(self.value)

    def __repr__(self) -> str:
        tp = type(self.value)
        if issubclass(tp, type):
            return f"<{qualified_name(self.value)}>"  # type: ignore[arg-type]
        name = peek(self.value, "_name_", "") if issubclass(tp, Enum) else ""
        return f"<{name_of(tp)}.{name}>" if name else f"<{name_of(tp)}>"


def item(key: object) -> Hashable:
    """Return the field of an item, WHOLE for a key whose hash or comparison would run code of the program."""
    tp = type(key)
    if tp in PLAIN_KEYS:
        return ("[]", key)
    if tp is tuple:
        return ("[]", key) if all(type(part) in PLAIN_KEYS for part in key) else WHOLE  # type: ignore[attr-defined]
    if _hashes_by_identity(tp):
        return ("[]", Identity(key))
    return WHOLE


def _hashes_by_identity(tp: type) -> bool:
    hasher, equality = find(tp, "__hash__"), find(tp, "__eq__")
    if hasher is None or equality is None or equality[0] is not object:
        return False
    # Members of enumerations hash by their name, and are equal by identity.
    return hasher[0] is object or hasher[0] is Enum
