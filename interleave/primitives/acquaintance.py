"""What earlier explorations found out about what is to be exchanged and is still there, so that the next need not search for holders.

A search costs a pass over the heap, the longer the more objects are sought; a process that runs tests has dozens of locks that belong to
its tools, and explores thousands of times. An object whose reference count is what it was has the holders it had: those that were changed
are asked whether they still hold it, and nothing else about it could be changed. Where a holder cannot be changed (a tuple, a bound
method), a place has a *wrapping* of the object, and the same is asked of every layer. Nothing is kept alive by that (see `anchors`).
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator, Sequence
from types import BuiltinMethodType, MethodType
from typing import Any, NamedTuple

from interleave.primitives.anchors import Anchor, direct, of_modules, search
from interleave.primitives.holders import Entry, Exchange, Place

_METHODS = (BuiltinMethodType, MethodType)
_METHODS_OF_CLASSES = (staticmethod, classmethod)


class _Layer(NamedTuple):
    """Something that cannot be changed, around an object: by which key it holds it, and how many references there are to it."""

    kind: type
    key: Any
    references: int


#: The layers of a wrapping, from the outside in.
_Layers = tuple[_Layer, ...]


class _Found(NamedTuple):
    """Where an object was: kind of place, holder, key, and the layers around it."""

    kind: Any
    anchor: Anchor
    key: Any
    layers: _Layers


class _Acquaintance(NamedTuple):
    """An object, its reference count before anything was exchanged, and where it was."""

    find: weakref.ref[Any]
    references: int
    places: list[_Found]


#: A place where an object is known to be: as `_Found`, with the holder itself.
_Known = tuple[Any, Any, Any, _Layers]

#: By id: two names of one function of C are equal, and yet two objects.
_known: dict[int, _Acquaintance] = {}
#: By id: objects that could not be remembered, with which reference count, and how often they came up with it.
_met: dict[int, tuple[weakref.ref[Any], int, int]] = {}


def has_count(original: Any, count: int) -> bool:
    """Tell whether an object has as many references as when it was remembered."""
    known = _known.get(id(original))
    return known is not None and known.references == count and known.find() is original


def known_places(original: Any) -> list[_Known] | None:
    """Return where an object that `has_count` is held, None if there may be other places than those found the last time.

    Nobody else may refer to what is around it meanwhile, as a list of holders would.
    """
    known = _known.get(id(original))
    if known is None or known.find() is not original:
        return None
    places = [(place.kind, place.anchor(), place.key, place.layers) for place in known.places]
    for kind, holder, key, layers in places:
        try:
            is_there = holder is not None and _holds(kind[0](holder, key), layers, original)
        except (LookupError, AttributeError, ValueError, TypeError):
            return None
        if not is_there:
            return None
    return places


def _holds(value: Any, layers: _Layers, original: Any) -> bool:
    """Tell whether a value is the original in these layers."""
    for kind, key, references in layers:
        if type(value) is not kind or sys.getrefcount(value) != references:
            return False
        value = _inside(value, key)
    return value is original


def _inside(wrapping: Any, key: Any) -> Any:
    """Return what is directly inside something that cannot be changed; None if it is not there under this key."""
    if isinstance(wrapping, tuple):
        return tuple.__getitem__(wrapping, key) if key < len(wrapping) else None
    if isinstance(wrapping, _METHODS):
        return wrapping.__self__ if wrapping.__name__ == key else None
    return wrapping.__func__


def _keys(wrapping: Any, original: Any) -> Iterator[Any]:
    """Yield the keys under which something that cannot be changed holds an object."""
    if isinstance(wrapping, tuple):
        yield from (index for index, one in enumerate(tuple.__iter__(wrapping)) if one is original)
    elif isinstance(wrapping, _METHODS):
        yield wrapping.__name__
    elif isinstance(wrapping, _METHODS_OF_CLASSES):
        yield None


def exchange_at(exchange: Exchange, entry: Entry, places: list[_Known]) -> None:
    """Exchange an object in these places."""
    for kind, holder, key, layers in places:
        # Another object in the same tuple may have been exchanged there before.
        value = kind[0](holder, key) if layers else None
        exchange.put(kind, holder, key, _rewrapped(value, layers, entry.stand_in))


def _rewrapped(value: Any, layers: _Layers, stand_in: Any) -> Any:
    """Return a copy of a wrapping with something else in it."""
    if not layers:
        return stand_in
    key = layers[0].key
    within = _rewrapped(_inside(value, key), layers[1:], stand_in)
    if isinstance(value, tuple):
        return tuple.__new__(type(value), [within if index == key else one for index, one in enumerate(tuple.__iter__(value))])
    return getattr(within, key) if isinstance(value, _METHODS) else type(value)(within)


def remember(exchange: Exchange, entries: Sequence[tuple[Entry, int]], *, searches: bool = False) -> None:
    """Remember where objects with these reference counts were exchanged, as far as these holders can be found again.

    Paths to them are searched for where an object comes up with the same count, or in any case if `searches`.
    """
    for entry, _ in entries:
        _known.pop(id(entry.original), None)
    places = {id(entry): list(_places(exchange, entry, ())) for entry, _ in entries}
    holders = {id(place.holder): place for found in places.values() for place, _ in found}
    anchors = of_modules([place.holder for place in holders.values()])
    for key, place in holders.items():
        if (anchor := direct(place.holder, place.owner)) is not None:
            anchors[key] = anchor
    again = [
        entry
        for entry, count in entries
        if not all(id(place.holder) in anchors for place, _ in places[id(entry)]) and (searches or _is_due(entry.original, count))
    ]
    sought = {id(place.holder): place.holder for entry in again for place, _ in places[id(entry)] if id(place.holder) not in anchors}
    if sought:
        anchors.update(search(sought.values()))
    for entry, count in entries:
        found = [
            _Found(place.kind, anchors[id(place.holder)], place.key, layers)
            for place, layers in places[id(entry)]
            if id(place.holder) in anchors
        ]
        if len(found) == len(places[id(entry)]):
            key = id(entry.original)
            _known[key] = _Acquaintance(_reference(entry.original, _known), count, found)


def _places(exchange: Exchange, entry: Entry, layers: _Layers) -> Iterator[tuple[Place, _Layers]]:
    """Yield the places where an object was exchanged, by itself or within copies of what holds it, with the layers around it."""
    for place in entry.places:
        yield place, layers
    for copy in entry.copied:
        # The entry has it instead of the variable that has it when it is asked for again.
        references = sys.getrefcount(copy.original) - exchange.references_made(copy.original)
        for key in _keys(copy.original, entry.original):
            layer = _Layer(type(copy.original), key, references)
            yield from _places(exchange, copy, (layer, *layers))


def _is_due(original: Any, count: int) -> bool:
    """Tell whether to search for paths to the holders of an object: where it comes up again as it was, ever more rarely if that fails.

    It must not be given up: a test's frame holds what the test was called with, and nobody does so when it is over.
    """
    reference, known_count, times = _met.get(id(original), (None, 0, 0))
    if reference is None or reference() is not original or known_count != count:
        reference, times = _reference(original, _met), 0
    _met[id(original)] = (reference, count, times + 1)
    return times > 0 and not times & (times - 1)


def _reference(one: Any, table: dict[int, Any]) -> weakref.ref[Any]:
    """Return a weak reference that takes the object out of a table when it dies."""
    key = id(one)
    return weakref.ref(one, lambda _: table.pop(key, None))
