"""What a snapshot keeps of one object, and how it is put back in place: the object stays the one it is.

Nothing here runs code of the program: contents are compared by identity, and read and written by the methods of the built-in types, not
by those of a subclass. A dictionary or set is copied with the hashes that it has.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from operator import is_
from random import Random
from types import MemberDescriptorType, ModuleType
from typing import Any, Final

from interleave.instrument.kinds import namespace_of

#: More elements of one container than this are not named one by one, which is all the difference.
_MOST_NAMED: Final = 1_000
#: Stands for an attribute that is not there.
MISSING: Final = type("Missing", (), {"__repr__": lambda self: "missing"})()


def are_same(one: Iterable[object], other: Iterable[object]) -> bool:
    """Tell whether two collections of one length have the same objects, in the same order."""
    return all(map(is_, one, other))


def _is_same_mapping(one: Any, other: Any) -> bool:
    return len(one) == len(other) and are_same(one, other) and are_same(one.values(), other.values())


class Kept:
    """One object as it was. `read` returns what it is now, in the same form as `saved`."""

    __slots__ = ("name", "obj", "saved")

    def __init__(self, name: str, obj: Any) -> None:
        self.name = name
        self.obj = obj
        self.saved = self.read()

    def read(self) -> Any:
        raise NotImplementedError

    def is_same(self) -> bool:
        """Tell whether nothing has changed."""
        now, saved = self.read(), self.saved
        return len(now) == len(saved) and are_same(now, saved)

    def put_back(self) -> None:
        raise NotImplementedError

    def children(self) -> Iterable[tuple[str, Any]]:
        """Yield what it leads to, with names: of what has elements those."""
        return ((f"{self.name}[{number}]" if number < _MOST_NAMED else self.name, value) for number, value in enumerate(self.saved))


def _attributes(kept: Kept) -> Iterator[tuple[str, Any]]:
    return ((f"{kept.name}.{name}", value) for name, value in kept.saved.items())


class _Named(Kept):
    """Attributes of an owner, by name; those of the interpreter's own, with two underscores around, are left alone."""

    __slots__ = ("_whole",)
    children = _attributes

    def __init__(self, name: str, obj: Any) -> None:
        super().__init__(name, obj)
        #: With the interpreter's own: quick to compare.
        self._whole: dict[str, Any] = self.namespace().copy()

    def namespace(self) -> Any:
        return self.obj

    def read(self) -> Any:
        return {name: value for name, value in self.namespace().items() if _is_of_program(name)}

    def is_same(self) -> bool:
        namespace = self.namespace()
        if _is_same_mapping(namespace, self._whole):
            return True
        if _is_same_mapping(self.read(), self.saved):
            self._whole = namespace.copy()
            return True
        return False

    def put_back(self) -> None:
        now, saved = self.read(), self.saved
        for name, value in now.items():
            if name not in saved and type(value) is not ModuleType:
                self.delete(name)
        for name, value in saved.items():
            if now.get(name, MISSING) is not value:
                self.store(name, value)

    def store(self, name: str, value: object) -> None:
        self.obj[name] = value

    def delete(self, name: str) -> None:
        del self.obj[name]


class Globals(_Named):
    """The dictionary of a module. Modules stay in it: they are imported once in a process."""

    __slots__ = ()


class ClassAttributes(_Named):
    """What a class defines."""

    __slots__ = ()

    def namespace(self) -> Any:
        return namespace_of(self.obj)

    def store(self, name: str, value: object) -> None:
        type.__setattr__(self.obj, name, value)

    def delete(self, name: str) -> None:
        type.__delattr__(self.obj, name)


def _is_of_program(name: object) -> bool:
    return type(name) is str and not (name.startswith("__") and name.endswith("__")) and name != "_abc_impl"


class Items(Kept):
    """A dictionary of any kind, in its order."""

    __slots__ = ()
    kind: Any = dict

    def read(self) -> Any:
        return dict.copy(self.obj)

    def is_same(self) -> bool:
        now, saved, kind = self.obj, self.saved, self.kind
        return (
            dict.__len__(now) == len(saved)
            and are_same(kind.__iter__(now), kind.__iter__(saved))
            and are_same(kind.values(now), saved.values())
        )

    def put_back(self) -> None:
        dict.clear(self.obj)
        dict.update(self.obj, self.saved)

    def children(self) -> Iterable[tuple[str, Any]]:
        for number, (key, value) in enumerate(self.saved.items()):
            yield f"{self.name}.<key>", key
            yield f"{self.name}[{_key_text(key)}]" if number < _MOST_NAMED else self.name, value


