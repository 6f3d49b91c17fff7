"""Hooks for iteration: `for`, `yield from`, generators, and what lies behind an iterator.

**A step of a loop** over a mutable container reads the container, so that "changed size during iteration" is found. At the step there
is only the iterator. The container behind it, also through `enumerate`, `zip`, `map`, `reversed`, views and most of `itertools`, is
found with `gc.get_referents`, which runs no code of the program; it is asked at each step rather than remembered, since a memory of
iterators would keep them and their containers alive. Where functions of C look at the elements, `map(len, xs)`, these are read as well.

**A shared iterator** is itself written by each step. Nearly all iterators are fresh ones that only the value stack of the frame
refers to; no other thread can have those, and counting references tells them apart. A reference more, for whatever reason, only adds
an announcement.

**A generator** that is shared is entered where it is resumed, and left where it yields (not by `yield from`) or returns; both are
writes. Between the two, whoever else resumes it gets "generator already executing".
"""

from __future__ import annotations

import decimal
import sys
from _io import _IOBase
from collections import deque
from collections.abc import Callable, Iterable
from gc import get_referents
from itertools import _tee_dataobject, accumulate, chain, dropwhile, filterfalse, groupby, starmap, takewhile  # type: ignore[attr-defined]
from operator import attrgetter, methodcaller
from types import AsyncGeneratorType, FrameType, FunctionType, GeneratorType, MethodDescriptorType, MethodType, ModuleType, SimpleNamespace
from typing import Any
from weakref import ref

from interleave import runtime
from interleave.instrument import families, kinds
from interleave.instrument.announce import Divisible, announce, announce_one, gate
from interleave.instrument.containers import method_action, read_whole, write_whole
from interleave.instrument.families import BOUND, DEFAULTDICT, DICT, SCALARS, SET, VIEW, family, operations
from interleave.instrument.foreign import USED_IN_CONTAINERS, looking, operated, used
from interleave.instrument.kinds import find, instance_namespace, is_changing, is_heap_type, iterates_in_python
from interleave.instrument.links import is_linking, linked
from interleave.instrument.registry import AccessList, registry
from interleave.instrument.uncontrolled import note_order
from interleave.model import READ, SHAPE, WHOLE, WRITE, Site
from interleave.runtime.naming import ANONYMOUS

#: Kinds of iterators: none or one written in Python; one over something immutable, or that shows nothing; one with something behind it;
#: one of another object of the standard library or C, as `csv.reader` is, or that is written in Python and out of scope.
NO_ITERATOR, PLAIN, WRAPPER, GENERATOR, OUTSIDE = range(5)

_KEY_ITERATORS: frozenset[type] = frozenset({type(iter({})), type(reversed({}))})
_WRAPPER_MODULES = frozenset({"builtins", "itertools", "collections", "_collections", "array"})
_IMMUTABLE_ITERATORS: frozenset[type] = frozenset(type(iter(empty)) for empty in ((), "", "\u0100", b"", range(0), range(1 << 70)))

#: References to an operand of a hook that is on the value stack of its frame and nowhere else: the stack's, the hook's
#: argument, and the argument of `getrefcount`.
_UNSHARED = 3

#: How many layers of iterators around iterators are looked through, and how many nested containers are read at most.
_DEPTH = 6
_NESTED = 200

_ListIterator: type = type(iter(list[Any]()))
_TupleIterator: type = type(iter(()))
#: Of objects that have items only.
_SequenceIterator: type = type(iter(type("", (), {"__getitem__": None})()))
#: Iterators for which functions, or they themselves, look at the elements of what is behind them.
_LOOKING: frozenset[type] = frozenset({map, filter, filterfalse, starmap, chain, accumulate, groupby, takewhile, dropwhile})


def _iterator_kind(tp: type) -> int:
    if tp is GeneratorType:
        return GENERATOR
    found = find(tp, "__next__")
    if found is None or type(found[1]) is FunctionType:
        return OUTSIDE if found is not None and kinds.runs_outside(found[1]) else NO_ITERATOR
    if found[0].__module__ in _WRAPPER_MODULES:
        return PLAIN if tp in _IMMUTABLE_ITERATORS else WRAPPER
    return OUTSIDE if is_changing(found[0]) else PLAIN


_iterators = registry.new_cache(_iterator_kind)


