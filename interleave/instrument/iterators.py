"""Hooks for iteration: `for`, `yield from`, generators, and what lies behind an iterator.

**A step of a loop** over a mutable container reads the container, so that "changed size during iteration" is found. At the step there
is only the iterator. The container behind it, also through `enumerate`, `zip`, `map`, `reversed`, views and most of `itertools`, is
found with `gc.get_referents`, which runs no code of the program; it is asked at each step rather than remembered, since a memory of
iterators would keep them and their containers alive.

**A shared iterator** is itself written by each step. Nearly all iterators are fresh ones that only the value stack of the frame
refers to; no other thread can have those, and counting references tells them apart. A reference more, for whatever reason, only adds
an announcement.

**A generator** that is shared is entered where it is resumed, and left where it yields (not by `yield from`) or returns; both are
writes. Between the two, whoever else resumes it gets "generator already executing".
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from gc import get_referents
from types import AsyncGeneratorType, BuiltinFunctionType, CoroutineType, FunctionType, GeneratorType
from typing import Any

from interleave import runtime
from interleave.instrument import families
from interleave.instrument.announce import announce, announce_one, gate
from interleave.instrument.containers import method_action, write_whole
from interleave.instrument.families import (
    ANYWHERE,
    DEFAULTDICT,
    DEQUE,
    DICT,
    FOREIGN,
    LIST,
    NONE,
    OPAQUE,
    SET,
    VIEW,
    WEAK,
    family,
    operation_family,
)
from interleave.instrument.foreign import looking
from interleave.instrument.kinds import find
from interleave.instrument.registry import AccessList, Kinds, registry
from interleave.model import READ, SHAPE, WHOLE, WRITE, Site

#: Kinds of iterators: none or one written in Python; one over something immutable, or that shows nothing; one with something behind it.
NO_ITERATOR, PLAIN, WRAPPER, GENERATOR = range(4)

_KEY_ITERATORS: frozenset[type] = frozenset({type(iter({})), type(reversed({}))})
_WRAPPER_MODULES = frozenset({"builtins", "itertools", "collections", "_collections", "array"})
_IMMUTABLE_ITERATORS: frozenset[type] = frozenset(type(iter(empty)) for empty in ((), "", "\u0100", b"", range(0), range(1 << 70)))

#: References to an operand of a hook that is on the value stack of its frame and nowhere else: the stack's, the hook's
#: argument, and the argument of `getrefcount`.
_UNSHARED = 3

#: How many layers of iterators around iterators are looked through.
_DEPTH = 6

_ListIterator: type = type(iter(list[Any]()))
_iterators: Kinds = registry.new_cache()


def _iterator_kind(tp: type) -> int:
    kind = NO_ITERATOR
    found = find(tp, "__next__")
    if tp is GeneratorType:
        kind = GENERATOR
    elif found is not None and type(found[1]) is not FunctionType and tp not in (CoroutineType, AsyncGeneratorType):
        is_known = found[0].__module__ in _WRAPPER_MODULES and tp not in _IMMUTABLE_ITERATORS
        kind = WRAPPER if is_known else PLAIN
    return registry.remember(_iterators, tp, kind)


def behind(iterator: Any, depth: int = 0) -> AccessList:
    """Return what one step of an iterator of a known C type reads."""
    accesses: AccessList = []
    for part in get_referents(iterator):
        tp = type(part)
        if tp is tuple:
            # `zip` and `map` keep their iterators in a tuple; other tuples hold values on their way to the program.
            for inner in part:
                if _iterator_kind(type(inner)) == WRAPPER and depth < _DEPTH:
                    accesses += behind(inner, depth + 1)
            continue
        kind = family(tp)
        if kind == VIEW:
            accesses += view_reads(part)
        elif kind:
            accesses.append((part, SHAPE if kind == SET or type(iterator) in _KEY_ITERATORS else WHOLE, READ))
        elif tp is BuiltinFunctionType:
            accesses += called(part)
        elif depth < _DEPTH and _iterator_kind(tp) == WRAPPER:
            accesses += behind(part, depth + 1)
    return accesses


def called(function: Any) -> AccessList:
    """Return what a bound method of a container, given away to be called later, may touch: `map(d.get, keys)`."""
    owner = function.__self__
    kind = family(type(owner))
    if not kind:
        return []
    writes = method_action(kind, function.__name__) is write_whole
    return [(owner, WHOLE, WRITE if writes else READ)]


def view_reads(view: Any) -> AccessList:
    """Return what iterating over a view of a dictionary reads."""
    is_keys = issubclass(type(view), type({}.keys()))
    return [(part, SHAPE if is_keys else WHOLE, READ) for part in get_referents(view) if family(type(part))]


def consumed(value: Any) -> AccessList:
    """Return what iterating over a value to its end touches."""
    kind = families.operation_cache("__iter__").get(type(value))
    if kind is None:
        kind = operation_family(type(value), "__iter__")
    if kind in (DICT, DEFAULTDICT, SET):
        return [(value, SHAPE, READ)]
    if kind == VIEW:
        return view_reads(value)
    step = _iterators.get(type(value))
    if step is None:
        step = _iterator_kind(type(value))
    if step:
        return [(value, WHOLE, WRITE), *(behind(value) if step == WRAPPER else ())]
    if kind == FOREIGN:
        return looking(value, ())
    return [(value, ANYWHERE if kind == WEAK else WHOLE, READ)] if kind != NONE else []


def start(site: Site) -> Callable[[Any], None]:
    """Make the hook for the start of a loop: iterators of dictionaries, sets and deques note the size at once."""
    known = families.operation_cache("__iter__")

    def hook(obj: Any) -> None:
        if not gate.is_open:
            return
        kind = known.get(type(obj))
        if kind is None:
            kind = operation_family(type(obj), "__iter__")
        if kind == VIEW:
            announce(site, [(owner, SHAPE, READ) for owner, _, _ in view_reads(obj)])
        elif kind in (DICT, DEFAULTDICT, SET, DEQUE):
            announce(site, [(obj, SHAPE, READ)])
        elif kind in (OPAQUE, FOREIGN, WEAK):
            announce(site, consumed(obj))

    return hook


def started(obj: Any) -> AccessList:
    """Return what making an iterator reads."""
    kind = operation_family(type(obj), "__iter__")
    if kind in (NONE, LIST):
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
            kind = _iterator_kind(type(iterator))
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
            accesses = behind(iterator)
            if is_shared:
                accesses.append((iterator, WHOLE, WRITE))
            if accesses:
                announce(site, accesses)
        elif is_shared:
            resume(site, iterator)

    return hook


def step_asynchronously(site: Site) -> Callable[[Any], None]:
    """Make the hook for one step of `async for`; as long as that waits, each step of the task goes on with the generator."""

    def hook(iterator: Any) -> None:
        if gate.is_open and type(iterator) is AsyncGeneratorType and sys.getrefcount(iterator) > _UNSHARED:
            announce(site, [(iterator, WHOLE, WRITE)])

    return hook


def resume(site: Site, iterator: Any) -> None:
    """Announce that an iterator which others may have is resumed."""
    runtime.touch(site, iterator, WHOLE, WRITE)
    if type(iterator) is GeneratorType and not iterator.gi_running and iterator.gi_frame is not None:
        registry.running[iterator.gi_frame] = iterator


def leave(site: Site) -> Callable[[], None]:
    """Make the hook for a generator about to yield or return."""
    running = registry.running

    def hook() -> None:
        if running:
            generator = running.pop(sys._getframe(1), None)
            if generator is not None and gate.is_open:
                runtime.touch(site, generator, WHOLE, WRITE)

    return hook


def consume(site: Site) -> Callable[[Any], None]:
    """Make the hook for what iterates over an operand to its end: unpacking, `[*xs]`, `{**d}`."""

    def hook(value: Any) -> None:
        if gate.is_open:
            accesses = consumed(value)
            if accesses:
                announce(site, accesses)

    return hook
