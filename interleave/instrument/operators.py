"""Hooks for operators, truth tests and text: what happens to containers that are operands.

`a + b`, `a == b` and `f"{a}"` read a container whole; `a += b` writes it. An operand that is no container costs one look at its type.
Comparing, copying and printing a container also read what is nested in it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from interleave.instrument.announce import announce, gate, in_parts
from interleave.instrument.callbacks import marked
from interleave.instrument.families import ANYWHERE, ARRAY, MEMORY, SCALARS, family
from interleave.instrument.foreign import operated, used
from interleave.instrument.iterators import consumed, is_iterator, looked_through, nested_reads, read_linked
from interleave.instrument.kinds import FOREIGN_CODE, LIBRARY, find, forwards, origin, runs_outside
from interleave.instrument.registry import AccessList
from interleave.model import WHOLE, WRITE, Site


def binary(site: Site, in_place: str = "") -> Callable[[Any, Any], None]:
    """Make the hook for a binary operator; `in_place` is the special method of its in-place form."""

    def hook(left: Any, right: Any) -> None:
        if gate.is_open and not (type(left) in SCALARS and type(right) in SCALARS):
            accesses = operand_accesses(left, right, in_place)
            if not in_place or not accesses:
                accesses = operated("combine", left, right) + accesses
            if accesses:
                announce(site, accesses)

    return hook


def operand_accesses(left: Any, right: Any, in_place: str = "") -> AccessList:
    """Return what a binary operator touches."""
    accesses: AccessList = []
    if in_place and _changes_in_place(left, in_place):
        if not family(type(left)) and runs_outside(find(type(left), in_place)[1]):  # type: ignore[index]
            return used(left, WRITE)
        accesses.append((left, ANYWHERE if forwards(type(left), in_place) else WHOLE, WRITE))
    elif family(type(left)):
        accesses += nested_reads(left)
    if family(type(right)):
        accesses += nested_reads(right)
    elif in_place and accesses:
        accesses += consumed(right)
    elif type(left) is str and type(right) is tuple:
        # `"%s" % (xs,)`
        accesses += marked("show", right, looked_through("show", right))
    return marked("an operator", (right,), accesses) if in_place else accesses


def _changes_in_place(obj: Any, dunder: str) -> bool:
    """Tell whether an in-place operator changes its left operand by code that does not announce it.

    Immutable types have no such method; Python code in scope announces what it does.
    """
    found = find(type(obj), dunder)
    return found is not None and (type(found[1]) is not FunctionType or origin(found[1]) in (LIBRARY, FOREIGN_CODE))


def compare(site: Site) -> Callable[[Any, Any], None]:
    """Make the hook for `==`, `<` and the like."""

    def hook(left: Any, right: Any) -> None:
        if gate.is_open and not (type(left) in SCALARS and type(right) in SCALARS):
            # A container is not compared with a scalar item by item.
            is_through = (type(left) not in SCALARS and type(right) not in SCALARS) or bytes in (type(left), type(right))
            announce(site, marked("compare", (left, right), (looked_through if is_through else operated)("compare", left, right)))

    return hook


def with_constant(site: Site, operation: str) -> Callable[[Any], None]:
    """Make the hook for an operator of one operand and a constant, or none: only memory is looked through, for `bytes`."""

    def hook(operand: Any) -> None:
        if gate.is_open and type(operand) not in SCALARS:
            if type(operand) is tuple and SCALARS.issuperset(map(type, operand)):
                return
            is_through = operation == "compare" and (type(operand) is tuple or family(type(operand)) in (ARRAY, MEMORY))
            accesses = (looked_through if is_through else operated)(operation, operand)
            if accesses:
                announce(site, accesses)

    return hook


def keys(site: Site) -> Callable[..., None]:
    """Make the hook for what puts keys into a new set or dictionary."""

    def hook(*operands: Any) -> None:
        if gate.is_open:
            for key in operands:
                if type(key) not in SCALARS and (accesses := operated("look up", key)):
                    announce(site, accesses)

    return hook


def show(site: Site) -> Callable[[Any], None]:
    """Make the hook for what turns an object into text."""

    def hook(value: Any) -> None:
        if gate.is_open and type(value) not in SCALARS:
            announce(site, marked("show", (value,), looked_through("show", value) or read_linked(value)))

    return hook


def merge(site: Site) -> Callable[..., None]:
    """Make the hook for what reads through a mapping: `{**mapping}`, and patterns of mappings with some keys, which are one instruction."""

    def hook(value: Any, keys: tuple[Any, ...] = ()) -> None:
        if gate.is_open:
            announce(site, in_parts(nested_reads(value) or consumed(value), len(keys), "a mapping pattern"))

    return hook


def consume(site: Site) -> Callable[[Any], None]:
    """Make the hook for what iterates over an operand to its end: unpacking, `[*xs]`, `{**d}`."""

    def hook(value: Any) -> None:
        if gate.is_open:
            announce(site, marked("unpacking", (value,) if is_iterator(type(value)) else (), consumed(value)))

    return hook
