"""What operators, properties and `with` blocks run that is written in Python and out of scope: methods of classes of installed packages.

The calls are in nobody's code, so that what they touch is announced by whoever has the operator: a read of the whole object, or a write
where it may change. See `runtime.unseen` for what it means that they are one step.
"""

from __future__ import annotations

from typing import Any

from interleave.instrument.announce import Divisible, announce, gate
from interleave.instrument.kinds import find, is_foreign, module_name, qualified_name, root_module
from interleave.instrument.registry import AccessList, Kinds, registry
from interleave.model import READ, WHOLE, WRITE, Site

#: Special methods that an operation may call, by what the operation is.
METHODS: dict[str, tuple[str, ...]] = {
    "compare": ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"),
    "combine": tuple(
        f"__{side}{name}__"
        for name in ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift")
        for side in ("", "r")
    ),
    "show": ("__str__", "__repr__", "__format__"),
    "enter": ("__enter__",),
    "enter asynchronously": ("__aenter__",),
}  # fmt: skip


def _users(operation: str) -> Kinds:
    """Return the types that have such a method."""
    return registry.new_cache(lambda tp: any(_has_foreign(tp, name) for name in METHODS[operation]))


_USERS = {operation: _users(operation) for operation in METHODS}


def operated(operation: str, *operands: Any) -> AccessList:
    """Return what an operation touches by methods of installed packages, empty as a rule."""
    users = _USERS[operation]
    for operand in operands:
        if users[type(operand)]:
            return used(operand, WRITE if operation.startswith("enter") else READ, is_held=operation != "enter asynchronously")
    return []


def used(obj: Any, mode: int, *, is_held: bool = True) -> AccessList:
    """Return the access to an object of an installed package by code of that package."""
    tp = type(obj)
    who = f"code of {module_name(tp)}.{qualified_name(tp)}"
    return Divisible([(obj, WHOLE, mode)], who, root_module(tp), has_state=True, is_held=is_held)


def changing(obj: Any, arguments: tuple[Any, ...]) -> AccessList:
    """Return what an operation on an item touches that is written in Python (see `containers.Action`)."""
    return used(obj, WRITE)


def looking(obj: Any, arguments: tuple[Any, ...]) -> AccessList:
    """Return what an operation touches that is written in Python and only looks."""
    return used(obj, READ)


def _has_foreign(tp: type, name: str) -> bool:
    found = find(tp, name)
    return found is not None and is_foreign(found[1])


def enter(site: Site, operation: str) -> Any:
    """Make the hook for the start of a `with` block."""

    users = _USERS[operation]

    def hook(manager: Any) -> None:
        if gate.is_open and users[type(manager)]:
            announce(site, operated(operation, manager))

    return hook
