"""Hooks for attributes, globals and cells.

A maker, called once for each instruction, returns the hook of that instruction. Hooks that read return at once while the gate is
closed. Hooks that store name what they publish during the whole of an execution, announced or not.

The owner of a place is the instance, the class that holds a class attribute, the dictionary of a module (so that a global and an
attribute of the module are one place), or the cell; its field is the name.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import EnumType
from functools import cache, partial
from gc import get_referents
from queue import Queue
from sys import getrefcount
from threading import Semaphore, Thread
from types import MethodType, ModuleType
from typing import Any

from interleave import runtime
from interleave.instrument import foreign, kinds
from interleave.instrument.announce import announce, announce_unknown, gate, in_parts, note_store_of, note_stores_of
from interleave.instrument.families import ANYWHERE
from interleave.instrument.kinds import (
    CODE,
    FORWARDED,
    LOCAL,
    MODULE,
    NAMESPACE,
    ORDERED,
    STORAGE,
    TYPE,
    is_variable,
    module_namespace,
    mro_of,
)
from interleave.instrument.registry import AccessList, Kinds, registry
from interleave.instrument.uncontrolled import SPECIAL, note_special, note_store
from interleave.model import READ, SHAPE, WHOLE, WRITE, Site
from interleave.runtime.ends import look_inside
from interleave.runtime.naming import ANONYMOUS, name_value
from interleave.runtime.sites import is_library
from interleave.runtime.starts import STARTED, is_asking

UNKNOWN = runtime.UNKNOWN
Peek = runtime.Peek


def load(site: Site, name: str) -> Callable[[object], None]:
    """Make the hook for reading an attribute."""
    if name == "__dict__":
        # A cached property, for one, looks for one name in it.
        return partial(note_namespace, is_in_order=not is_library(site.file))
    if name in _RAISED:
        return _load_raised(site, name)
    known = kinds.readers(name)

    def hook(obj: object) -> None:
        if not gate.is_open:
            return
        kind = known.get(type(obj))
        if kind is None:
            kind = known[type(obj)]
        if kind == STORAGE:
            runtime.touch(site, obj, name, READ, Peek(kinds.peek, obj, name, UNKNOWN) if gate.is_detailed else UNKNOWN)
        elif kind:
            announce(site, _read_shared(obj, name, kind))

    return hook


def read(site: Site, obj: object, name: str, *, is_raw: bool = False) -> None:
    """Announce the read of an attribute whose name the program computed. `is_raw`: by `object.__getattribute__`."""
    if is_raw and not kinds.readers(name)[type(obj)] and kinds.is_storage(type(obj), name):
        runtime.touch(site, obj, name, READ)
    else:
        announce(site, reads(obj, name))


def reads(obj: object, name: str) -> AccessList:
    """Return what reading an attribute reads."""
    kind = kinds.readers(name)[type(obj)]
    return [(obj, name, READ)] if kind == STORAGE else _read_shared(obj, name, kind) if kind else []


def match(site: Site, count: int) -> Callable[[object, Any, tuple[str, ...]], None]:
    """Make the hook for a class pattern, of which the first `count` attributes are named by the class. It is one instruction."""

    def hook(subject: object, cls: Any, names: tuple[str, ...]) -> None:
        if not gate.is_open or type(subject) in ANONYMOUS or not issubclass(type(cls), type):
            return
        given = (kinds.find(cls, "__match_args__") or (None, ()))[1][:count]
        asked = *given, *names
        announce(site, in_parts([access for name in asked for access in reads(subject, name)], len(asked), "a class pattern"))

    return hook


def _read_shared(obj: Any, name: str, kind: int) -> AccessList:
    """Return the reads of an attribute that may be found in a class or module.

    All classes up to the one which has the attribute are read: storing to an earlier one would hide it. The class is announced even where
    the instance has the attribute, since another thread may delete that one first.
    """
    if kind == CODE and issubclass(type(obj), Queue):
        look_inside(runtime.active(), "Queue", obj.mutex)
        return []
    if kind == CODE and issubclass(type(obj), Semaphore):
        look_inside(runtime.active(), "Semaphore", obj)
        return []
    if kind == CODE and issubclass(type(obj), Thread):
        return [(obj, STARTED, READ)] if is_asking(runtime.active(), obj) else []
    if kind == CODE:
        return foreign.described(obj, name, READ)
    if kind == LOCAL:
        return [(obj, name, READ)] if runtime.is_gathering() else []
    if kind == FORWARDED:
        return [(obj, ANYWHERE, READ)]
    if type(obj) is MethodType:
        return [(obj.__func__, name, READ)]
    if issubclass(type(obj), super):
        owner = obj.__self_class__ or object
        return _read_beyond(owner, obj.__thisclass__, name) if kinds.is_stored_in_class(owner, name) else []
    if kind == MODULE:
        namespace = module_namespace(obj)
        is_announced = name in registry.variables.get(id(namespace), ()) or (
            is_variable(namespace.get(name)) and registry.covers(namespace.get("__name__", ""))
        )
        return [(namespace, name, READ)] if is_announced else []
    if kind == TYPE and not _announced(name)[obj]:
        return []
    accesses: AccessList = [] if kind == TYPE else [(obj, name, READ)]
    for cls in mro_of(obj if kind == TYPE else type(obj)):
        if kinds.is_heap_type(cls):
            accesses.append((cls, name, READ))
        if name in kinds.namespace_of(cls):
            break
    return accesses


@cache
def _announced(name: str) -> Kinds:
    """Return the classes of which reads of an attribute are announced: it may be stored, or is data in a class of the program."""
    return registry.new_cache(lambda cls: _is_data(cls, name) or kinds.is_stored_in_class(cls, name))


def _is_data(cls: type, name: str) -> bool:
    found = None if issubclass(type(cls), EnumType) else kinds.find(cls, name)
    return found is not None and is_variable(found[1]) and registry.covers(kinds.module_name(found[0]))


#: What an exception says of how it was raised. Who reads it is said to write, so that those who raise one exception are in conflict
#: with that only.
_RAISED = ("__traceback__", "__context__")


def _load_raised(site: Site, name: str) -> Callable[[object], None]:
    def hook(obj: object) -> None:
        if gate.is_open and issubclass(type(obj), BaseException):
            runtime.touch(site, obj, name, WRITE)

    return hook


def throw(site: Site, *, has_cause: bool) -> Callable[[object], None]:
    """Make the hook for raising an exception that others may have as well."""
    fields = [(name, READ) for name in _RAISED] + [("__cause__", WRITE)] * has_cause

    def hook(error: object) -> None:
        if gate.is_open and issubclass(type(error), BaseException) and getrefcount(error) > _UNSHARED:
            runtime.touch_many(site, [(error, name, mode) for name, mode in fields])

    return hook


#: References to a new exception: the stack's, the hook's argument, and that of `getrefcount`.
_UNSHARED = 3


def note_namespace(obj: object, *, is_in_order: bool = True) -> None:
    """Make the dictionary of an object, should it have one, an alias of its attributes, the order of which may be seen from here on."""
    if not gate.is_naming:
        return
    if issubclass(type(obj), ModuleType):
        namespace = module_namespace(obj)  # type: ignore[arg-type]
        registry.note_alias(namespace, namespace)
        return
    is_class = issubclass(type(obj), type)
    for own in get_referents(kinds.namespace_of(obj)) if is_class else [kinds.instance_namespace(obj)]:  # type: ignore[arg-type]
        if own is not None:
            registry.note_alias(own, obj)
            if is_in_order and not is_class:
                registry.note_patch("__dict__")


def load_super(site: Site, name: str) -> Callable[[object, object], None]:
    """Make the hook for reading an attribute through `super`: a class attribute beyond a class of the MRO."""

    def hook(obj: object, start: object) -> None:
        if gate.is_open:
            cls: Any = obj if issubclass(type(obj), type) else type(obj)
            if kinds.is_stored_in_class(cls, name):
                announce(site, _read_beyond(cls, start, name))

    return hook


def _read_beyond(tp: type, start: Any, name: str) -> AccessList:
    """Return the reads of an attribute of a class from what follows another one in its MRO on."""
    accesses: AccessList = []
    mro = mro_of(tp)
    for cls in mro[mro.index(start) + 1 :] if start in mro else ():
        if kinds.is_heap_type(cls):
            accesses.append((cls, name, READ))
        if name in kinds.namespace_of(cls):
            break
    return accesses


def store(site: Site, name: str) -> Callable[[object, object], None]:
    """Make the hook for storing an attribute."""
    known = kinds.writers(name)
    is_special = name in SPECIAL or name[:2] == "__" == name[-2:]

    def hook(obj: object, value: object) -> None:
        if not gate.is_naming:
            return
        if is_special:
            note_special(site, obj, name, value)
        if type(value) not in ANONYMOUS:
            name_value(value)
        if not gate.is_open:
            if type(obj) not in ANONYMOUS:
                runtime.publish(obj)
            return
        kind = known.get(type(obj))
        if kind is None:
            kind = known[type(obj)]
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
        note_store_of(None, obj, name)
        if type(value) not in ANONYMOUS:
            name_value(value)
        if gate.is_open:
            _write_shared(site, obj, name, value, kinds.storage_of(type(obj)))


def _write_shared(site: Site, obj: Any, name: str, value: object, kind: int) -> None:
    if kind == MODULE:
        namespace = module_namespace(obj)
        note_store(site, namespace, name)
        registry.note_variable(namespace, name)
        runtime.touch(site, namespace, name, WRITE, value)
    elif kind == TYPE:
        if not kinds.is_stored_in_class(obj, name) or kinds.find(obj, name) is None:
            registry.note_patch(name)
        runtime.touch(site, obj, name, WRITE, value)
    elif kind == NAMESPACE:
        note_stores_of(obj)
        runtime.touch(site, obj, WHOLE, WRITE, value)
    elif kind == CODE:
        announce(site, foreign.described(obj, name, WRITE), value)
    elif kind == LOCAL and runtime.is_gathering():
        runtime.touch(site, obj, name, WRITE, value)
    elif kind == FORWARDED:
        announce_unknown(site)
    elif kind in (ORDERED, STORAGE):
        if kind == STORAGE or name in (kinds.instance_namespace(obj) or ()):
            runtime.touch(site, obj, name, WRITE, value)
        # Another thread may just have deleted it.
        if kind == ORDERED and name not in (kinds.instance_namespace(obj) or ()):
            runtime.touch_many(site, [(obj, name, WRITE), (obj, SHAPE, WRITE)], value)


def delete(site: Site, name: str) -> Callable[[object], None]:
    """Make the hook for deleting an attribute."""

    def hook(obj: object) -> None:
        if gate.is_open:
            _write_shared(site, obj, name, UNKNOWN, kinds.writers(name)[type(obj)])

    return hook


def erase(site: Site, obj: object, name: str, *, is_raw: bool = False) -> None:
    """Announce the deletion of an attribute whose name the program computed. `is_raw`: by `object.__delattr__`."""
    if not is_raw:
        delete(site, name)(obj)
    elif gate.is_open and kinds.is_storage(type(obj), name):
        note_store_of(None, obj, name)
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


def delete_variable(site: Site, name: str) -> Callable[[Any], None]:
    """Make the hook for deleting a closure variable, given the cell, or a global one, given the dictionary of the module."""

    def hook(owner: Any) -> None:
        if gate.is_open:
            runtime.touch(site, owner, name, WRITE)

    return hook
