"""What the hooks know beyond the operands in front of them: one registry for the process.

**Stored names.** A place that is never written cannot be in conflict. Globals, methods and constants are read all the time and hardly ever
written, so a read of a global is announced only if some function with the same globals stores it; a read of a method or constant through an
instance only if some function of a module that defines one of the classes stores an attribute of that name; and one through a class or
module if it is data. That is known before anything runs, and is told from these modules alone, so that an execution announces the
same whatever else is loaded: seeds depend on it.

What this overlooks (a global or method replaced from another module, `setattr`, `globals()[...]`) is noted when it happens. `version`
grows, and `Instrumentation.update` reports it, upon which an exploration that claims to be complete starts over.

**Aliases.** `vars(obj)`, `obj.__dict__` and `globals()` are second ways to places that already have a name. The dictionary
is noted when the program asks for it, and its keys are then attributes of the owner.

**Running generators.** That a generator runs is a state which other threads can observe ("generator already executing"). Entering it
is announced where `next` is called, leaving it in the generator's own frame, which finds the generator here.
"""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Hashable, Iterable
from types import CodeType, FrameType
from typing import Any
from weakref import ref

from interleave.instrument.analysis import Stores, no_stores, stores
from interleave.instrument.frames import who_looks
from interleave.runtime import state

AccessList = list[tuple[object, Hashable, int]]

_qualified_name: Callable[[type], str] = type.__dict__["__qualname__"].__get__

#: Types remembered per cache. A program has few; a scenario that makes classes in every execution must not fill the memory.
_KINDS_KEPT = 64
#: Dictionaries remembered as aliases when nobody calls `forget`.
_ALIASES_KEPT = 4096


class Kinds(dict[type, int]):
    """What is known of types; what is not known is judged when it is asked for. See `Registry.new_cache`.

    A subscript costs some nanoseconds more than `get`, which the hooks of the most frequent accesses call first.
    """

    __slots__ = ("_judge",)

    def __init__(self, judge: Callable[[type], int]) -> None:
        super().__init__()
        self._judge = judge

    def __missing__(self, tp: type) -> int:
        return registry.remember(self, tp, self._judge(tp))


#: By module of the standard library: what its functions store that are in scope, or taken to read it.
_STORED = {"sys": {"stdout", "stderr"}, "warnings": {"filters", "showwarning", "_showwarnmsg_impl"}, "tempfile": {"tempdir"}}


class _Group:
    """All code in scope of one module, and what it stores. Nothing of the module is kept alive by it."""

    __slots__ = ("codes", "looking", "stores")

    def __init__(self) -> None:
        #: By id, which is theirs as long as they are here.
        self.codes: dict[int, CodeType] = {}
        self.stores = no_stores()
        #: Ids of those that may look at the frames of their callers.
        self.looking: set[int] = set()

    def add_up(self) -> None:
        for code in self.codes.values():
            self.stores.add(stores(code))
        self.looking = who_looks(self.codes.values())