def behind(iterator: Any, depth: int = 0, *, is_shared: bool = False) -> AccessList:
    """Return what one step of an iterator of a known C type touches. Who shares it shares what is behind it."""
    accesses: AccessList = []
    parts = get_referents(iterator)
    for part in parts:
        tp = type(part)
        if tp is tuple:
            # `zip` and `map` keep their iterators in a tuple; other tuples hold values on their way to the program.
            for inner in part:
                accesses += _within(inner, is_shared or sys.getrefcount(inner) > _UNSHARED, depth)
            continue
        kind = family(tp)
        if kind == VIEW:
            accesses += view_reads(part)
        elif kind:
            accesses.append((part, SHAPE if kind == SET or type(iterator) in _KEY_ITERATORS else WHOLE, READ))
        elif tp in BOUND:
            accesses += called(part)
        elif type(iterator) is _SequenceIterator and operations("__getitem__")[tp]:
            accesses += read_whole(part, ())
        else:
            accesses += _within(part, is_shared or sys.getrefcount(part) > _UNSHARED + 1, depth)
    if type(iterator) in _LOOKING and not any(type(part) in (FunctionType, MethodType) for part in parts):
        is_writer = any(type(part) in (methodcaller, MethodDescriptorType) for part in parts)
        accesses += looked_into(accesses, parts, WRITE if is_writer else READ)
    return [access for access in accesses if type(access[0]) is not tuple]


def _within(part: Any, is_shared: bool, depth: int) -> AccessList:
    """Return what a step of an iterator around another one touches. Tuples are looked for elements only."""
    kind = _iterators[type(part)]
    if type(part) is _TupleIterator:
        accesses: AccessList = [(items, WHOLE, READ) for items in get_referents(part)]
        # `chain` keeps what is to come in a tuple.
        accesses += [access for items in get_referents(part) if is_shared for one in items for access in _within(one, True, depth + 1)]
    else:
        is_deeper = depth < _DEPTH and (kind == WRAPPER or type(part) is _tee_dataobject)
        accesses = behind(part, depth + 1, is_shared=is_shared) if is_deeper else _advanced(part)[1:] if kind == OUTSIDE else []
    if is_shared and (kind or type(part) is _tee_dataobject):
        accesses.append((part, WHOLE, WRITE))
    return accesses


def looked_into(accesses: AccessList, callables: Iterable[Any], mode: int = READ) -> AccessList:
    """Return what a function of C touches that looks at the elements of containers which are read through."""
    is_deep = any(type(value) is attrgetter for value in callables)
    owners = [owner for owner, field, _ in accesses if field is WHOLE]
    found = [access for owner in owners for access in nested_reads(owner, with_instances=is_deep) if access[0] is not owner]
    return [(owner, field, mode) for owner, field, _ in found]


def called(function: Any) -> AccessList:
    """Return what a bound method of a container, given away to be called later, may touch: `map(d.get, keys)`."""
    owner = function.__self__
    kind = family(type(owner))
    if not kind:
        return streams((owner,))
    writes = method_action(kind, function.__name__) is write_whole
    return [(owner, WHOLE, WRITE if writes else READ)]


def streams(values: Iterable[Any]) -> AccessList:
    """Return the files in memory and others among arguments, which may be written or read on."""
    found = [value for value in values if issubclass(type(value), _IOBase) and not any(value is one for one in registry.standard)]
    return [access for value in found for access in write_whole(value, ())]


def view_reads(view: Any) -> AccessList:
    """Return what iterating over a view of a dictionary reads, and a look at what a pattern has matched in memory that may change."""
    is_keys = issubclass(type(view), type({}.keys()))
    return [(part, SHAPE if is_keys else WHOLE, READ) for part in get_referents(view) if family(type(part))]


def consumed(value: Any) -> AccessList:
    """Return what iterating over a value to its end touches."""
    if type(value) is tuple:
        # The arguments of most calls.
        return []
    kind = operations("__iter__")[type(value)]
    if kind in (DICT, DEFAULTDICT, SET):
        if kind == SET:
            note_order(value)
        return [(value, SHAPE, READ)]
    if kind == VIEW:
        return view_reads(value)
    step = _iterators[type(value)]
    if step == OUTSIDE:
        return _advanced(value)
    if step == GENERATOR and (found := produced(value)):
        return Divisible([(value, WHOLE, WRITE), *found], f"a generator of {value.__qualname__}", value.gi_frame.f_globals["__name__"])
    if step:
        return [(value, WHOLE, WRITE), *(behind(value, is_shared=True) if step == WRAPPER else ())]
    if kind in (families.FOREIGN, families.WEAK):
        return looking(value, ())
    if kind == families.NONE and iterates_in_python(type(value)):
        return nested_reads(value, with_instances=True)
    return read_whole(value, ()) if kind != families.NONE else []


