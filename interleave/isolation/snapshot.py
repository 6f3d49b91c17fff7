"""The state of modules in scope, so that it can be put back, or said what an execution changed of it.

**What is covered.** Starting from the global variables of every module in scope, and the arguments of a scenario that is a
`functools.partial`:

* the variables themselves, and the attributes of classes defined in such a module;
* contents of lists, dictionaries of all kinds, sets, deques, bytearrays, those of subclasses too, wherever they are reachable;
* attributes, in dictionaries and slots, of instances of classes defined in scope, and of the primitives of `threading`, `queue` and
  `asyncio`, `SimpleNamespace`, `collections.UserDict`, weak containers and the like;
* attributes, defaults and closure variables of functions in scope; `functools.lru_cache` of functions in scope is emptied;
* the state of `random.Random`; level, handlers, filters and the like of loggers, among them the root, whether or not anything leads to it.

**What is not.** Instances of other classes, of installed packages for one (`include` brings them into scope), and what only they lead
to; iterators, files, threads and thread-local variables; what extension modules keep; the registries of other modules in which the
program has put something (`atexit`, `warnings`, the rest of `logging`). A snapshot keeps alive what it has seen, and what that refers to
weakly, so that finalisers of it do not run and weak references to it stay.

Objects stay the ones they are, and only what has changed is touched. What the engine has put in the place of locks and code stays as well,
provided that a snapshot is taken and put back while it is in control.
"""

from __future__ import annotations

import itertools
import logging
import sys
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from threading import Thread, local
from types import BuiltinFunctionType, CodeType, EllipsisType, FunctionType, MemberDescriptorType, MethodType, ModuleType, NoneType
from typing import Any, Final
from weakref import ReferenceType

from interleave.instrument.kinds import instance_namespace, is_heap_type, module_namespace, mro_of, namespace_of
from interleave.instrument.scope import Scope
from interleave.isolation.kept import CONTAINERS, Attributes, Bytes, Cell, ClassAttributes, Generator, Globals, Kept, Position, Slots
from interleave.runtime.heap import CACHE

#: Modules of the standard library whose classes are made of ordinary attributes, which are all their state.
_TRANSPARENT: Final = frozenset({
    "threading", "queue", "collections", "weakref", "_weakrefset", "asyncio.locks", "asyncio.queues", "asyncio.mixins",
})  # fmt: skip
_OPAQUE: Final = (Thread, local, ModuleType)
#: Immutable things that hold others.
_HOLDERS: Final = (tuple, frozenset)
#: Types of what cannot change and leads nowhere; modules in scope are looked at anyway.
_PLAIN: Final = frozenset({
    int, str, float, bool, NoneType, bytes, complex, range, slice, EllipsisType, types.NotImplementedType, CodeType, BuiltinFunctionType,
    ModuleType,
})  # fmt: skip


