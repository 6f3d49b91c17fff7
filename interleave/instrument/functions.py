"""What functions written in C, and those of the standard library in Python, do to their arguments: tables.

Unless listed here, a function reads the containers among its arguments, with what is nested in them; one from outside the standard library
might write them. One that is written in Python is several steps for real, unless it is listed as atomic (see `runtime.unseen`).
"""

from __future__ import annotations

import _pickle
import bisect
import builtins
import collections
import heapq
import operator
import struct
import sys
from collections.abc import Callable
from types import FrameType, FunctionType, ModuleType
from typing import Any

from interleave.instrument import attributes
from interleave.instrument.announce import gate
from interleave.instrument.callbacks import calls_back
from interleave.instrument.containers import ATOMIC_METHODS, read_whole, write_whole
from interleave.instrument.families import BOUND, NONE, VIEW, family, operations
from interleave.instrument.files import opened
from interleave.instrument.foreign import operated
from interleave.instrument.items import DELETIONS, READS, STORES, membership_reads, size_reads, truths
from interleave.instrument.iterators import called, consumed, examine, looked_into, nested_reads, read_linked, started
from interleave.instrument.kinds import ATOMIC_MODULES, find, is_heap_type, mro_of, root_module, root_of
from interleave.instrument.operators import operand_accesses
from interleave.instrument.registry import AccessList, Kinds, registry
from interleave.instrument.settings import printed
from interleave.model import READ, WHOLE, WRITE, Site
from interleave.runtime.naming import ANONYMOUS

Arguments = tuple[Any, ...]
Reads = Callable[[Arguments], AccessList]


def _nothing(arguments: Arguments) -> AccessList:
    return []


def _iterate(arguments: Arguments) -> AccessList:
    """Return what iterating over each argument touches."""
    accesses: AccessList = []
    for value in arguments:
        accesses += called(value) if type(value) in BOUND else consumed(value)
    return accesses


def _examine(arguments: Arguments) -> AccessList:
    """Return what looking at each element of each argument touches, as comparing and adding do."""
    examine(arguments)
    accesses = _iterate(arguments)
    tuples: AccessList = [(value, WHOLE, READ) for value in arguments if type(value) is tuple]
    return accesses + looked_into(accesses + tuples, arguments)


_BUILTIN = type(len)


def read_arguments(arguments: Arguments, *, is_deep: bool = False) -> AccessList:
    """Return what reading through the containers and iterators among the arguments touches, and if deep, through objects."""
    accesses: AccessList = []
    for value in arguments:
        if type(value) in BOUND:
            accesses += called(value)
        elif type(value) not in ANONYMOUS and not any(value is stream for stream in registry.standard):
            accesses += nested_reads(value, with_instances=is_deep) or consumed(value) or read_linked(value)
    return accesses


def _write_first(arguments: Arguments) -> AccessList:
    """Return what changing the first argument and reading the others touches."""
    if not arguments or not operations("__len__")[type(arguments[0])]:
        return []
    return [(arguments[0], WHOLE, WRITE)]


def _by_size(families: Kinds) -> Reads:
    """Return the entry for a function that looks at the size of its argument, given the families of those that have one."""

    def entry(arguments: Arguments) -> AccessList:
        kind = families[type(arguments[0])] if arguments else NONE
        return size_reads(arguments[0], kind) if kind else []

    return entry


_size, _truth = _by_size(operations("__len__")), _by_size(truths)


def _start(arguments: Arguments) -> AccessList:
    examine(arguments)
    return [access for value in arguments for access in started(value)]


def _membership(arguments: Arguments) -> AccessList:
    return membership_reads(arguments[0], arguments[1]) if len(arguments) == 2 else []


def _by_operation(operation: str) -> Reads:
    """Return the entry for a function that calls a special method of its arguments."""

    def entry(arguments: Arguments) -> AccessList:
        return operated(operation, *arguments) + read_arguments(arguments)

    return entry


def classes_made(owner: type, method: str, arguments: Arguments) -> AccessList:
    """Return what a method of a class touches that lists its subclasses, or makes one.

    Who lists them is said to write, so that those who make one are in conflict with that only.
    """
    if method == "__subclasses__":
        return [(owner, method, WRITE)]
    return _make_class(arguments) if method == "__new__" and issubclass(owner, type) else []


_show = _by_operation("show")


