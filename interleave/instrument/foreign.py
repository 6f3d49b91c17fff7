"""What operators, properties and `with` blocks run that is written in Python and out of scope: methods of classes of installed packages,
and of the standard library as far as its objects change.

The calls are in nobody's code, so that what they touch is announced by whoever has the operator: a read of the whole object, or a write
where it may change. See `runtime.unseen` for what it means that they are one step.
"""

from __future__ import annotations

import contextlib
import sys
from types import FunctionType
from typing import Any

from interleave.instrument.announce import Divisible, announce, gate
from interleave.instrument.families import ANYWHERE, FOREIGN, OPAQUE, WEAK, family, operations
from interleave.instrument.kinds import find, module_name, mro_of, qualified_name, root_module
from interleave.instrument.links import linked
from interleave.instrument.registry import AccessList, Kinds, registry
from interleave.model import READ, WHOLE, WRITE, Site
from interleave.runtime.naming import ANONYMOUS
from interleave.runtime.sites import USER, rank

#: Special methods that an operation may call, by what the operation is.
METHODS: dict[str, tuple[str, ...]] = {
    "compare": ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"),
    # An index as well.
    "look up": ("__hash__", "__eq__", "__index__"),
    "combine": tuple(
        f"__{side}{name}__"
        for name in ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift")
        for side in ("", "r")
    ),
    "convert": (
        "__int__", "__float__", "__complex__", "__index__", "__hash__", "__abs__", "__round__", "__divmod__", "__rdivmod__", "__pow__",
        "__rpow__", "__neg__", "__pos__", "__invert__",
    ),
    "show": ("__str__", "__repr__", "__format__"),
    "enter": ("__enter__",),
    "enter asynchronously": ("__aenter__",),
    "await": ("__await__",),
    "iterate asynchronously": ("__aiter__", "__anext__"),
}  # fmt: skip


#: Those in which the code may be suspended, and others go on.
SUSPENDING = ("enter asynchronously", "await", "iterate asynchronously")


def _users(operation: str) -> Kinds:
    """Return the types that have such a method, as 1, those in which there may be others, as 2, and those made of generators, as 3."""
    names = METHODS[operation]

    def judge(tp: type) -> int:
        if "enter" in operation and tp in MANAGERS:
            return 3
        return 2 if tp in (tuple, frozenset, slice) else any(is_outside(tp, name) for name in names)

    return registry.new_cache(judge)


#: What `contextlib` makes of generators, and what enters and leaves others.
MANAGERS: frozenset[type] = frozenset(vars(contextlib)[f"_{kind}GeneratorContextManager"] for kind in ("", "Async"))
STACKS: frozenset[type] = frozenset({contextlib.ExitStack, contextlib.AsyncExitStack})
_USERS = {operation: _users(operation) for operation in METHODS}


#: Types that have one of those which functions call on the elements of what they are given.
USED_IN_CONTAINERS: Kinds = registry.new_cache(lambda tp: any(_USERS[name][tp] == 1 for name in ("compare", "combine", "convert", "show")))


def operated(operation: str, *operands: Any) -> AccessList:
    """Return what an operation touches by methods out of scope, empty as a rule."""
    users = _USERS[operation]
    for operand in operands:
        kind = users[type(operand)]
        if kind == 2:
            parts = (operand.start, operand.stop, operand.step) if type(operand) is slice else operand
            if found := operated(operation, *parts):
                return found
        elif kind == 3:
            return generated(operand)
        elif kind:
            is_suspending = operation in SUSPENDING
            return used(operand, WRITE if is_suspending or operation == "enter" else READ, is_held=not is_suspending)
    return []


def used(obj: Any, mode: int, *, is_held: bool = True) -> AccessList:
    """Return the access to an object by code out of scope."""
    tp = next((cls for cls in mro_of(type(obj))[:-1] if not registry.covers(module_name(cls))), type(obj))
    who = f"code of {module_name(tp)}.{qualified_name(tp)}"
    accesses: AccessList = [(obj, ANYWHERE, READ)] if operations("__iter__")[type(obj)] == WEAK else []
    accesses += [(one, WHOLE, mode) for one in (obj, *linked(obj))]
    return Divisible(accesses, who, root_module(tp), has_state=root_module(tp) not in sys.stdlib_module_names, is_held=is_held)


def described(obj: Any, name: str, mode: int) -> AccessList:
    """Return the access to an attribute by code out of scope: a property, another descriptor, or what is called where there is none."""
    found = find(type(obj), name)
    is_property = found is None or type(found[1]) is property
    return used(obj, mode) if is_property else used(found[1], mode) + [(obj, WHOLE, mode)]  # type: ignore[index]  # noqa: RUF005


def generated(manager: Any) -> AccessList:
    """Return what a context manager touches that was made of a generator function, if that is out of scope."""
    frame = getattr(manager.gen, "gi_frame", None) or getattr(manager.gen, "ag_frame", None)
    if frame is None or rank(frame.f_code) != USER or id(frame.f_code) in registry.instrumented:
        return []
    accesses: AccessList = [(value, WHOLE, WRITE) for value in frame.f_locals.values() if type(value) not in ANONYMOUS]
    package = frame.f_globals.get("__name__", "").partition(".")[0]
    return Divisible(accesses, frame.f_code.co_qualname, package, has_state=True, is_held=False)


def left(stack: Any, managers: tuple[Any, ...]) -> AccessList:
    """Return what an exit stack touches that enters managers, or leaves all that it has entered."""
    entered = managers or [getattr(callback, "__self__", None) for _, callback in stack._exit_callbacks]
    return sum((operated(name, one) for one in entered for name in ("enter", "enter asynchronously")), [])  # noqa: RUF017


def changing(obj: Any, arguments: tuple[Any, ...]) -> AccessList:
    """Return what an operation on an item touches that is written in Python (see `containers.Action`)."""
    return used(obj, WRITE)


def looking(obj: Any, arguments: tuple[Any, ...]) -> AccessList:
    """Return what an operation touches that is written in Python and only looks."""
    return used(obj, READ)


def is_outside(tp: type, name: str) -> bool:
    """Tell whether a special method is written in Python and out of scope, in a class whose objects may change."""
    found = find(tp, name)
    return (
        found is not None
        and type(found[1]) is FunctionType
        and (operations(name)[tp] in (FOREIGN, WEAK) or (operations(name)[tp] == OPAQUE and not family(tp) and not issubclass(tp, tuple)))
    )


def enter(site: Site, operation: str) -> Any:
    """Make the hook for the start of a `with` block, and for others where a special method may be called."""

    users = _USERS[operation]

    def hook(manager: Any) -> None:
        if gate.is_open and users[type(manager)]:
            announce(site, operated(operation, manager))

    return hook
