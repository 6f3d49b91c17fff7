"""What the methods of built-in containers touch: a table.

**Fields.** `("[]", key)` is the item with a key or index, SHAPE which keys there are, WHOLE everything. Reading an item reads that item.
Adding or removing one writes it and the shape; overwriting one leaves the shape alone. `len`, and iteration over keys, read the shape.

**Lists** are different: an insertion or a removal moves items to other indices, and which index `append` writes depends on who appended in
between. An access is announced before it happens, when that is still open. So everything that changes the length of a list or
a deque writes WHOLE, which also settles whether an index is in range; an item counted from the end reads WHOLE.

**Provisional accesses.** An announcement describes what an operation would do now, but it happens later, when the thread is chosen.
`d[k] = v` announces only the item if `k` is there, yet another thread may delete it first, and then the store changes the shape. Such
accesses come as `Provisional`; the hook looks again when it is its turn, and announces the larger set if the smaller one is outdated.
What it looks at, presence of the key, is covered by the item that was announced, so the outcome is the same in every equivalent
schedule. The number of announcements is not: for what that costs a search see `strategies.dpor`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from interleave.instrument.families import ANYWHERE, ARRAY, DEFAULTDICT, DEQUE, DICT, LIST, MEMORY, OPAQUE, SET, item
from interleave.instrument.foreign import operated
from interleave.instrument.links import linked
from interleave.instrument.registry import AccessList
from interleave.model import READ, SHAPE, WHOLE, WRITE


class Provisional(AccessList):
    """Accesses that hold as long as a key stays present, or stays absent."""

    __slots__ = ()


Action = Callable[[Any, tuple[Any, ...]], AccessList]


def write_whole(obj: Any, args: tuple[Any, ...]) -> AccessList:
    return [(obj, WHOLE, WRITE), *((part, WHOLE, WRITE) for part in linked(obj))]


def read_whole(obj: Any, args: tuple[Any, ...]) -> AccessList:
    return [(obj, WHOLE, READ), *((part, WHOLE, READ) for part in linked(obj))]


def read_shape(obj: Any, args: tuple[Any, ...]) -> AccessList:
    return [(obj, SHAPE, READ)]


def look_anywhere(obj: Any, args: tuple[Any, ...]) -> AccessList:
    return [(obj, ANYWHERE, READ)]


def nothing(obj: Any, args: tuple[Any, ...]) -> AccessList:
    return []


# --- dictionaries and sets --------------------------------------------------------------------------------------------


def has_key(obj: Any, key: object) -> bool:
    """Tell whether a dictionary or set has a key, for keys whose field is not WHOLE only.

    The lookup compares in C what hashes alike. Only a stored key of another type with the very same hash could run code.
    """
    return dict.__contains__(obj, key) if issubclass(type(obj), dict) else set.__contains__(obj, key)


def _at(obj: Any, args: tuple[Any, ...], mode: int) -> AccessList:
    """Return what is touched of all of a container, and by a key or index that may run code."""
    accesses = operated("look up", *args[:1])
    accesses.append((obj, WHOLE, mode))
    return accesses


def write_at(obj: Any, args: tuple[Any, ...]) -> AccessList:
    return _at(obj, args, WRITE)


def store_key(obj: Any, args: tuple[Any, ...]) -> AccessList:
    """Return what storing under a key touches."""
    field = item(args[0]) if args else WHOLE
    if field is WHOLE:
        return write_at(obj, args)
    if has_key(obj, args[0]):
        return Provisional([(obj, field, WRITE)])
    return [(obj, field, WRITE), (obj, SHAPE, WRITE)]


def ensure_key(obj: Any, args: tuple[Any, ...]) -> AccessList:
    """Return what an operation touches that adds a key unless it is there: `setdefault`, `add`, reading a `defaultdict`."""
    field = item(args[0]) if args else WHOLE
    if field is WHOLE:
        return write_at(obj, args)
    if has_key(obj, args[0]):
        return Provisional([(obj, field, READ)])
    return [(obj, field, WRITE), (obj, SHAPE, WRITE)]


def remove_key(obj: Any, args: tuple[Any, ...]) -> AccessList:
    """Return what an operation touches that removes a key if it is there: `pop`, `discard`, `del`."""
    field = item(args[0]) if args else WHOLE
    if field is WHOLE:
        return write_at(obj, args)
    if has_key(obj, args[0]):
        return [(obj, field, WRITE), (obj, SHAPE, WRITE)]
    return Provisional([(obj, field, READ)])


# --- sequences --------------------------------------------------------------------------------------------------------


def index_field(key: object) -> Hashable:
    """Return the field of a list index, WHOLE for one that is counted from the end, a slice, or computed by `__index__`."""
    return ("[]", int(key)) if type(key) in (int, bool) and key >= 0 else WHOLE  # type: ignore[call-overload, operator]


def _by_field(field_of: Callable[[object], Hashable], mode: int) -> Action:
    """Return the action that touches the one item whose field is told from a key or index, or the whole container."""

    def action(obj: Any, args: tuple[Any, ...]) -> AccessList:
        field = field_of(args[0]) if args else WHOLE
        return _at(obj, args, mode) if field is WHOLE else [(obj, field, mode)]

    return action


read_key = _by_field(item, READ)
read_index, store_index = _by_field(index_field, READ), _by_field(index_field, WRITE)


# --- the table --------------------------------------------------------------------------------------------------------


def _table(**rows: str) -> dict[str, Action]:
    """Make a table from rows `action = "names of methods"`; an action is a function of this module."""
    functions = globals()
    return {name: functions[action] for action, names in rows.items() for name in names.split()}


_COMPARISONS = " __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __repr__ __str__ __format__ __reduce__ __reduce_ex__ __sizeof__"

#: Methods of nearly all types that look through an object.
COMPARISONS = frozenset(_COMPARISONS.split())

#: By family: the methods that do less than write everything.
METHODS: dict[int, dict[str, Action]] = {
    LIST: _table(
        read_whole="index count copy __contains__ __add__ __mul__ __rmul__ __reversed__" + _COMPARISONS, write_at="insert pop __delitem__",
        read_shape="__len__", read_index="__getitem__", store_index="__setitem__", nothing="__iter__ __class_getitem__",
    ),
    DICT: _table(
        read_key="get __getitem__ __contains__", store_key="__setitem__", ensure_key="setdefault", remove_key="pop __delitem__",
        read_whole="copy __copy__ __or__ __ror__" + _COMPARISONS, read_shape="__len__ __iter__ __reversed__",
        nothing="keys values items fromkeys __class_getitem__",
    ),
    SET: _table(
        read_key="__contains__", ensure_key="add", remove_key="discard remove", nothing="__class_getitem__",
        read_shape="__len__ __iter__ copy union intersection difference symmetric_difference issubset issuperset isdisjoint"
        " __or__ __and__ __sub__ __xor__ __ror__ __rand__ __rsub__ __rxor__" + _COMPARISONS,
    ),
    ARRAY: _table(
        write_whole="append extend remove reverse clear byteswap frombytes fromfile fromlist fromunicode __iadd__ __imul__ __init__"
        " __setstate__", write_at="insert pop __delitem__",
        read_shape="__len__", read_index="__getitem__", store_index="__setitem__", nothing="__iter__ buffer_info",
    ),
    DEQUE: _table(
        read_whole="index count copy __copy__ __contains__ __getitem__ __add__ __mul__ __rmul__" + _COMPARISONS,
        read_shape="__len__ __iter__ __reversed__", nothing="__class_getitem__",
    ),
    # As long as there is a view of it, an object cannot change its size.
    MEMORY: _table(
        write_whole="__setitem__", read_whole="release __exit__", nothing="__len__ __iter__ __enter__ cast toreadonly __class_getitem__"
    ),
}  # fmt: skip
METHODS[DEFAULTDICT] = METHODS[DICT] | _table(ensure_key="__getitem__ __missing__")

#: Methods of the containers that the standard library writes in Python which only read.
PYTHON_READERS = frozenset({
    "most_common", "elements", "total", "copy", "get", "keys", "values", "items", "index", "count", "new_child",
    "__contains__", "__len__", "__iter__", "__getitem__", "__missing__", "__reversed__", *COMPARISONS,
    "__add__", "__sub__", "__or__", "__and__", "__pos__", "__neg__",
})  # fmt: skip

#: Methods of classes of the standard library that come to their object once, by one function of C.
ATOMIC_METHODS = frozenset({
    "__getitem__", "__setitem__", "__delitem__", "__contains__", "__len__", "__iter__", "__missing__", "__repr__", "keys", "values",
    "items", "get", "append", "insert", "index", "count", "reverse", "clear", "total", "copy", "add", "discard", "remove",
})  # fmt: skip

#: Methods that put arguments into the container.
STORES_ARGUMENTS = frozenset({"append", "appendleft", "insert", "add", "setdefault", "__setitem__"})
#: Methods that keep their arguments or only compare them, as against those that read them through.
KEEPS_ARGUMENTS = STORES_ARGUMENTS | {
    "get", "pop", "discard", "remove", "__getitem__", "__delitem__", "put", "__contains__", "send", "throw", "__next__", "set",
    "set_result",
}  # fmt: skip


def method_action(kind: int, name: str) -> Action:
    """Return what a method written in C does to a container of a family; an unknown one writes."""
    table = METHODS.get(kind)
    if table is None:
        return write_whole if kind == OPAQUE else nothing
    return table.get(name) or (read_whole if kind in (ARRAY, MEMORY) else write_whole)