def _make_class(arguments: Arguments) -> AccessList:
    bases = [base for part in arguments for base in (part if type(part) is tuple else (part,)) if issubclass(type(base), type)]
    return [(base, "__subclasses__", READ) for base in bases if is_heap_type(base) and root_module(base) not in sys.stdlib_module_names]


def _item(dunder: str) -> Reads:
    """Return the entry for a function that is an item access in disguise."""
    table = {"__getitem__": READS, "__setitem__": STORES, "__delitem__": DELETIONS}[dunder]

    def entry(arguments: Arguments) -> AccessList:
        kind = operations(dunder)[type(arguments[0])] if len(arguments) > 1 else NONE
        action = table.get(kind, read_whole if dunder == "__getitem__" else write_whole)
        return list(action(arguments[0], arguments[1:])) if kind else []

    return entry


def _in_place(dunder: str) -> Reads:
    def entry(arguments: Arguments) -> AccessList:
        return operand_accesses(arguments[0], arguments[1], dunder) if len(arguments) == 2 else []

    return entry


def _add(table: dict[Any, Reads], entry: Reads, module: ModuleType, names: str) -> None:
    for name in names.split():
        function = getattr(module, name, None)
        if type(function) is _BUILTIN or isinstance(function, type):
            table[function] = entry


#: By function.
FUNCTIONS: dict[Any, Reads] = {}
_add(FUNCTIONS, _nothing, builtins, "isinstance issubclass id callable ord input super locals")
_add(FUNCTIONS, _by_operation("convert"), builtins, "hash abs divmod round pow chr bin hex oct")
_add(FUNCTIONS, _show, builtins, "repr ascii format")
_add(FUNCTIONS, _make_class, builtins, "__build_class__")
_add(FUNCTIONS, opened, builtins, "open")
_add(FUNCTIONS, _nothing, sys, "getrefcount _getframe intern exc_info")
_add(FUNCTIONS, _examine, builtins, "sum min max any all sorted")
_add(FUNCTIONS, lambda arguments: read_arguments(arguments, is_deep=True), _pickle, "dumps dump")
_add(FUNCTIONS, lambda arguments: _show(arguments) + printed(arguments), builtins, "print")
_add(FUNCTIONS, _size, builtins, "len")
_add(FUNCTIONS, lambda arguments: [(one, WHOLE, READ) for value in arguments for one in (value, *mro_of(type(value)))], builtins, "dir")
_add(FUNCTIONS, lambda arguments: [(value, WHOLE, READ) for value in arguments if family(type(value))], sys, "getsizeof")
_add(FUNCTIONS, _start, builtins, "iter")
_add(FUNCTIONS, _truth, operator, "truth not_")
_add(FUNCTIONS, _iterate, operator, "length_hint")
_add(FUNCTIONS, _membership, operator, "contains")
_add(FUNCTIONS, _nothing, operator, "is_ is_not")
_add(FUNCTIONS, _write_first, heapq, "heappush heappop heapify heapreplace heappushpop _heappop_max _heapreplace_max _heapify_max")
_add(FUNCTIONS, _write_first, bisect, "insort insort_left insort_right")
_add(FUNCTIONS, lambda arguments: _write_first(arguments[1:]), struct, "pack_into")
_add(FUNCTIONS, lambda arguments: _write_first(arguments) + _iterate(arguments[1:]), collections, "_count_elements")
for _name in ("getitem", "setitem", "delitem"):
    _add(FUNCTIONS, _item(f"__{_name}__"), operator, _name)
_IN_PLACE = (
    "iadd", "iand", "iconcat", "ifloordiv", "ilshift", "imatmul", "imod", "imul", "ior", "ipow", "irshift", "isub", "itruediv", "ixor",
)  # fmt: skip
for _name in _IN_PLACE:
    _add(FUNCTIONS, _in_place("__iadd__" if _name == "iconcat" else f"__{_name}__"), operator, _name)

#: By type that is called.
TYPES: dict[type, Reads] = {}
_add(TYPES, _nothing, builtins, "object super property classmethod staticmethod slice")
_add(TYPES, _make_class, builtins, "type")
_add(TYPES, _by_operation("convert"), builtins, "int float complex range")
# That of `reversed` notes the size at once.
_add(TYPES, _iterate, builtins, "list tuple set frozenset reversed")
_add(TYPES, _start, builtins, "enumerate zip map filter")
_add(TYPES, _truth, builtins, "bool")
_add(TYPES, _show, builtins, "str")
_add(TYPES, read_arguments, builtins, "bytes bytearray dict")

