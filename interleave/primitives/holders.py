"""Exchanges objects for others wherever something in the process holds them, and puts them back.

The garbage collector knows who refers to an object (`gc.get_referrers`, one pass over the heap in C for any number of objects). What
holds one can
be changed in place (a namespace, a class, a list, a cell, a slot, ...) or it cannot (a tuple, a static method, a bound method of a
lock): then
a copy with the other object in it is made, and the holder is exchanged for the copy in *its* holders, by another pass.

Every change is noted before it is made, as a `Place`, and undone only where it is still in force: what the program stored there itself
meanwhile is its own business. Places are objects of this package, which is left alone, so that what they keep is not taken for a holder.
"""

from __future__ import annotations

import functools
import gc
import importlib.util
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import BuiltinMethodType, CellType, FrameType, FunctionType, MemberDescriptorType, MethodType
from typing import Any

#: Whether methods of types of C can be exchanged.
can_change_types = importlib.util.find_spec("_ctypes") is not None
#: How often holders that cannot be changed are exchanged in turn: a tuple in a tuple in a tuple.
_ROUNDS = 4
#: References to an original that are ours: the entry and the argument of `getrefcount`.
_OWN_REFERENCES = 2
#: Locks by which the interpreter learns that a thread has ended (before 3.13); they have to stay what they are.
_INTERPRETERS_OWN = "_tstate_lock"


#: Stands behind what holders are sought for.
_MARK = object()
#: What an attribute is that a class only inherits.
_ABSENT: Any = object()


class Entry:
    """What is exchanged for what."""

    __slots__ = ("copied", "kept", "moved", "original", "places", "stand_in")

    def __init__(self, original: Any, stand_in: Any) -> None:
        self.original = original
        self.stand_in = stand_in
        #: In how many places it was exchanged.
        self.moved = 0
        #: How many references to the original the stand-in has.
        self.kept = 0
        self.places: list[Place] = []
        #: The copies made of holders of it that cannot be changed.
        self.copied: list[Entry] = []

    def is_held_elsewhere(self) -> bool:
        """Tell whether the original has holders that were not found yet; a place that was changed keeps it as well."""
        return sys.getrefcount(self.original) - self.moved > _OWN_REFERENCES + self.kept


class Place:
    """One place that was changed, with the way to read and to write it."""

    __slots__ = ("holder", "key", "kind", "original", "owner", "value")

    def __init__(self, kind: tuple[Callable[..., Any], Callable[..., Any]], holder: Any, key: Any, original: Any, value: Any) -> None:
        self.kind = kind
        self.holder = holder
        #: The object whose namespace the holder is, where that is known.
        self.owner: Any = None
        self.key = key
        self.original = original
        self.value = value

    def undo(self) -> None:
        """Put the original back, unless something else is there by now."""
        try:
            get, put = self.kind
            if get(self.holder, self.key) is self.value:
                put(self.holder, self.key, self.original)
        except (AttributeError, LookupError, ValueError):
            pass


def _get_class_attribute(cls: type, name: str) -> Any:
    return vars(cls).get(name, _ABSENT)


def _set_class_attribute(cls: type, name: str, value: Any) -> None:
    # A metaclass may have methods of its own for this.
    if value is _ABSENT:
        type.__delattr__(cls, name)
    else:
        type.__setattr__(cls, name, value)


def _set_in_type_of_c(cls: type, name: str, value: Any) -> None:
    """Do so where attributes of the class cannot be set: in its namespace, of which it is told (see `PyType_Modified` in the C API)."""
    from ctypes import py_object, pythonapi

    namespace: dict[str, Any] = gc.get_referents(cls.__dict__)[0]
    namespace[name] = value
    pythonapi.PyType_Modified(py_object(cls))


def _get_slot(holder: Any, member: MemberDescriptorType) -> Any:
    return member.__get__(holder)


def _set_slot(holder: Any, member: MemberDescriptorType, value: Any) -> None:
    member.__set__(holder, value)


def _set_in_partial(holder: Any, name: str, value: Any) -> None:
    parts = {"func": holder.func, "args": holder.args, name: value}
    holder.__setstate__((parts["func"], parts["args"], holder.keywords, holder.__dict__ or None))


ITEM = (dict.get, dict.__setitem__)
_ELEMENT = (list.__getitem__, list.__setitem__)
_LINK = (deque.__getitem__, deque.__setitem__)
#: Of a function or a cell.
_ATTRIBUTE = (getattr, setattr)
_SLOT = (_get_slot, _set_slot)
_PARTIAL = (getattr, _set_in_partial)
METHOD_OF_C = (_get_class_attribute, _set_in_type_of_c)
CLASS_ATTRIBUTE = (_get_class_attribute, _set_class_attribute)