def produced(generator: Any) -> AccessList:
    """Return what a generator of the standard library goes through, as far as its frame shows; empty for one that announces it."""
    if id(generator.gi_code) in registry.instrumented or generator.gi_frame is None or generator.gi_running:
        return []
    root = str(generator.gi_frame.f_globals.get("__name__")).partition(".")[0]
    if root in kinds.NEUTRAL_MODULES or root not in sys.stdlib_module_names:
        return []
    return [access for part in get_referents(generator) for access in given(part, is_deep=False)]


def _advanced(iterator: Any) -> AccessList:
    """Return what a step of an iterator touches whose code is out of scope."""
    return used(iterator, WRITE) if kinds.is_written_in_python(type(iterator), "__next__") else write_whole(iterator, ())


def given(value: Any, *, is_deep: bool) -> AccessList:
    """Return what code of the standard library written in Python touches of an argument."""
    accesses = nested_reads(value, with_instances=is_deep)
    return accesses or (consumed(value) if _iterators[type(value)] or operations("__iter__")[type(value)] else read_linked(value))


def read_linked(value: Any) -> AccessList:
    """Return the reads of an object of the standard library and what it works on, empty if it is no such object."""
    # What is done in a context of decimal numbers raises flags in it.
    action = write_whole if type(value) is decimal.Context else read_whole
    return action(value, ()) if is_linking(type(value)) or kinds.module_name(type(value)) in kinds.CONFIGURED else []


def is_iterator(tp: type) -> bool:
    """Tell whether a type is one of an iterator that the hooks know."""
    return bool(_iterators[tp])


def _is_instance(tp: type) -> bool:
    """Tell whether objects of a type have attributes of a program's own."""
    return is_heap_type(tp) and tp not in ANONYMOUS and not issubclass(tp, (type, ModuleType))


def nested_reads(value: Any, *, with_instances: bool = False) -> AccessList:
    """Return reads of a container and of the built-in containers inside it, or of objects and what their attributes lead to as well.

    Elements are listed by the methods of the built-in types themselves. What is met twice is read once.
    """
    accesses: AccessList = []
    seen: set[int] = set()
    pending = [value]
    while pending and len(accesses) < _NESTED:
        obj = pending.pop()
        tp = type(obj)
        kind = family(tp)
        if id(obj) in seen:
            continue
        seen.add(id(obj))
        if kind == VIEW:
            accesses += view_reads(obj)
        elif kind:
            accesses.append((obj, SHAPE if kind == SET else WHOLE, READ))
        elif tp is SimpleNamespace or (with_instances and _is_instance(tp)):
            accesses.append((obj, WHOLE, READ))
            pending += [part for part in (instance_namespace(obj) or {}).values() if type(part) not in SCALARS] + linked(obj)
        elif obj is not value and USED_IN_CONTAINERS[tp]:
            accesses.append((obj, WHOLE, READ))
        elif issubclass(tp, BaseException):
            accesses.append((obj, "args", READ))
        elements = ELEMENTS.get(kind) or next((cls.__iter__ for cls in (tuple, frozenset) if issubclass(tp, cls)), None)
        if elements is not None:
            pending += [part for part in elements(obj) if type(part) not in SCALARS]
    return accesses


def _keys_and_values(obj: Any) -> Iterable[Any]:
    return chain(dict.__iter__(obj), dict.values(obj))


ELEMENTS: dict[int, Callable[[Any], Iterable[Any]]] = {
    families.LIST: list.__iter__, DICT: _keys_and_values, DEFAULTDICT: _keys_and_values, SET: set.__iter__, families.DEQUE: deque.__iter__,
}  # fmt: skip


def looked_through(operation: str, *values: Any) -> AccessList:
    """Return what an operation touches that goes through values and what is in them, with methods that are out of scope."""
    accesses = [access for value in values for access in nested_reads(value)]
    return operated(operation, *values, *(owner for owner, _, _ in accesses)) + accesses