#: Functions of the standard library, written in Python, that change a list which they are given.
LIBRARY_WRITERS = frozenset({"shuffle", "insort", "insort_left", "insort_right"})
#: Those that look into objects, and not only into containers.
DEEP_READERS = frozenset({
    ("copy", "copy"), ("copy", "deepcopy"), ("copy", "replace"), ("dataclasses", "asdict"), ("dataclasses", "astuple"),
    ("dataclasses", "replace"), ("inspect", "getattr_static"), ("inspect", "getmembers"),
    ("pprint", "pformat"), ("pprint", "pprint"), ("pprint", "pp"),
})  # fmt: skip


def is_atomic(function: FunctionType, arguments: Arguments) -> bool:
    """Tell whether a function of the standard library comes to what it is given, or to its object, once, by one function of C.

    `json.dumps` does so unless it calls back, or indents, before 3.13; `copy.copy` unless it puts the items of a subclass into a new one.
    What is frozen does not change while `dataclasses.replace` reads it.
    """
    name, cls = function.__name__, function.__qualname__.rpartition(".")[0]
    if cls in _WEAK:
        return name in _WEAK[cls]
    if root_of(function) in ATOMIC_MODULES or (cls and name in ATOMIC_METHODS):
        return True
    if (function.__module__, name) == ("json", "dumps"):
        is_asking = any(calls_back(value) or (isinstance(value, type) and is_heap_type(value)) for value in arguments)
        return not is_asking and (sys.version_info >= (3, 13) or not any(type(value) in (int, str) for value in arguments[1:]))
    if (function.__module__, name) == ("dataclasses", "replace") and (found := find(type(arguments[0]), "__dataclass_params__")):
        return bool(found[1].frozen)
    if (function.__module__, name) == ("copy", "copy") and arguments:
        tp = type(arguments[0])
        return tp in (list, dict) or not issubclass(tp, (list, dict)) or bool(find(tp, "__copy__")) or find(tp, "__reduce__") != _REDUCE
    return False


#: By weak container: which of its methods are.
_WEAK = dict.fromkeys(
    ("WeakSet", "WeakValueDictionary", "WeakKeyDictionary"), (ATOMIC_METHODS - {"copy"}) | {"pop", "popitem", "valuerefs", "keyrefs"}
)
_WEAK["WeakKeyDictionary"] |= {"setdefault"}
_REDUCE = find(object, "__reduce__")

#: Functions that access an attribute whose name is an argument, or give away the dictionary of all attributes.
ACCESSORS = frozenset({getattr, hasattr, setattr, delattr, vars, globals})
#: The same as methods of every object. They find storage even where a class overrides them.
ATTRIBUTE_METHODS: dict[str, Any] = {"__getattribute__": getattr, "__setattr__": setattr, "__delattr__": delattr}


def attribute_call(site: Site, function: Any, arguments: Arguments, is_raw: bool = False) -> None:
    """Announce a call of one of `ACCESSORS`, or of one of `ATTRIBUTE_METHODS` if `is_raw`. Call it while the gate is open or naming."""
    if function is vars and len(arguments) == 1:
        attributes.note_namespace(arguments[0])
    elif function is globals:
        _note_globals()
    elif len(arguments) < 2 or type(arguments[1]) is not str:
        return
    elif function is setattr and len(arguments) == 3:
        attributes.write(site, arguments[0], arguments[1], arguments[2], is_raw=is_raw)
    elif function is delattr:
        attributes.erase(site, arguments[0], arguments[1], is_raw=is_raw)
    elif gate.is_open:
        attributes.read(site, arguments[0], arguments[1], is_raw=is_raw)


def _note_globals() -> None:
    """Note the dictionary that `globals` is about to return to the instrumented code that calls it."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__package__") == __package__:
        frame = frame.f_back
    if frame is not None:
        registry.note_alias(frame.f_globals, frame.f_globals)


def argument_reads(function: Any, arguments: Arguments) -> AccessList:
    """Return what a function of C that is in no table touches."""
    if root_module(function) in sys.stdlib_module_names:
        examine(arguments)
        return read_arguments(arguments) or operated("convert", *arguments)
    return [(value, WHOLE, WRITE) for value in arguments if family(type(value)) not in (NONE, VIEW)]