class Snapshot:
    """The state at one moment of all modules in scope that are loaded, and of the one that a scenario is in."""

    def __init__(self, scope: Scope, scenario: Callable[[], object]) -> None:
        self._scope = scope
        self._scenario = scenario
        self._modules = 0
        self._is_open: dict[type, bool] = {}
        self._slots: dict[type, tuple[MemberDescriptorType, ...]] = {}
        #: By id, what was looked at; keeps the ids what they are.
        self._seen: dict[int, object] = {}
        self._pending: deque[tuple[str, Any]] = deque()
        self.kept: list[Kept] = []
        #: Of these, what could have changed and be put back; and containers that were empty, which is told at once of all.
        self._changeable: list[Kept] = []
        self._emptied: list[Any] = []
        self.caches: list[Any] = []
        if type(scenario) is partial:
            # What a scenario is called with is there before it; its own closure variables are its own business.
            self._pending.append(("scenario", scenario))
        self._pending.append(("logging.root", logging.root))
        self.extend()

    def extend(self) -> None:
        """Take in the modules that were loaded since."""
        if len(sys.modules) == self._modules:
            return
        self._modules = len(sys.modules)
        for name, namespace in self._namespaces():
            if id(namespace) not in self._seen:
                self._seen[id(namespace)] = namespace
                self._keep(Globals(name, namespace))
        while self._pending:
            self._visit(*self._pending.popleft())

    def put_back(self) -> None:
        """Give everything the state it had, and take in the modules that were loaded since."""
        for one in self._changeable:
            if not one.is_same():
                one.put_back()
        if any(self._emptied):
            for container in self._emptied:
                container.clear()
        for cache in self.caches:
            cache.cache_clear()
        self.extend()

    def _namespaces(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the dictionaries of modules in scope, each with the name of its module."""
        for name, module in list(sys.modules.items()):
            if type(name) is str and issubclass(type(module), ModuleType):
                namespace = module_namespace(module)
                if self._covers(name, namespace):
                    yield name, namespace
        function = getattr(self._scenario, "func", self._scenario)
        function = getattr(function, "__func__", function)
        if type(function) is FunctionType and self._covers_function(function):
            yield str(function.__globals__.get("__name__")), function.__globals__

    def _visit(self, name: str, value: Any) -> None:
        kind = type(value)
        if kind in _PLAIN or id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if kind is FunctionType:
            self._visit_function(name, value)
        elif kind is MethodType:
            self._pending += ((name, value.__self__), (name, value.__func__))
        elif kind is partial:
            self._pending += ((name, value.func), (name, value.args), (name, tuple(value.keywords.values())))
        elif kind in (staticmethod, classmethod):
            self._pending.append((name, value.__func__))
        elif kind is property:
            self._pending += ((name, one) for one in (value.fget, value.fset, value.fdel))
        elif kind is CACHE:
            wrapped = getattr(value, "__wrapped__", None)
            self._pending.append((name, wrapped))
            if type(wrapped) is FunctionType and self._covers_function(wrapped):
                self.caches.append(value)
        elif kind is types.CellType:
            self._keep(Cell(name, value))
        elif issubclass(kind, type):
            if self._is_in_scope(value):
                self._keep(ClassAttributes(name, value))
        elif kind in _HOLDERS:
            self._pending += ((f"{name}[{number}]", one) for number, one in enumerate(value))
        elif kind is Random:
            self._keep(Generator(name, value))
        elif kind is itertools.count:
            self._keep(Position(name, value))
        elif not issubclass(kind, _OPAQUE):
            self._visit_contents(name, value, kind)

    def _keep(self, kept: Kept) -> None:
        self.kept.append(kept)
        if type(kept.obj) in _EXACT and type(kept) is not Bytes and not kept.obj:
            self._emptied.append(kept.obj)
        elif type(kept) is not Position:
            self._changeable.append(kept)
        self._pending.extend(kept.children())

    def _visit_function(self, name: str, function: FunctionType) -> None:
        if not self._covers_function(function):
            return
        self._visit_attributes(name, function.__dict__)
        for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
            self._pending.append((f"{name}.<{variable}>", cell))
        self._pending += ((f"{name}.<default>", one) for one in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()))

    def _visit_contents(self, name: str, value: Any, kind: type) -> None:
        """Keep the contents of a container and the attributes of an instance; a subclass of a container has both."""
        is_plain = kind in _EXACT
        if issubclass(kind, ReferenceType):
            # A table that is put back must not get a reference whose callback, which takes it out, was called by then.
            self._pending.append((name, ReferenceType.__call__(value)))
        if not is_plain and not self._has_open_state(kind):
            return
        for base, record in CONTAINERS:
            if issubclass(kind, base):
                self._keep(record(name, value))
                break
        if is_plain:
            return
        namespace = instance_namespace(value)
        if namespace is not None:
            self._visit_attributes(name, namespace)
        slots = self._slots_of(kind)
        if slots:
            self._keep(Slots(name, value, slots))

    def _visit_attributes(self, name: str, namespace: dict[str, Any]) -> None:
        if id(namespace) not in self._seen:
            self._seen[id(namespace)] = namespace
            self._keep(Attributes(name, namespace))

    def _covers_function(self, function: FunctionType) -> bool:
        """Tell whether a function is in scope, by its globals: its code may be a placeholder of ours."""
        return self._covers(function.__globals__.get("__name__"), function.__globals__)

    def _covers(self, name: object, namespace: dict[str, Any]) -> bool:
        file = namespace.get("__file__")
        return self._scope.covers(name if type(name) is str else "", file if type(file) is str else None)

    def _has_open_state(self, kind: type) -> bool:
        """Tell whether the state of instances of a class is their attributes."""
        known = self._is_open.get(kind)
        if known is None:
            known = (
                self._is_in_scope(kind)
                or kind is types.SimpleNamespace
                or _module_of(kind) in _TRANSPARENT
                or issubclass(kind, logging.Logger)
            )
            self._is_open[kind] = known
        return known

    def _is_in_scope(self, cls: type) -> bool:
        module = _module_of(cls)
        return bool(module) and self._scope.covers(module, None)

    def _slots_of(self, kind: type) -> tuple[MemberDescriptorType, ...]:
        known = self._slots.get(kind)
        if known is None:
            found = (one for cls in mro_of(kind) if is_heap_type(cls) for one in namespace_of(cls).values())
            known = self._slots[kind] = tuple(one for one in found if type(one) is MemberDescriptorType)
        return known


_EXACT: Final = frozenset({OrderedDict, dict, list, set, deque, bytearray, defaultdict})


def _module_of(cls: type) -> str:
    module = namespace_of(cls).get("__module__")
    return module if type(module) is str else ""
