"""Hooks for `obj[key]`, `key in obj` and slices.

Dictionaries and lists, by far the most frequent, are judged in the hook; all else goes through the tables of `containers`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from interleave import runtime
from interleave.instrument import containers, families
from interleave.instrument.announce import announce, announce_one, gate
from interleave.instrument.callbacks import make_default, makes_in_python, marked
from interleave.instrument.containers import Action, Provisional, read_key, read_shape, read_whole, store_key, write_at, write_whole
from interleave.instrument.families import DEFAULTDICT, DICT, LIST, PLAIN_KEYS, SCALARS, SET, family, item, operations
from interleave.instrument.foreign import changing, looking, operated
from interleave.instrument.iterators import consumed, is_iterator, looked_through, nested_reads, view_reads
from interleave.instrument.registry import AccessList, registry
from interleave.model import READ, WHOLE, WRITE, Site
from interleave.runtime.naming import ANONYMOUS, name_value

UNKNOWN = runtime.UNKNOWN
Peek = runtime.Peek
aliases = registry.aliases

_OUTSIDE: dict[int, Action] = {families.FOREIGN: changing, families.WEAK: containers.look_anywhere}
#: What operations on items touch, by family of the container; all others read or write the whole.
READS = _OUTSIDE | {DICT: read_key, DEFAULTDICT: containers.ensure_key, LIST: containers.read_index, families.ARRAY: containers.read_index}
STORES = _OUTSIDE | {DICT: store_key, DEFAULTDICT: store_key, LIST: containers.store_index, families.ARRAY: containers.store_index}
DELETIONS = _OUTSIDE | {DICT: containers.remove_key, DEFAULTDICT: containers.remove_key, LIST: write_at, families.ARRAY: write_at}
_TESTS = _OUTSIDE | {DICT: read_key, DEFAULTDICT: read_key, SET: read_key, families.FOREIGN: looking}
READS[families.VIEW] = lambda obj, args: view_reads(obj)


def settle(site: Site, action: Action, obj: Any, args: tuple[Any, ...], value: object = UNKNOWN) -> None:
    """Announce what an action touches, and announce again if that was provisional and something changed meanwhile."""
    accesses = action(obj, args)
    announce(site, accesses, value)
    if type(accesses) is Provisional:
        again = action(obj, args)
        if type(again) is not Provisional:
            announce(site, again, value)


def _value(obj: Any, key: Any) -> object:
    """Return an item of a dictionary or list for a report."""
    try:
        if issubclass(type(obj), dict):
            return dict.get(obj, key, UNKNOWN) if item(key) is not WHOLE else UNKNOWN
        return list.__getitem__(obj, key) if type(obj) is list and type(key) is int else UNKNOWN
    except IndexError:
        return UNKNOWN


def load_item(site: Site) -> Callable[[Any, Any], None]:
    """Make the hook for `obj[key]`."""
    known = operations("__getitem__")

    def hook(obj: Any, key: Any) -> None:
        if not gate.is_open:
            return
        kind = known.get(type(obj))
        if kind is None:
            kind = known[type(obj)]
        if kind == DICT and (type(key) in PLAIN_KEYS or item(key) is not WHOLE) and id(obj) not in aliases:
            field = ("[]", key) if type(key) in PLAIN_KEYS else item(key)
            runtime.touch(site, obj, field, READ, Peek(_value, obj, key) if gate.is_detailed else UNKNOWN)
        elif kind == LIST and type(key) is int and key >= 0:
            runtime.touch(site, obj, ("[]", key), READ, Peek(_value, obj, key) if gate.is_detailed else UNKNOWN)
        elif kind == DEFAULTDICT and makes_in_python(obj, key):
            make_default(site, obj, key)
        elif kind:
            settle(site, READS.get(kind, read_whole), obj, (key,))
        elif type(key) not in SCALARS and type(obj) in _IMMUTABLE and (accesses := operated("look up", key)):
            announce(site, accesses)

    return hook


def store_item(site: Site) -> Callable[[Any, Any, object], None]:
    """Make the hook for `obj[key] = value`."""
    known = operations("__setitem__")

    def hook(obj: Any, key: Any, value: object) -> None:
        if not gate.is_naming:
            return
        if type(value) not in ANONYMOUS:
            name_value(value)
        if not gate.is_open:
            runtime.publish(obj)
            return
        kind = known.get(type(obj))
        if kind is None:
            kind = known[type(obj)]
        if kind == DICT and type(key) in PLAIN_KEYS and id(obj) not in aliases and dict.__contains__(obj, key):
            runtime.touch(site, obj, ("[]", key), WRITE, value)
            if not dict.__contains__(obj, key):
                # Deleted while this thread waited for its turn: the store changes the shape after all.
                announce(site, store_key(obj, (key,)), value)
        elif kind == LIST and type(key) is int and key >= 0:
            runtime.touch(site, obj, ("[]", key), WRITE, value)
        elif kind:
            settle(site, STORES.get(kind, write_whole), obj, (key,), value)

    return hook


def delete_item(site: Site) -> Callable[[Any, Any], None]:
    """Make the hook for `del obj[key]`."""
    known = operations("__delitem__")

    def hook(obj: Any, key: Any) -> None:
        if not gate.is_open:
            return
        kind = known[type(obj)]
        if kind:
            settle(site, DELETIONS.get(kind, write_whole), obj, (key,))

    return hook


def contains(site: Site) -> Callable[[Any, Any], None]:
    """Make the hook for `key in obj`."""
    known = operations("__contains__")

    def hook(obj: Any, key: Any) -> None:
        if not gate.is_open:
            return
        kind = known[type(obj)]
        if kind in (DICT, SET) and type(key) in PLAIN_KEYS:
            announce_one(site, obj, ("[]", key), READ)
        elif kind or type(key) not in SCALARS or type(obj) not in _IMMUTABLE or type(obj) is tuple:
            announce(site, membership_reads(obj, key))

    return hook


_IMMUTABLE = frozenset({str, bytes, tuple, frozenset, range})


def membership_reads(obj: Any, key: object) -> AccessList:
    """Return what `key in obj` reads."""
    kind = operations("__contains__")[type(obj)]
    if kind == families.VIEW or is_iterator(type(obj)):
        return consumed(obj)
    if type(obj) in (tuple, frozenset):
        return operated("look up", key, obj) if type(key) in SCALARS else looked_through("look up", key, obj)
    if not kind:
        # `buffer in b"abc"`
        return [(key, WHOLE, READ)] if family(type(key)) in (families.ARRAY, families.MEMORY) else []
    accesses = _TESTS.get(kind, read_whole)(obj, (key,))
    return marked("in", (obj, key), accesses + compared(obj, (key,))) if kind in (LIST, families.DEQUE) else accesses


def compared(obj: Any, values: tuple[Any, ...]) -> AccessList:
    """Return what is read in the elements of a sequence by comparing them, with each other or with values."""
    if values and all(type(value) in PLAIN_KEYS for value in values):
        return []
    return [access for access in nested_reads((obj, *values)) if access[0] is not obj]


def load_slice(site: Site) -> Callable[[Any, object, object], None]:
    """Make the hook for `obj[a:b]`."""

    load = load_item(site)
    known = operations("__getitem__")

    def hook(obj: Any, start: object, stop: object) -> None:
        if not gate.is_open:
            return
        kind = known[type(obj)]
        if kind not in _SLICED or type(start) not in SCALARS or type(stop) not in SCALARS:
            load(obj, slice(start, stop))
        elif kind:
            announce_one(site, obj, WHOLE, READ)

    return hook


_SLICED = (families.NONE, LIST)


def store_slice(site: Site) -> Callable[[Any, object, object, object], None]:
    """Make the hook for `obj[a:b] = value`."""

    def hook(obj: Any, value: object, start: object, stop: object) -> None:
        if gate.is_naming:
            if type(value) not in ANONYMOUS:
                name_value(value)
            if gate.is_open and operations("__setitem__")[type(obj)]:
                announce(site, write_at(obj, ((start, stop),)) + consumed(value))

    return hook


def size(site: Site) -> Callable[[Any], None]:
    """Make the hook for what needs the length of an object only, or whether it is empty: truth tests, patterns."""

    def hook(obj: Any) -> None:
        if not gate.is_open:
            return
        kind = truths[type(obj)]
        if kind:
            announce(site, size_reads(obj, kind))

    return hook


#: The families whose truth is looked at, as in `families.operations`.
truths = registry.new_cache(lambda tp: operations("__bool__")[tp] or operations("__len__")[tp])


def size_reads(obj: Any, kind: int) -> AccessList:
    """Return what the length of an object of a family is read from."""
    if kind == families.VIEW:
        return consumed(obj)
    if kind == families.WEAK:
        return containers.look_anywhere(obj, ())
    if kind == families.FOREIGN:
        return looking(obj, ())
    return read_whole(obj, ()) if kind == families.OPAQUE else read_shape(obj, ())
