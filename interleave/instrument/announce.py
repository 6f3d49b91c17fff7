"""From hooks to the kernel: announce accesses, name objects.

Hooks look `touch` and its siblings up in `interleave.runtime` every time, because the kernel rebinds them for each execution.
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Hashable
from enum import EnumType
from types import BuiltinFunctionType, CodeType, EllipsisType, FunctionType, MethodType, ModuleType, NoneType, NotImplementedType
from typing import Any

from interleave import runtime
from interleave.instrument.kinds import find
from interleave.instrument.registry import AccessList, registry
from interleave.model import READ, SHAPE, WHOLE, Site

gate = runtime.gate

#: Exact types of values that are never owners of an interesting place, or that have a better name than who published them.
ANONYMOUS: frozenset[type] = frozenset({
    int, str, float, bool, NoneType, bytes, complex, FunctionType, BuiltinFunctionType, MethodType, ModuleType, type, ABCMeta, EnumType,
    range, slice, EllipsisType, NotImplementedType, CodeType, property, staticmethod, classmethod, frozenset,
})  # fmt: skip

#: A container longer than this is named without its elements: naming must stay cheap.
_LONGEST_LITERAL = 32


def announce(site: Site, accesses: AccessList) -> None:
    """Announce accesses that happen as one operation. Call only while the gate is open."""
    if registry.aliases:
        accesses = _translate(accesses)
    if len(accesses) == 1:
        owner, field, mode = accesses[0]
        runtime.touch(site, owner, field, mode)
    elif accesses:
        runtime.touch_many(site, accesses)


def _translate(accesses: AccessList) -> AccessList:
    """Turn accesses to items of aliases into accesses to the attributes that they are."""
    result: AccessList = []
    for owner, field, mode in accesses:
        alias = registry.aliases.get(id(owner))
        if alias is None:
            result.append((owner, field, mode))
            continue
        namespace, holder = alias
        if isinstance(field, tuple):
            name = field[1]
            if type(name) is str:
                if mode:
                    _note_store(namespace, holder, name)
                result.append((holder, name, mode))
        elif field is WHOLE or mode == READ:
            # Attribute stores announce no SHAPE, so whoever reads it has to read all of them.
            result.append((holder, WHOLE if field is SHAPE else field, mode))
    return result


def _note_store(namespace: dict[str, Any], holder: object, name: str) -> None:
    """Note that a global, or an attribute which a class has too, is stored through a dictionary."""
    if namespace is holder:
        registry.note_variable(namespace, name)
    elif find(type(holder), name) is not None:
        registry.note_patch(name)


def announce_one(site: Site, owner: object, field: Hashable, mode: int) -> None:
    """Announce one access to an item, which may be an attribute in disguise."""
    if registry.aliases:
        announce(site, [(owner, field, mode)])
    else:
        runtime.touch(site, owner, field, mode)


def name_value(value: object) -> None:
    """Name a value that is being stored, and what a fresh literal brings along.

    Elements of small lists, tuples and dictionaries are named too: `self.slots = [Slot(), Slot()]` publishes three objects, and the
    thread that makes them is the same in every schedule, while the one that touches them first is not.
    """
    kind = type(value)
    if kind is list or kind is tuple:
        if len(value) <= _LONGEST_LITERAL:  # type: ignore[arg-type]
            for element in value:  # type: ignore[attr-defined]
                if type(element) not in ANONYMOUS:
                    runtime.publish(element)
    elif kind is dict and len(value) <= _LONGEST_LITERAL:  # type: ignore[arg-type]
        for element in value.values():  # type: ignore[attr-defined]
            if type(element) not in ANONYMOUS:
                runtime.publish(element)
    if kind is not tuple:
        runtime.publish(value)