def _key_text(key: object) -> str:
    return repr(key)[:40] if type(key) in (str, int, bool, bytes, float) else "..."


class Attributes(Items):
    """The dictionary of an instance."""

    __slots__ = ()
    children = _attributes


class OrderedItems(Items):
    """An `OrderedDict`, whose order is its own."""

    __slots__ = ()
    kind = OrderedDict

    def read(self) -> Any:
        return OrderedDict(OrderedDict.items(self.obj))

    def put_back(self) -> None:
        OrderedDict.clear(self.obj)
        for key, value in self.saved.items():
            OrderedDict.__setitem__(self.obj, key, value)


class Elements(Kept):
    """A list."""

    __slots__ = ()
    kind: Any = list

    def read(self) -> Any:
        return list(self.kind.__iter__(self.obj))

    def is_same(self) -> bool:
        return self.kind.__len__(self.obj) == len(self.saved) and are_same(self.kind.__iter__(self.obj), self.saved)

    def put_back(self) -> None:
        self.kind.clear(self.obj)
        self.kind.extend(self.obj, self.saved)


class QueueElements(Elements):
    """A deque."""

    __slots__ = ()
    kind = deque


class Members(Kept):
    """A set. Its order follows from how it was filled, so it is filled once more in the beginning, as whenever it is put back."""

    __slots__ = ("_copy",)

    def __init__(self, name: str, obj: Any) -> None:
        self._copy = set.copy(obj)
        self._fill(obj)
        super().__init__(name, obj)

    def read(self) -> Any:
        return list(set.__iter__(self.obj))

    def put_back(self) -> None:
        self._fill(self.obj)

    def _fill(self, obj: Any) -> None:
        set.clear(obj)
        set.update(obj, self._copy)


class _Plain(Kept):
    """What is read as plain data."""

    __slots__ = ()

    def is_same(self) -> bool:
        return bool(self.read() == self.saved)

    def children(self) -> Iterable[tuple[str, Any]]:
        return ()


class Bytes(_Plain):
    """A bytearray."""

    __slots__ = ()

    def read(self) -> Any:
        return bytes(self.obj)

    def put_back(self) -> None:
        # Somebody may have a view of it, so that it cannot grow or shrink.
        with suppress(BufferError):
            bytearray.__setitem__(self.obj, slice(None), self.saved)


#: By kind of container, the most special first: what keeps one.
CONTAINERS: Final = (
    (OrderedDict, OrderedItems), (dict, Items), (list, Elements), (set, Members), (deque, QueueElements), (bytearray, Bytes),
)  # fmt: skip


class Slots(Kept):
    """The attributes of an instance that are in slots."""

    __slots__ = ("_slots",)
    children = _attributes

    def __init__(self, name: str, obj: Any, slots: tuple[MemberDescriptorType, ...]) -> None:
        self._slots = slots
        super().__init__(name, obj)

    def read(self) -> Any:
        return {slot.__name__: _slot_value(slot, self.obj) for slot in self._slots}

    def is_same(self) -> bool:
        return are_same(self.read().values(), self.saved.values())

    def put_back(self) -> None:
        for slot in self._slots:
            value = self.saved[slot.__name__]
            if value is not MISSING:
                slot.__set__(self.obj, value)
            elif _slot_value(slot, self.obj) is not MISSING:
                slot.__delete__(self.obj)


def _slot_value(slot: MemberDescriptorType, obj: object) -> Any:
    try:
        return slot.__get__(obj)
    except AttributeError:
        return MISSING


class Cell(Kept):
    """A variable of a closure."""

    __slots__ = ()

    def read(self) -> Any:
        try:
            return (self.obj.cell_contents,)
        except ValueError:
            return ()

    def children(self) -> Iterable[tuple[str, Any]]:
        return ((self.name, value) for value in self.saved)

    def put_back(self) -> None:
        if self.saved:
            self.obj.cell_contents = self.saved[0]
        else:
            del self.obj.cell_contents


class Generator(_Plain):
    """A generator of random numbers of the program's own."""

    __slots__ = ()

    def read(self) -> Any:
        return Random.getstate(self.obj)

    def put_back(self) -> None:
        Random.setstate(self.obj, self.saved)


class Position(_Plain):
    """An `itertools.count`. What it has counted can be seen, but not taken back."""

    __slots__ = ()

    def read(self) -> Any:
        return itertools.count.__repr__(self.obj)

    def put_back(self) -> None:
        """Do nothing."""
