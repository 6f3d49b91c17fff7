"""What the hooks know beyond the operands in front of them: one registry for the process.

**Stored names.** A place that is never written cannot be in conflict. Attributes of classes and modules (methods, constants,
imported functions) are read all the time and hardly ever written, so reads of them are announced only for names that some
instrumented code stores: statically (`STORE_ATTR`, `STORE_GLOBAL` and their deletions, collected before anything is rewritten) or
dynamically (`setattr`, `globals()[...]`, collected when it happens). The set only grows; `version` grows with it, and
`Instrumentation.update` reports the growth, so that an exploration which claims to be complete starts over.

**Aliases.** `vars(obj)`, `obj.__dict__` and `globals()` are second ways to places that already have a name. The dictionary
is noted when the program asks for it, and its keys are then attributes of the owner.

**Running generators.** That a generator runs is a state which other threads can observe ("generator already executing"). Entering it
is announced where `next` is called, leaving it in the generator's own frame, which finds the generator here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from types import FrameType
from typing import Any

from interleave.model import READ, SHAPE, WHOLE

AccessList = list[tuple[object, Hashable, int]]
Kinds = dict[type, int]

_qualified_name: Callable[[type], str] = type.__dict__["__qualname__"].__get__

#: Types remembered per cache. A program has few; a scenario that makes classes in every execution must not fill the memory.
_KINDS_KEPT = 64
#: Dictionaries remembered as aliases when nobody calls `forget`.
_ALIASES_KEPT = 4096


class Registry:
    """Everything that hooks share. One instance: `registry`."""

    __slots__ = ("_caches", "_temporary", "aliases", "cached", "caches", "instrumented", "running", "stored", "version")

    def __init__(self) -> None:
        self.stored: set[str] = set()
        self.version = 0
        #: By id of a dictionary: the dictionary (kept alive, so that the id stays its own) and the object it belongs to.
        self.aliases: dict[int, tuple[Any, object]] = {}
        self.running: dict[FrameType, Any] = {}
        #: Ids of rewritten code objects, all kept alive by the rewriter's cache. Only ever asked for membership.
        self.instrumented: set[int] = set()
        #: Ids of the code objects, as they were written, of functions that an `lru_cache` wraps.
        self.cached: set[int] = set()
        #: By id of the rewritten code of a wrapped function: the caches called in this execution that wrap it.
        self.caches: dict[int, list[Any]] = {}
        self._caches: list[Kinds] = []
        self._temporary: list[tuple[Kinds, type]] = []

    def new_cache(self) -> Kinds:
        """Return a dictionary from types to kinds that is emptied whenever a kind can have changed."""
        cache: Kinds = {}
        self._caches.append(cache)
        return cache

    def remember(self, cache: Kinds, tp: type, kind: int) -> int:
        """Store a kind in a cache, and return it."""
        if len(cache) >= _KINDS_KEPT:
            cache.clear()
        cache[tp] = kind
        if "<locals>" in _qualified_name(tp):
            # Made by a function, most likely by the scenario itself, once in every execution.
            self._temporary.append((cache, tp))
        return kind

    def note_names(self, names: Iterable[str]) -> bool:
        """Add to the stored names, and tell whether that added anything."""
        before = len(self.stored)
        self.stored.update(names)
        if len(self.stored) == before:
            return False
        self.version += 1
        self.clear_caches()
        return True

    def note_name(self, name: str) -> None:
        """Add one stored name that was computed by the program."""
        if name not in self.stored:
            self.note_names((name,))

    def note_alias(self, namespace: Any, owner: object) -> None:
        """Remember that a dictionary holds the attributes of `owner`; a module's dictionary is its own owner."""
        if len(self.aliases) >= _ALIASES_KEPT:
            self.aliases.clear()
        self.aliases[id(namespace)] = (namespace, owner)

    def translate(self, accesses: AccessList) -> AccessList:
        """Turn accesses to items of aliases into accesses to the attributes that they are."""
        result: AccessList = []
        for access in accesses:
            owner, field, mode = access
            alias = self.aliases.get(id(owner))
            if alias is None:
                result.append(access)
            elif isinstance(field, tuple):
                name = field[1]
                if type(name) is str:
                    if mode:
                        self.note_name(name)
                    result.append((alias[1], name, mode))
            elif field is WHOLE or mode == READ:
                # Attribute stores announce no SHAPE, so whoever reads it has to read all of them.
                result.append((alias[1], WHOLE if field is SHAPE else field, mode))
        return result

    def clear_caches(self) -> None:
        """Forget what is known of types."""
        for cache in self._caches:
            cache.clear()
        self._temporary.clear()

    def forget(self) -> None:
        """Drop what belongs to one execution."""
        self.aliases.clear()
        self.running.clear()
        self.caches.clear()
        for cache, tp in self._temporary:
            cache.pop(tp, None)
        self._temporary.clear()


registry = Registry()