def _all_classes() -> list[type]:
    """Return every class of the process."""
    classes: list[type] = [object]
    # By id: a metaclass that defines `__eq__` and no `__hash__` makes classes that cannot be hashed.
    seen = {id(object)}
    for cls in classes:
        one: type
        for one in type.__subclasses__(cls):
            if id(one) not in seen:
                seen.add(id(one))
                classes.append(one)
    return classes


class Exchange:
    """A set of objects, each with the one that takes its place.

    `is_left_alone` tells by the name of a module whether what belongs to it is not to be changed.
    """

    def __init__(self, is_left_alone: Callable[[str], bool]) -> None:
        self._is_left_alone = is_left_alone
        self._entries: dict[int, Entry] = {}
        self._places: list[Place] = []
        #: All classes, listed when first needed.
        self._classes: list[type] = []

    def add(self, original: Any, stand_in: Any) -> Entry:
        """Plan that `stand_in` takes the place of `original`."""
        entry = self._entries[id(original)] = Entry(original, stand_in)
        return entry

    def stand_ins(self) -> list[Any]:
        """Return what takes the place of others."""
        return [entry.stand_in for entry in self._entries.values()]

    def exchange_in(self, holders: list[Any]) -> list[Entry]:
        """Exchange everything planned in the holders, a list that is emptied; return the copies made whose holders are yet to be found."""
        copied = [entry for holder in holders if (entry := self._copy(holder)) is not None]
        # A namespace comes after the object that it belongs to, where both are found (3.13): the object can be found again.
        for holder in sorted(holders, key=_is_dict):
            self._exchange_in(holder)
        # A list of holders is a holder too, and the next search must not find it; nor a list of classes.
        holders.clear()
        self._classes = []
        return [one for one in copied if one.is_held_elsewhere()]

    def spread(self, entries: Sequence[Entry], made_since: Callable[[], list[Any] | None] = lambda: None) -> None:
        """Exchange what is planned wherever it is held, and copies of holders that cannot be changed wherever they are.

        The objects that `made_since` returns, if any, are looked at first.
        """
        for _ in range(_ROUNDS):
            # Asked for the holders of nothing, the collector looks through everything too.
            if not entries:
                break
            wanted = {id(entry.original) for entry in entries}
            copies = self.exchange_in([one for one in made_since() or () if holds(one, wanted)])
            hidden = [entry for entry in entries if entry.is_held_elsewhere()]
            entries = copies + (self.exchange_in(holders_of(hidden)) if hidden else [])

    def put(self, kind: tuple[Callable[..., Any], Callable[..., Any]], holder: Any, key: Any, value: Any) -> Place:
        """Change one place."""
        place = Place(kind, holder, key, kind[0](holder, key), value)
        self._places.append(place)
        kind[1](holder, key, value)
        return place

    def references_made(self, one: Any) -> int:
        """Return how many references to an object there are because of the exchange: as a copy, and within copies of tuples."""
        put = [place.value for place in self._places] + self.stand_ins()
        tuples = {id(value): value for value in put if isinstance(value, tuple)}
        return sum(value is one for value in put) + sum(item is one for value in tuples.values() for item in tuple.__iter__(value))

    def undo(self) -> None:
        """Put all originals back, in reverse order. An interrupt meanwhile is raised when all is done."""
        interrupt: KeyboardInterrupt | None = None
        while self._places:
            try:
                self._places[-1].undo()
                self._places.pop()
            except KeyboardInterrupt as error:
                interrupt = error
        self._entries.clear()
        if interrupt is not None:
            raise interrupt

    # -- holders that cannot be changed -----------------------------------------------------------------------

    def _copy(self, holder: Any) -> Entry | None:
        """Plan the exchange of a holder that cannot be changed for a copy; None for all others."""
        kind = type(holder)
        if id(holder) in self._entries:
            return None
        copy: Any = None
        within: list[Any] = []
        if isinstance(holder, tuple):
            copy, within = self._copy_of_tuple(holder), list(holder)
        elif kind is BuiltinMethodType or kind is MethodType:
            within = [holder.__self__]
            entry = self._entries.get(id(holder.__self__))
            # The `__new__` of a class of C is a method of it as well, and stays.
            if entry is not None and holder.__name__ != "__new__":
                copy = getattr(entry.stand_in, holder.__name__, None)
        elif kind is staticmethod or kind is classmethod:
            within = [holder.__func__]
            entry = self._entries.get(id(holder.__func__))
            copy = kind(entry.stand_in) if entry is not None else None
        if copy is None:
            return None
        made = self.add(holder, copy)
        for item in within:
            if id(item) in self._entries:
                self._entries[id(item)].copied.append(made)
        return made

    def _copy_of_tuple(self, holder: tuple[Any, ...]) -> Any:
        # The bases and the method resolution order of a class are tuples as well.
        if not holder or (isinstance(holder[0], type) and _belongs_to_class(holder)):
            return None
        items = [self._entries[id(item)].stand_in if id(item) in self._entries else item for item in holder]
        if all(item is original for item, original in zip(items, holder, strict=True)):
            return None
        return tuple.__new__(type(holder), items)

    # -- holders that can -------------------------------------------------------------------------------------

    def _exchange_in(self, holder: Any) -> None:
        kind = type(holder)
        if kind is dict:
            self._exchange_in_dict(holder)
        elif kind is list:
            self._exchange_items(_ELEMENT, holder, enumerate(holder))
        elif kind is CellType:
            self._exchange_items(_ATTRIBUTE, holder, [("cell_contents", holder.cell_contents)])
        elif kind is FunctionType:
            if not self._is_left_alone(str(holder.__module__)):
                self._exchange_items(_ATTRIBUTE, holder, [("__defaults__", holder.__defaults__)])
        elif id(holder) not in self._entries and not isinstance(holder, (type, tuple, FrameType, BuiltinMethodType)):
            self._exchange_in_object(holder)

    def _exchange_in_dict(self, holder: dict[Any, Any]) -> None:
        if "__module__" in holder and (cls := self._class_of(holder)) is not None:
            if not self._is_left_alone(str(cls.__module__)):
                self._exchange_items(CLASS_ATTRIBUTE, cls, holder.items())
        elif not self._is_left_alone(str(holder.get("__name__", ""))):
            self._exchange_items(ITEM, holder, holder.items())

    def _exchange_in_object(self, holder: Any) -> None:
        if self._is_left_alone(str(type(holder).__module__)):
            return
        if isinstance(holder, dict):
            self._exchange_items(ITEM, holder, dict.items(holder))
        elif isinstance(holder, list):
            self._exchange_items(_ELEMENT, holder, enumerate(list.__iter__(holder)))
        elif isinstance(holder, deque):
            self._exchange_items(_LINK, holder, enumerate(deque.__iter__(holder)))
        elif isinstance(holder, functools.partial):
            self._exchange_items(_PARTIAL, holder, [("func", holder.func), ("args", holder.args)])
        try:
            namespace = object.__getattribute__(holder, "__dict__")
        except AttributeError:
            namespace = None
        if isinstance(namespace, dict):
            self._exchange_items(ITEM, namespace, namespace.items(), owner=holder)
        self._exchange_items(_SLOT, holder, list(slots(holder)))

    def _exchange_items(
        self, kind: tuple[Callable[..., Any], Callable[..., Any]], holder: Any, items: Iterable[tuple[Any, Any]], *, owner: Any = None
    ) -> None:
        """Exchange those of the items (key, value) of a holder that are to be."""
        entries = self._entries
        for key, value in [item for item in items if id(item[1]) in entries]:
            if key == _INTERPRETERS_OWN:
                continue
            entry = entries[id(value)]
            try:
                entry.places.append(self.put(kind, holder, key, entry.stand_in))
            except (AttributeError, TypeError):
                # It cannot be changed after all: a read-only slot, a class made in C.
                self._places.pop()
            else:
                entry.moved += 1
                entry.places[-1].owner = owner

    def _class_of(self, namespace: dict[str, Any]) -> type | None:
        """Return the class whose namespace a dictionary is, if it is one."""
        for name in ("__dict__", "__weakref__"):
            maker = getattr(namespace.get(name), "__objclass__", None)
            if isinstance(maker, type) and _is_namespace(namespace, maker):
                return maker
        self._classes = self._classes or _all_classes()
        module = namespace["__module__"]
        return next((cls for cls in self._classes if vars(cls).get("__module__") is module and _is_namespace(namespace, cls)), None)


