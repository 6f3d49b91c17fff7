"""Puts the stand-ins where the program looks for the real things, and takes them away again.

Three kinds of exchange, all undone in reverse order:

1. methods of classes of the standard library (`primitives.METHODS`);
2. C functions and classes (`primitives.OBJECTS`) wherever somebody holds them, under any name: modules (`from time import sleep as nap`),
   classes (`factory = staticmethod(Lock)`), closures (a dataclass keeps `default_factory=Lock` in one), defaults of functions,
   `defaultdict(Lock)`;
3. locks and queues that exist already (`primitives.INSTANCES`), wherever they are held: module globals, instances, slots, classes,
cells, containers,
   and the methods of its lock that a condition keeps. Their types refer to their instances' holders: one pass over the heap finds the
   functions'
   holders and the instances, a second one the holders of the instances (see `holders`).

The test runner and the tools around it keep the real things: they are not under test, and their threads go on. So does an import that a
logical thread makes: modules are executed once in a process, and what their code does with locks would be there in the first execution
only. It
runs to its end as one step. Modules imported meanwhile have got stand-ins, and are given the real things at the end.
"""

from __future__ import annotations

import functools
import gc
import importlib
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import thread as pools
from types import BuiltinMethodType, ModuleType
from typing import Any

from interleave import primitives
from interleave.primitives.acquaintance import exchange_at, has_count, known_places, remember
from interleave.primitives.holders import CLASS_ATTRIBUTE, ITEM, METHOD_OF_C, Entry, Exchange, holders_of, holds
from interleave.runtime import active, gate, state
from interleave.runtime.heap import Heap, survey

#: Packages whose own names and locks are left alone, with everything below them.
_LEFT_ALONE = frozenset({
    "interleave", "greenlet", "importlib", "_frozen_importlib", "_frozen_importlib_external", "execnet", "xdist", "_pytest", "pytest",
    "pluggy", "coverage", "pytest_cov", "rich", "click", "networkx", "bytecode", "hypothesis", "pdb", "bdb", "_pydev_bundle",
    "_pydevd_bundle", "_pydevd_frame_eval", "_pydevd_sys_monitoring", "pydevd", "pydevd_file_utils", "pydevd_tracing", "debugpy",
})  # fmt: skip
#: Their instances hold a lock each, in great number (before 3.12): found by their type, they need no search.
_LIKELY_HOLDERS = (functools.cached_property,) if sys.version_info < (3, 12) else ()
#: Locks that stay: those inside `threading`, under which no code of the program runs and which would be a step in every `current_thread()`.
_SPARED = frozenset(id(value) for value in vars(threading).values())
#: Types whose instances may exist before the exploration, and what stands in for them.
_KINDS: dict[type, Any] = {row.original: row.stand_in for row in primitives.INSTANCES}
#: Its methods are kept by the handlers of `fork`, which nobody can change: exchanged by name, it needs no search.
_POOLS_LOCK = "_global_shutdown_lock"
#: The flag of a type whose attributes cannot be set.
_IMMUTABLE = 1 << 8
#: Stand-ins of which those that are older than an execution are named by number.
_NUMBERED = frozenset(row.stand_in for row in primitives.INSTANCES)
_import_system: dict[str, Any] = vars(importlib._bootstrap)
_real_find_and_load: Callable[..., Any] = _import_system["_find_and_load"]


def _is_left_alone(module: str) -> bool:
    return module.partition(".")[0] in _LEFT_ALONE


def _find_and_load(name: str, import_: Callable[..., Any]) -> Any:
    """Import a module as one step of the program, with control suspended."""
    if active() is None:
        return _real_find_and_load(name, import_)
    kernel, is_open, is_naming = state.kernel, gate.is_open, gate.is_naming
    state.kernel = None
    gate.is_open = gate.is_naming = False
    try:
        found = _real_find_and_load(name, import_)
        if state.on_import is not None:
            state.on_import(name)
        return found
    finally:
        if Takeover.current is not None:
            Takeover.current.exchange_late_methods()
        state.kernel, gate.is_open, gate.is_naming = kernel, is_open, is_naming
        kernel.ledger.note_import(name)


