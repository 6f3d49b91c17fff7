"""What objects of the standard library, and of C, work on besides themselves: a section of a `ConfigParser` on its parser, a
`csv.DictReader` on a file, an element of a tree on those below it.

A use of such an object is a use of all that it leads to, as far as that are objects of the standard library themselves, or containers that
one of these has as an attribute; what is in those is the program's as a rule. What a module or class keeps for all who need one, as
policies and dialects, is passed over: it is there to be shared.
"""

from __future__ import annotations

import decimal
import sys
from _csv import Dialect
from collections import ChainMap
from collections.abc import Iterator
from functools import partial
from gc import get_referents
from types import BuiltinFunctionType, MethodType
from typing import Any

from interleave.instrument import kinds
from interleave.instrument.families import family
from interleave.instrument.kinds import instance_namespace, is_heap_type, module_name, mro_of, namespace_of, peek, root_module
from interleave.instrument.registry import registry

#: Kinds of what an object leads to: nothing that matters; what is only looked into; a container; an object of the standard library.
_NOTHING, _THROUGH, _CONTAINER, _OBJECT = range(4)
_LOOKED_INTO = (tuple, MethodType, BuiltinFunctionType, partial)
_OTHERS = kinds.NEUTRAL_MODULES | kinds.STATELESS | kinds.INERT_MODULES | {"collections", "array", "random"}
#: How many are looked at, at most.
_PARTS = 200


def _judge(tp: type) -> int:
    if issubclass(tp, type) or tp is Dialect:
        return _NOTHING
    if tp is decimal.Context:
        return _OBJECT
    modules = set(map(module_name, mro_of(tp)))
    roots = {root_module(cls) for cls in mro_of(tp)} - _OTHERS
    if any(root in sys.stdlib_module_names for root in roots) or modules & kinds.STATEFUL:
        return _OBJECT
    if family(tp):
        return _CONTAINER
    # `UserDict` and its like.
    return _OBJECT if "collections" in modules else _THROUGH if tp in _LOOKED_INTO else _NOTHING


_kinds = registry.new_cache(_judge)


def is_linking(tp: type) -> bool:
    """Tell whether a type is one whose objects work on others."""
    return _kinds[tp] == _OBJECT


def linked(obj: Any) -> list[Any]:
    """Return what an object works on besides itself, empty for most."""
    if not is_linking(type(obj)):
        return []
    found: list[Any] = list(peek(obj, "maps", ())) if issubclass(type(obj), ChainMap) else []  # type: ignore[call-overload]
    if type(obj) is decimal.Context:
        found = [obj.flags, obj.traps]
    pending = [obj]
    seen = {id(one) for one in (obj, *found)}
    for holder in pending:
        is_object = _kinds[type(holder)] == _OBJECT
        for part in _parts(holder):
            kind = _kinds[type(part)]
            if kind == _NOTHING or id(part) in seen or len(seen) > _PARTS or (kind == _OBJECT and _is_common(holder, part)):
                continue
            seen.add(id(part))
            pending.append(part)
            if kind == _OBJECT or (kind == _CONTAINER and is_object):
                found.append(part)
    return found


def _parts(obj: Any) -> Iterator[Any]:
    for part in get_referents(obj):
        if type(part) is dict and is_heap_type(type(obj)) and instance_namespace(obj) is part:
            yield from part.values()
        else:
            yield part


def _is_common(holder: Any, part: Any) -> bool:
    """Tell whether an object is kept by a class or module for all that need such a one."""
    namespaces = [namespace_of(cls) for cls in mro_of(type(holder))]
    module = sys.modules.get(module_name(type(part)))
    return any(value is part for space in (*namespaces, vars(module) if module else {}) for value in space.values())
