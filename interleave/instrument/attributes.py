"""Hooks for attributes, globals and cells.

A maker, called once for each instruction, returns the hook of that instruction. Hooks that read return at once while the gate is
closed. Hooks that store name what they publish during the whole of an execution, announced or not.

The owner of a place is the instance, the class that holds a class attribute, the dictionary of a module (so that a global and an
attribute of the module are one place), or the cell; its field is the name.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from interleave import runtime
from interleave.instrument import foreign, kinds
from interleave.instrument.announce import announce, gate
from interleave.instrument.kinds import CODE, LOCAL, MODULE, NAMESPACE, STORAGE, TYPE, module_namespace, mro_of
from interleave.instrument.registry import AccessList, registry
from interleave.model import READ, WHOLE, WRITE, Site
from interleave.runtime.naming import ANONYMOUS, name_value

UNKNOWN = runtime.UNKNOWN
Peek = runtime.Peek


def load(site: Site, name: str) -> Callable[[object], None]:
    """Make the hook for reading an attribute."""
    if name == "__dict__":
        return load_namespace
    known = kinds.readers(name)

    def hook(obj: object) -> None:
        if not gate.is_open:
            return
        kind = known.get(type(obj))
        if kind is None:
            kind = kinds.read_kind(type(obj), name)
        if kind == STORAGE:
            runtime.touch(site, obj, name, READ, Peek(kinds.peek, obj, name, UNKNOWN) if gate.is_detailed else UNKNOWN)
        elif kind:
            announce(site, _read_shared(obj, name, kind))

    return hook


def read(site: Site, obj: object, name: str, *, is_raw: bool = False) -> None:
    """Announce the read of an attribute whose name the program computed. `is_raw`: by `object.__getattribute__`."""
    kind = kinds.readers(name).get(type(obj))
    if kind is None:
        kind = kinds.read_kind(type(obj), name)
    if kind == STORAGE or (is_raw and not kind and kinds.is_storage(type(obj), name)):
        runtime.touch(site, obj, name, READ)
    elif kind:
        announce(site, _read_shared(obj, name, kind))


def _read_shared(obj: Any, name: str, kind: int) -> AccessList:
    """Return the reads of an attribute that may be found in a class or module.

    All classes up to the one which has the attribute are read: storing to an earlier one would hide it. The class is announced even where
    the instance has the attribute, since another thread may delete that one first.
    """
    if kind == CODE:
        return foreign.used(obj, READ)
    if kind == LOCAL:
        return [(obj, name, READ)] if runtime.is_gathering() else []
    if kind == MODULE:
        namespace = module_namespace(obj)
        is_announced = name in registry.variables.get(id(namespace), ()) or (
            kinds.is_variable(namespace.get(name)) and registry.covers(namespace.get("__name__", ""))
        )
        return [(namespace, name, READ)] if is_announced else []
    if kind == TYPE and not _is_announced(obj, name):
        return []
    accesses: AccessList = [] if kind == TYPE else [(obj, name, READ)]
    for cls in mro_of(obj if kind == TYPE else type(obj)):
        if kinds.is_heap_type(cls):
            accesses.append((cls, name, READ))
        if name in kinds.namespace_of(cls):
            break
    return accesses


def _is_announced(cls: type, name: str) -> bool:
    """Tell whether reads of an attribute of a class are announced: it may be stored, or is data in a class of the program."""
    cache = kinds.class_readers(name)
    known = cache.get(cls)
    if known is None:
        found = kinds.find(cls, name)
        is_data = found is not None and kinds.is_variable(found[1]) and registry.covers(kinds.module_name(found[0]))
        known = int(is_data or kinds.is_stored_in_class(cls, name))
        if found is not None:
            registry.remember(cache, cls, known)
    return bool(known)


def load_namespace(obj: object) -> None:
    """Note that a dictionary is about to be an alias of the attributes of `obj`."""
    if gate.is_naming:
        note_namespace(obj)


def note_namespace(obj: object) -> None:
    """Make the dictionary of an object, should it have one, an alias of its attributes."""
    if issubclass(type(obj), ModuleType):
        namespace = module_namespace(obj)  # type: ignore[arg-type]
        registry.note_alias(namespace, namespace)
    elif not issubclass(type(obj), type):
        own = kinds.instance_namespace(obj)
        if own is not None:
            registry.note_alias(own, obj)


def load_super(site: Site, name: str) -> Callable[[object, object], None]:
    """Make the hook for reading an attribute through `super`: a class attribute beyond a class of the MRO."""

    def hook(obj: object, start: object) -> None:
        if gate.is_open and kinds.is_stored_in_class(obj if issubclass(type(obj), type) else type(obj), name):  # type: ignore[arg-type]
            mro = mro_of(obj if issubclass(type(obj), type) else type(obj))  # type: ignore[arg-type]
            accesses: AccessList = []
            for cls in mro[mro.index(start) + 1 :] if start in mro else ():
                if kinds.is_heap_type(cls):
                    accesses.append((cls, name, READ))
                if name in kinds.namespace_of(cls):
                    break
            announce(site, accesses)

    return hook


def store(site: Site, name: str) -> Callable[[object, object], None]:
    """Make the hook for storing an attribute."""
    known = kinds.writers(name)

    def hook(obj: object, value: object) -> None:
        if not gate.is_naming:
            return
        if type(value) not in ANONYMOUS:
            name_value(value)
        if not gate.is_open:
            if type(obj) not in ANONYMOUS:
                runtime.publish(obj)
            return
        kind = known.get(type(obj))
        if kind is None:
            kind = kinds.write_kind(type(obj), name)
        if kind == STORAGE:
            runtime.touch(site, obj, name, WRITE, value)
        elif kind:
            _write_shared(site, obj, name, value, kind)

    return hook


def write(site: Site, obj: object, name: str, value: object, *, is_raw: bool = False) -> None:
    """Announce the store of an attribute whose name the program computed. `is_raw`: by `object.__setattr__`."""
    if not is_raw:
        store(site, name)(obj, value)
    elif kinds.is_storage(type(obj), name):
        if type(value) not in ANONYMOUS:
            name_value(value)
        if gate.is_open:
            runtime.touch(site, obj, name, WRITE, value)


def _write_shared(site: Site, obj: Any, name: str, value: object, kind: int) -> None:
    if kind == MODULE:
        namespace = module_namespace(obj)
        registry.note_variable(namespace, name)
        runtime.touch(site, namespace, name, WRITE, value)
    elif kind == TYPE:
        if not kinds.is_stored_in_class(obj, name):
            registry.note_patch(name)
        runtime.touch(site, obj, name, WRITE, value)
    elif kind == NAMESPACE:
        runtime.touch(site, obj, WHOLE, WRITE, value)
    elif kind == CODE:
        announce(site, foreign.used(obj, WRITE), value)
    elif kind == LOCAL and runtime.is_gathering():
        runtime.touch(site, obj, name, WRITE, value)


def delete(site: Site, name: str) -> Callable[[object], None]:
    """Make the hook for deleting an attribute."""

    def hook(obj: object) -> None:
        if gate.is_open:
            kind = kinds.writers(name).get(type(obj))
            if kind is None:
                kind = kinds.write_kind(type(obj), name)
            if kind == STORAGE:
                runtime.touch(site, obj, name, WRITE)
            elif kind:
                _write_shared(site, obj, name, UNKNOWN, kind)

    return hook


def erase(site: Site, obj: object, name: str, *, is_raw: bool = False) -> None:
    """Announce the deletion of an attribute whose name the program computed. `is_raw`: by `object.__delattr__`."""
    if not is_raw:
        delete(site, name)(obj)
    elif gate.is_open and kinds.is_storage(type(obj), name):
        runtime.touch(site, obj, name, WRITE)


# --- globals ----------------------------------------------------------------------------------------------------------


def load_global(site: Site, name: str, namespace: dict[str, Any]) -> Callable[[], None]:
    """Make the hook for reading a global variable."""

    def hook() -> None:
        if gate.is_open:
            runtime.touch(site, namespace, name, READ, Peek(namespace.get, name, UNKNOWN) if gate.is_detailed else UNKNOWN)

    return hook


def store_global(site: Site, name: str, namespace: dict[str, Any]) -> Callable[[object], None]:
    """Make the hook for storing a global variable."""

    def hook(value: object) -> None:
        if not gate.is_naming:
            return
        if type(value) not in ANONYMOUS:
            name_value(value)
        if gate.is_open:
            runtime.touch(site, namespace, name, WRITE, value)

    return hook


def delete_global(site: Site, name: str, namespace: dict[str, Any]) -> Callable[[], None]:
    """Make the hook for deleting a global variable."""

    def hook() -> None:
        if gate.is_open:
            runtime.touch(site, namespace, name, WRITE)

    return hook


# --- cells ------------------------------------------------------------------------------------------------------------


def load_cell(site: Site, name: str) -> Callable[[Any], None]:
    """Make the hook for reading a closure variable."""

    def hook(cell: Any) -> None:
        if gate.is_open:
            runtime.touch(site, cell, name, READ, Peek(_content, cell) if gate.is_detailed else UNKNOWN)

    return hook


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return UNKNOWN


def store_cell(site: Site, name: str) -> Callable[[Any, object], None]:
    """Make the hook for storing a closure variable."""

    def hook(cell: Any, value: object) -> None:
        if not gate.is_naming:
            return
        if type(value) not in ANONYMOUS:
            name_value(value)
        if gate.is_open:
            runtime.touch(site, cell, name, WRITE, value)
        else:
            runtime.publish(cell)

    return hook


def delete_cell(site: Site, name: str) -> Callable[[Any], None]:
    """Make the hook for deleting a closure variable."""

    def hook(cell: Any) -> None:
        if gate.is_open:
            runtime.touch(site, cell, name, WRITE)

    return hook