class Takeover:
    """The exchange for one exploration. `install` and `uninstall` are each safe to call twice."""

    #: The one in force.
    current: Takeover | None = None
    #: Types whose instances have to be known to `install`.
    kinds: tuple[type, ...] = (*_KINDS, *_LIKELY_HOLDERS)
    #: Classes of C with methods that have stand-ins: who keeps such a method, bound, has a way to the real one.
    owners: tuple[type, ...] = tuple({cls for cls, _ in primitives.METHODS if cls.__flags__ & _IMMUTABLE})

    def __init__(self) -> None:
        self._late: set[tuple[type, str]] = set()
        self._exchange = Exchange(_is_left_alone)
        self._is_installed = False
        self._modules = 0
        #: By id of the originals of `OBJECTS`: how often they are referred to, and where, as far as that is known from before.
        self._counts: dict[int, int] = {}
        self._known: dict[int, Any] = {}

    def sought(self) -> list[object]:
        """Return the objects, besides `kinds`, whose holders `install` has to know."""
        originals = [row.original for row in primitives.OBJECTS]
        self._counts = {id(one): sys.getrefcount(one) for one in originals}
        is_likely = [one in _KINDS or has_count(one, self._counts[id(one)]) for one in originals]
        self._known = {id(one): known_places(one) if likely else None for one, likely in zip(originals, is_likely, strict=True)}
        return [one for one in originals if one not in _KINDS and self._known[id(one)] is None]

    def stand_ins(self) -> list[Any]:
        """Return the stand-ins for locks and queues that existed, in an order of no meaning."""
        return [one for one in self._exchange.stand_ins() if type(one) in _NUMBERED]

    @staticmethod
    def give_number(stand_in: Any, number: int) -> None:
        """Let a stand-in have the number that it got in another process (see `locks.outer_name`)."""
        primitives.locks.adopt_number(stand_in, number)

    @staticmethod
    def made_since(objects: list[Any]) -> list[Any]:
        """Return those of some objects that are stand-ins for locks and queues."""
        return [one for one in objects if type(one) in _NUMBERED]

    def install(self, heap: Heap | None = None, made_since: Callable[[], list[Any] | None] = lambda: None) -> None:
        """Exchange everything; whatever was done is undone if it fails half way.

        `heap` has the instances of `kinds`, and what refers to the objects `sought`; both lists are emptied. `made_since` returns objects
        among which the holders of locks that are new are likely to be.
        """
        if self._is_installed:
            return
        self._is_installed = True
        try:
            self._modules = len(sys.modules)
            self._exchange_methods()
            Takeover.current = self
            self._exchange_held(heap or survey(self.kinds, self.sought(), self.owners), made_since)
            self._known.clear()
        except BaseException:
            self.uninstall()
            raise

    def uninstall(self) -> None:
        """Put everything back, in reverse order, and let modules imported meanwhile have the real things."""
        if not self._is_installed:
            return
        self._is_installed = False
        Takeover.current = None
        try:
            primitives.threads.give_back_pools()
        finally:
            self._exchange.undo()
            if len(sys.modules) != self._modules:
                _give_real_things()

    def _exchange_methods(self) -> None:
        for (cls, name), stand_in in {**primitives.METHODS, **primitives.simple_queue.inherited()}.items():
            self._exchange.put(METHOD_OF_C if cls.__flags__ & _IMMUTABLE else CLASS_ATTRIBUTE, cls, name, stand_in)
        self.exchange_late_methods()

    def exchange_late_methods(self) -> None:
        """Exchange methods of modules that are loaded by now."""
        for (cls, name), stand_in in primitives.outside.late_methods().items():
            if (cls, name) not in self._late:
                self._late.add((cls, name))
                self._exchange.put(CLASS_ATTRIBUTE, cls, name, stand_in)

    def _exchange_held(self, heap: Heap, made_since: Callable[[], list[Any] | None]) -> None:
        exchange = self._exchange
        # The import system has the module itself in its globals, and must go on with the real locks.
        self._shield_imports()
        pools_lock = vars(pools)[_POOLS_LOCK]
        exchange.put(ITEM, vars(pools), _POOLS_LOCK, primitives.locks.Lock.standing_in_for(pools_lock))
        rows = self._exchange_rows(Counter(map(type, heap.instances)))
        found = [one for one in heap.instances if type(one) in _KINDS and id(one) not in _SPARED and one is not pools_lock]
        entries = [exchange.add(one, _KINDS[type(one)].standing_in_for(one)) for one in found]
        found = [one for one in heap.instances if type(one) is BuiltinMethodType and (one.__self__, one.__name__) in primitives.METHODS]
        entries += [exchange.add(one, getattr(one.__self__, one.__name__)) for one in found]
        del found
        counts = [sys.getrefcount(entry.original) for entry in entries]
        # All before the first exchange: two may be in one tuple.
        places = [
            known_places(entry.original) if has_count(entry.original, count) else None for entry, count in zip(entries, counts, strict=True)
        ]
        unknown = []
        for entry, count, known in zip(entries, counts, places, strict=True):
            if known is None:
                unknown.append((entry, count))
            else:
                exchange_at(exchange, entry, known)
        del places
        wanted = {id(entry.original) for entry, _ in rows}
        candidates = [one for one in heap.instances if issubclass(type(one), _LIKELY_HOLDERS)]
        if wanted:
            everybody = heap.holders if heap.holders is not None else holders_of([entry for entry, _ in rows])
            candidates += [one for one in everybody if holds(one, wanted)]
            everybody.clear()
        heap.instances.clear()
        heap.holders = None
        copies = exchange.exchange_in(candidates)
        for entry, _ in unknown:
            # The stand-in of a lock keeps the original too.
            entry.kept = int(type(entry.original) in _KINDS)
        exchange.spread([entry for entry, _ in unknown if entry.is_held_elsewhere()] + copies, made_since)
        remember(exchange, unknown + rows)

    def _exchange_rows(self, instances: Mapping[type, int]) -> list[tuple[Entry, int]]:
        """Plan the exchange of the rows of `OBJECTS`, and exchange those whose places are known; return the others with their counts.

        `instances` tells how many objects there are of each type.
        """
        unknown = []
        for row in primitives.OBJECTS:
            original = row.original
            entry = self._exchange.add(original, row.stand_in)
            # Each instance refers to its type.
            count = self._counts[id(original)] - (instances[original] if original in _KINDS else 0)
            places = self._known[id(original)]
            if places is None or not has_count(original, count):
                unknown.append((entry, count))
            else:
                exchange_at(self._exchange, entry, places)
        return unknown

    def _shield_imports(self) -> None:
        # By its name the copy is left alone.
        real = ModuleType("interleave.real_thread")
        vars(real).update({name: value for name, value in vars(_import_system["_thread"]).items() if name != "__name__"})
        self._exchange.put(ITEM, _import_system, "_thread", real)
        self._exchange.put(ITEM, _import_system, "_find_and_load", _find_and_load)


def _give_real_things() -> None:
    """Exchange stand-ins for the real things in everything that the exploration brought into being and left behind."""
    exchange = Exchange(_is_left_alone)
    for row in primitives.OBJECTS:
        exchange.add(row.stand_in, row.original)
    # One class stands in for a function and for the type of what it returns.
    exchange.add(primitives.locks.Lock, threading.Lock)
    kinds = tuple(dict.fromkeys(row.stand_in for row in primitives.INSTANCES))
    holders = gc.get_referrers(*[row.stand_in for row in primitives.OBJECTS], *kinds)
    entries = [exchange.add(one, one.real()) for one in holders if type(one) in kinds]
    exchange.spread(entries + exchange.exchange_in(holders))