class Registry:
    """Everything that hooks share. One instance: `registry`."""

    __slots__ = (
        "_caches", "_groups", "_is_filled", "_namespaces", "_temporary", "aliases", "attributes", "cached", "caches", "changing",
        "class_attributes", "covers", "examined", "exits", "has_gil", "inlined", "instrumented", "patched", "quiet", "running",
        "standard", "variables", "version",
    )  # fmt: skip

    def __init__(self) -> None:
        #: By id of a module's dictionary: the global variables stored in it.
        self.variables: dict[int, set[str]] = {}
        #: By module: the attributes that its functions store in any object, and those that they may store in classes.
        self.attributes: dict[str, set[str]] = {}
        self.class_attributes: dict[str, set[str]] = {}
        #: Attributes found to be stored in spite of that, whatever the class.
        self.patched = state.learnt
        self.version = 0
        #: Tells whether a module, given its name, is in scope.
        self.covers: Callable[[str], bool] = lambda module: False
        #: By id of a dictionary: the dictionary (kept alive, so that the id stays its own) and the object it belongs to.
        self.aliases: dict[int, tuple[Any, object]] = {}
        self.running: dict[FrameType, Any] = {}
        #: By id of their frames: generators that were given to functions of C which look into what they yield.
        self.examined: dict[int, ref[Any]] = {}
        #: Ids of rewritten code objects, all kept alive by the rewriter's cache. Only ever asked for membership.
        self.instrumented = state.instrumented
        #: Those of them that do nothing but look and call, see `loops`.
        self.quiet: set[int] = set()
        #: By id of a rewritten code object: which of its free variables may change.
        self.changing: dict[int, tuple[int, ...]] = {}
        #: Ids of the code objects, as they were written, of functions that an `lru_cache` wraps.
        self.cached: set[int] = set()
        #: By id of the rewritten code of a wrapped function: the caches called in this execution that wrap it.
        self.caches: dict[int, list[Any]] = {}
        #: Whether code is rewritten so that it tells where the interpreter could switch threads, and by id: frames whose call at hand the
        #: interpreter performs without looking whether to switch after it (see `switches`).
        self.has_gil = False
        self.inlined: set[int] = set()
        #: What an execution registered with `atexit`.
        self.exits: list[Any] = []
        #: What programs print to without asking, when the exploration began.
        self.standard: tuple[Any, ...] = (sys.stdout, sys.stderr)
        #: Keeps the ids in `variables` what they are.
        self._namespaces: list[dict[str, Any]] = []
        #: By id of a module's dictionary: what was in scope of it the last time.
        self._groups: dict[int, _Group] = {}
        self._caches: list[Kinds] = []
        #: Whether any of them holds something.
        self._is_filled = False
        self._temporary: list[tuple[Kinds, type]] = []

    def new_cache(self, judge: Callable[[type], int]) -> Kinds:
        """Return a dictionary from types to what a function says of them, emptied whenever that can have changed."""
        cache = Kinds(judge)
        self._caches.append(cache)
        return cache

    def remember(self, cache: Kinds, tp: type, kind: int) -> int:
        """Store a kind in a cache, and return it."""
        if len(cache) >= _KINDS_KEPT:
            cache.clear()
        cache[tp] = kind
        self._is_filled = True
        if "<locals>" in _qualified_name(tp):
            # Made by a function, most likely by the scenario itself, once in every execution.
            self._temporary.append((cache, tp))
        return kind

    def begin(self, covers: Callable[[str], bool]) -> None:
        """Forget what other programs store, and note what the functions of the standard library do that are in scope (see `scope`)."""
        self.end()
        self.covers = covers
        self.standard = sys.stdout, sys.stderr
        for module, names in _STORED.items():
            if module in sys.modules:
                self._note_variables(vars(sys.modules[module]), names)

    def end(self) -> None:
        """Forget what a program stores, and keep nothing of it alive."""
        self.forget()
        self.has_gil = False
        self.variables.clear()
        self.attributes.clear()
        self.class_attributes.clear()
        self.patched.clear()
        self._namespaces.clear()
        self.cached.clear()
        self.clear_caches()

    def note_codes(self, found: Iterable[tuple[CodeType, dict[str, Any]]]) -> set[int]:
        """Note what the functions made from code objects store, given each with the globals that it runs with.

        Return the ids of the code objects whose functions may look at the frames of their callers. What is told of all code of a module is
        kept until the next time, when most modules have the same.
        """
        groups: dict[int, _Group] = {}
        namespaces: dict[int, dict[str, Any]] = {}
        for code, namespace in found:
            group = groups.get(id(namespace))
            if group is None:
                group = groups[id(namespace)] = _Group()
                namespaces[id(namespace)] = namespace
            group.codes[id(code)] = code
        for key, group in groups.items():
            before = self._groups.get(key)
            if before is not None and before.codes.keys() == group.codes.keys():
                groups[key] = group = before
            else:
                group.add_up()
            self._note_stores(group.stores.given(namespaces[key]), namespaces[key])
        self._groups = groups
        return set[int]().union(*(group.looking for group in groups.values()))

    def note_code(self, code: CodeType, namespace: dict[str, Any]) -> None:
        """Note what the functions made from a code object store."""
        self._note_stores(stores(code).given(namespace), namespace)

    def _note_stores(self, found: Stores, namespace: dict[str, Any]) -> None:
        if not found.attributes and not found.variables and id(namespace) in self.variables:
            return
        module = namespace.get("__name__")
        for table, names in ((self.attributes, found.attributes), (self.class_attributes, found.class_attributes)):
            self._add(table.setdefault(module if type(module) is str else "", set()), names)
        self._note_variables(namespace, found.variables)

    def note_variable(self, namespace: dict[str, Any], name: str) -> None:
        """Note that a global variable is stored from somewhere else."""
        if name not in self.variables.get(id(namespace), ()):
            self._note_variables(namespace, {name})

    def _note_variables(self, namespace: dict[str, Any], names: set[str]) -> None:
        known = self.variables.get(id(namespace))
        if known is None:
            known = self.variables[id(namespace)] = set()
            self._namespaces.append(namespace)
        self._add(known, names)

    def note_patch(self, name: str) -> None:
        """Note that an attribute which is found in a class is stored from somewhere else, in the class or in an instance."""
        self._add(self.patched, {name})

    def _add(self, table: set[str], names: set[str]) -> None:
        if not names <= table:
            table |= names
            self.version += 1
            self.clear_caches()

    def note_alias(self, namespace: Any, owner: object) -> None:
        """Remember that a dictionary holds the attributes of `owner`; a module's dictionary is its own owner."""
        if len(self.aliases) >= _ALIASES_KEPT:
            self.aliases.clear()
        self.aliases[id(namespace)] = (namespace, owner)

    def clear_caches(self) -> None:
        """Forget what is known of types."""
        if not self._is_filled:
            return
        self._is_filled = False
        for cache in self._caches:
            cache.clear()
        self._temporary.clear()

    def forget(self) -> None:
        """Drop what belongs to one execution."""
        self.aliases.clear()
        self.running.clear()
        self.examined.clear()
        self.caches.clear()
        self.inlined.clear()
        while self.exits:
            atexit.unregister(self.exits.pop())
        for cache, tp in self._temporary:
            cache.pop(tp, None)
        self._temporary.clear()


registry = Registry()
state.learn = registry.note_patch