def holds(one: object, wanted: set[int]) -> bool:
    """Tell whether an object refers to one of those whose ids are given."""
    return not wanted.isdisjoint(map(id, one.values() if type(one) is dict else gc.get_referents(one)))


def holders_of(entries: Sequence[Entry]) -> list[Any]:
    """Return what refers to the originals of some entries, by one pass over the heap."""
    found = gc.get_referrers(*[entry.original for entry in entries], _MARK)
    # From 3.13 on the arguments are found as well.
    found[:] = [one for one in found if type(one) is not tuple or not one or one[-1] is not _MARK]
    return found


def _is_dict(holder: object) -> bool:
    return type(holder) is dict


def _is_namespace(namespace: dict[str, Any], cls: type) -> bool:
    return any(one is namespace for one in gc.get_referents(cls))


def _belongs_to_class(holder: tuple[Any, ...]) -> bool:
    first = holder[0]
    return holder is first.__mro__ or any(cls.__bases__ is holder for cls in type.__subclasses__(first))


def slots(holder: Any) -> Iterator[tuple[MemberDescriptorType, Any]]:
    """Yield the slots of an object that are set, with what they hold."""
    for cls in type(holder).__mro__:
        for member in vars(cls).values():
            if type(member) is MemberDescriptorType:
                try:
                    yield member, member.__get__(holder)
                except AttributeError:
                    continue