def start(site: Site) -> Callable[[Any], None]:
    """Make the hook for the start of a loop: iterators of dictionaries, sets and deques note the size at once."""
    known = operations("__iter__")

    def hook(obj: Any) -> None:
        if not gate.is_open:
            return
        kind = known[type(obj)]
        if kind == VIEW:
            announce(site, [(owner, SHAPE, READ) for owner, _, _ in view_reads(obj)])
        elif kind in (DICT, DEFAULTDICT, families.DEQUE):
            announce(site, [(obj, SHAPE, READ)])
        elif kind in (SET, families.OPAQUE, families.FOREIGN, families.WEAK):
            announce(site, consumed(obj))

    return hook


def started(obj: Any) -> AccessList:
    """Return what making an iterator reads."""
    kind = operations("__iter__")[type(obj)]
    if kind in (families.NONE, families.LIST):
        return []
    return consumed(obj)


def step(site: Site, is_argument: bool = False) -> Callable[[Any], None]:
    """Make the hook for one step of a loop or of `yield from`.

    `is_argument` says that the iterator is also an argument of the frame, as it is in comprehensions and generator expressions.
    """
    unshared = _UNSHARED + is_argument

    def hook(iterator: Any) -> None:
        if not gate.is_open:
            return
        kind = _iterators.get(type(iterator))
        if kind is None:
            kind = _iterators[type(iterator)]
        if not kind:
            return
        is_shared = sys.getrefcount(iterator) > unshared
        if kind == WRAPPER:
            if type(iterator) is _ListIterator and not is_shared:
                # By far the most common loop. An iterator that is exhausted has let its list go.
                for items in get_referents(iterator):
                    if type(items) is list:
                        announce_one(site, items, WHOLE, READ)
                        return
            accesses = behind(iterator, is_shared=is_shared)
        elif kind == OUTSIDE:
            announce(site, _advanced(iterator))
            return
        else:
            accesses = produced(iterator) if kind == GENERATOR else []
        if is_shared:
            accesses.append((iterator, WHOLE, WRITE))
        advance(site, accesses)

    return hook


def step_asynchronously(site: Site) -> Callable[[Any], None]:
    """Make the hook for one step of `async for`; as long as that waits, each step of the task goes on with the generator."""

    def hook(iterator: Any) -> None:
        if gate.is_open and type(iterator) is AsyncGeneratorType and sys.getrefcount(iterator) > _UNSHARED:
            announce(site, [(iterator, WHOLE, WRITE)])
        elif gate.is_open:
            announce(site, operated("iterate asynchronously", iterator))

    return hook


def advance(site: Site, accesses: AccessList) -> None:
    """Announce a step of an iterator, which resumes the generators that it writes."""
    if accesses:
        announce(site, accesses)
    for owner, _, _ in accesses:
        if type(owner) is GeneratorType and not owner.gi_running and owner.gi_frame is not None:
            registry.running[owner.gi_frame] = owner


def examine(values: Iterable[Any]) -> None:
    """Note that a function of C is to look into what generators yield: `sum((node.items for node in nodes), [])`."""
    examined = registry.examined
    for value in values:
        if type(value) is GeneratorType and value.gi_frame is not None:
            key = id(value.gi_frame)
            # The frame would keep alive what it yielded last.
            examined[key] = ref(value, lambda _, key=key: examined.pop(key, None))  # type: ignore[misc]


def leave(site: Site) -> Callable[[], None]:
    """Make the hook for a generator about to return."""
    running = registry.running

    def hook() -> None:
        if running:
            _leave(site, sys._getframe(1))

    return hook


def give(site: Site) -> Callable[[object], None]:
    """Make the hook for a generator about to yield a value."""
    running, examined = registry.running, registry.examined

    def hook(value: object) -> None:
        if running:
            _leave(site, sys._getframe(1))
        if examined and gate.is_open and type(value) not in SCALARS and id(sys._getframe(1)) in examined:
            # It is looked into before anybody else comes.
            accesses = nested_reads(value)
            if accesses:
                announce(site, accesses)

    return hook


def _leave(site: Site, frame: FrameType) -> None:
    generator = registry.running.pop(frame, None)
    if generator is not None and gate.is_open:
        runtime.touch(site, generator, WHOLE, WRITE)
