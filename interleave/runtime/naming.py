"""Which objects get a name before anybody accesses them: those that are about to become known to other threads.

A name says which logical thread came first (see `places`). The thread that makes an object is the same in every schedule, the one that
touches it first is not. So objects are named when they are stored somewhere, and when they are given to a new thread.
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Iterable
from contextlib import suppress
from enum import EnumType
from functools import partial
from threading import Thread
from types import BuiltinFunctionType, CodeType, EllipsisType, FunctionType, MethodType, ModuleType, NoneType, NotImplementedType
from typing import Any

from interleave import runtime
from interleave.runtime import state

#: Exact types of values that are never owners of an interesting place, or that have a better name than who published them.
ANONYMOUS: frozenset[type] = frozenset({
    int, str, float, bool, NoneType, bytes, complex, FunctionType, BuiltinFunctionType, MethodType, ModuleType, type, ABCMeta, EnumType,
    range, slice, EllipsisType, NotImplementedType, CodeType, property, staticmethod, classmethod, frozenset,
})  # fmt: skip

#: A container longer than this is named without its elements: naming must stay cheap.
_LONGEST_LITERAL = 32
#: What is given to threads is named with more of its elements: lists of locks, of accounts, of slots.
_LONGEST_GIVEN = 100


def name_value(value: object, longest: int = _LONGEST_LITERAL) -> None:
    """Name a value that is being stored, and what a fresh literal brings along.

    Elements of small lists, tuples and dictionaries are named too: `self.slots = [Slot(), Slot()]` publishes three objects, and the
    thread that makes them is the same in every schedule, while the one that touches them first is not.
    """
    kind = type(value)
    if kind is list or kind is tuple:
        if len(value) <= longest:  # type: ignore[arg-type]
            _name_all(value)  # type: ignore[arg-type]
    elif kind is dict and len(value) <= longest:  # type: ignore[arg-type]
        _name_all(value.values())  # type: ignore[attr-defined]
    if kind is not tuple:
        runtime.publish(value)


def _name_all(elements: Iterable[object]) -> None:
    # The same list is often given to one thread after another.
    if state.kernel is None or not state.kernel.memory.places.entries.keys() >= set(map(id, elements)):
        for element in elements:
            if type(element) not in ANONYMOUS:
                runtime.publish(element)


def hand_over(target: Any, arguments: Iterable[object]) -> None:
    """Name what a new thread is given, while nobody but its parent can come to it."""
    if type(target) is partial:
        hand_over(None, (*target.args, *target.keywords.values()))
        target = target.func
    for value in arguments:
        if type(value) not in ANONYMOUS and type(value) is not Thread:
            name_value(value, _LONGEST_GIVEN)
    if type(target) in (MethodType, BuiltinFunctionType):
        name_value(target.__self__)
        target = getattr(target, "__func__", None)
    if type(target) is not FunctionType:
        if type(target) not in ANONYMOUS:
            runtime.publish(target)
    elif target.__closure__:
        for cell in state.changing_cells(target):
            runtime.publish(cell)
        for cell in target.__closure__:
            with suppress(ValueError):
                if type(cell.cell_contents) not in ANONYMOUS:
                    name_value(cell.cell_contents, _LONGEST_GIVEN)
