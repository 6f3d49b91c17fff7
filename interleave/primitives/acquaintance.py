"""What earlier explorations found out about what is to be exchanged and is still there, so that the next need not search for holders.

A search costs a pass over the heap, the longer the more objects are sought; a process that runs tests has dozens of locks that belong to
its tools, and explores thousands of times. An object whose reference count is what it was has the holders it had: those that were changed
are asked whether they still hold it, and nothing else about it could be changed. Nothing is kept alive by that; holders that allow
no weak reference are searched for every time.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from types import BuiltinMethodType, MethodType, ModuleType
from typing import Any, NamedTuple

from interleave.primitives.holders import Entry, Exchange, Place

#: What leads to a holder while it lives.
Anchor = Callable[[], Any]
#: Where an object was: kind of place, holder, key, and the name of its method that was there, if it was not the object itself.
_Found = tuple[Any, Anchor, Any, str | None]


class _Acquaintance(NamedTuple):
    """An object, its reference count before anything was exchanged, and where it was."""

    find: weakref.ref[Any]
    references: int
    places: list[_Found]


#: By id: two names of one function of C are equal, and yet two objects.
_known: dict[int, _Acquaintance] = {}
#: A place: its kind, its holder, the key, and the name of the method that was there, if it was not the object itself.
_Known = tuple[Any, Any, Any, str | None]


def known_places(original: Any, count: int) -> list[_Known] | None:
    """Return where an object with this reference count is held, None if there may be other places than those found the last time."""
    known = _known.get(id(original))
    if known is None or known.references != count or known.find() is not original:
        return None
    places = [(kind, find(), key, method) for kind, find, key, method in known.places]
    for kind, holder, key, method in places:
        value = kind[0](holder, key) if holder is not None else None
        if method is not None:
            is_there = isinstance(value, _METHODS) and value.__self__ is original and value.__name__ == method
        else:
            is_there = value is original
        if not is_there:
            return None
    return places


def exchange_at(exchange: Exchange, entry: Entry, places: list[_Known]) -> None:
    """Exchange an object in these places."""
    for kind, holder, key, method in places:
        exchange.put(kind, holder, key, getattr(entry.stand_in, method) if method is not None else entry.stand_in)


def remember(entries: Sequence[tuple[Entry, int]]) -> None:
    """Remember where objects with these reference counts were exchanged, as far as these holders can be found again."""
    for entry, _ in entries:
        _known.pop(id(entry.original), None)
    entries = [(entry, count) for entry, count in entries if all(map(_is_hopeful, _holders(entry)))]
    owners = _owners([holder for entry, _ in entries for holder in _holders(entry)])
    for entry, count in entries:
        found = [_found(place, None, owners) for place in entry.places]
        for copy in entry.copied:
            method = copy.original.__name__ if isinstance(copy.original, _METHODS) else None
            found += [_found(place, method, owners) if method is not None else None for place in copy.places]
            found += [None for one in copy.copied if _was_put(one)]
        if None not in found:
            key = id(entry.original)
            find_it = weakref.ref(entry.original, lambda _, key=key: _known.pop(key, None))  # type: ignore[misc]
            _known[key] = _Acquaintance(find_it, count, [place for place in found if place is not None])


def _holders(entry: Entry) -> list[Any]:
    return [place.holder if place.owner is None else place.owner for one in (entry, *entry.copied) for place in one.places]


def _is_hopeful(holder: Any) -> bool:
    """Tell whether a holder may be found again."""
    return type(holder).__weakrefoffset__ != 0 or (type(holder) is dict and id(holder) not in _hopeless)


def _found(place: Place, method: str | None, owners: dict[int, Anchor]) -> _Found | None:
    anchor = owners.get(id(place.holder))
    if place.owner is not None and type(place.owner).__weakrefoffset__:
        anchor = partial(_namespace_of, weakref.ref(place.owner))
    elif anchor is None and type(place.holder).__weakrefoffset__:
        anchor = weakref.ref(place.holder)
    return (place.kind, anchor, place.key, method) if anchor is not None else None


def _was_put(copy: Entry) -> bool:
    """Tell whether a copy of a holder, or a copy of a holder of that, was put anywhere."""
    return bool(copy.places) or any(_was_put(one) for one in copy.copied)


def _owners(holders: list[Any]) -> dict[int, Anchor]:
    """Return what leads to those of the holders that are dictionaries of modules or of instances, by id."""
    namespaces = {id(holder): holder for holder in holders if type(holder) is dict and id(holder) not in _hopeless}
    found: dict[int, Anchor] = {}
    for module in list(sys.modules.values()):
        if type(module) is ModuleType and namespaces.pop(id(vars(module)), None) is not None:
            found[id(vars(module))] = partial(_namespace_of, weakref.ref(module))
    if namespaces:
        for owner in gc.get_referrers(*namespaces.values()):
            if type(owner).__weakrefoffset__ and id(_namespace(owner)) in namespaces:
                found[id(_namespace(owner))] = partial(_namespace_of, weakref.ref(owner))
        # A dictionary in its own right. Should another one get its id, that is searched for every time; no harm is done.
        _hopeless.update(namespaces.keys() - found.keys())
    return found


def _namespace_of(reference: weakref.ref[Any]) -> Any:
    owner = reference()
    return _namespace(owner) if owner is not None else None


def _namespace(owner: Any) -> Any:
    try:
        return object.__getattribute__(owner, "__dict__")
    except AttributeError:
        return None


_METHODS = (BuiltinMethodType, MethodType)
#: Ids of dictionaries that nobody has as a namespace.
_hopeless: set[int] = set()
