"""Instrumentation of memory accesses: the program announces what it reads and writes.

Races are between accesses to attributes, items, globals and closure variables. To control their order, each such access in the code
under test has to be announced before it happens. Neither the source nor the import system is involved: the garbage collector lists
all functions of the process, closures, methods and tests rewritten by pytest included; those in scope get a code object that was
rewritten in memory, for the duration of the exploration, and their own one back afterwards.

    scope       which functions are the user's
    analysis    facts about code: stored names, constant cells
    rewrite     a code object with calls of hooks before its accesses
    plans       which instruction gets which hook with which operands, in a context
    attributes  items  iterators  operators  calls    the hooks: from operands to places
    callees     what is called, if it does not announce for itself
    containers  functions    tables: methods of containers, functions of C
    kinds       families    what types tell about attributes and about containers
    registry    what hooks share: stored names, aliases of namespaces
    announce    the way to the kernel

Hooks never run code of the program. What a place is, they decide from types and storage; where they cannot tell, they announce more.
"""

from __future__ import annotations

import functools
import gc
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType

from interleave.instrument.analysis import nested_codes
from interleave.instrument.registry import registry
from interleave.instrument.rewrite import Rewritten, rewrite
from interleave.instrument.scope import Scope

__all__ = ["Instrumentation", "Scope"]


class Instrumentation:
    """Exchange the code of all functions in scope, and put it back.

    Functions that cannot be rewritten keep their code and are listed in `skipped`, as (qualified name, reason). Generators and
    coroutines that already run are left alone.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.skipped: list[tuple[str, str]] = []
        #: Exchanged functions with their own code.
        self._exchanged: list[tuple[FunctionType, CodeType]] = []
        #: Everything rewritten for this instrumentation, by id of the rewritten code.
        self._rewritten: dict[int, Rewritten] = {}
        #: Ids of code objects that could not be rewritten, and the code objects, which keeps the ids theirs.
        self._failed: set[int] = set()
        self._kept: list[CodeType] = []
        self._modules = 0
        self._version = 0

    def install(self) -> None:
        """Exchange the code of every function in scope. If anything goes wrong, all of it is undone."""
        # Rewriting makes no garbage cycles, but so many objects that the collector would take a third of the time.
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            registry.begin(lambda module: self.scope.covers(module, None))
            self._exchange()
        except BaseException:
            self.uninstall()
            raise
        finally:
            if was_enabled:
                gc.enable()

    def update(self) -> bool:
        """Bring functions of modules imported since into scope; tell whether the instrumentation grew.

        It also grows when the program stores an attribute of a class or module under a name that was constant so far.
        """
        if len(sys.modules) == self._modules and registry.version == self._version:
            return False
        version, count = self._version, len(self._rewritten)
        self._exchange()
        return registry.version != version or len(self._rewritten) != count

    def uninstall(self) -> None:
        """Give every function its own code back, those made during the exploration included. May be called twice."""
        exchanged, self._exchanged = self._exchanged, []
        for function, code in exchanged:
            function.__code__ = code
        if self._rewritten:
            for function in _functions():
                known = self._rewritten.get(id(function.__code__))
                if known is not None:
                    function.__code__ = known.original
        self._rewritten.clear()
        registry.forget()
        registry.clear_caches()

    def reset(self) -> None:
        """Forget which sites were in conflict."""
        for known in self._rewritten.values():
            _forget_points(known)

    def forget(self) -> None:
        """Drop what hooks remember of an execution. To be called after each."""
        registry.forget()

    def _exchange(self) -> None:
        found: list[tuple[FunctionType, CodeType]] = []
        # Whoever freezes the collector hides what it lists; what was exchanged before is known.
        known_before = {id(function): function for function, _ in self._exchanged}
        objects = gc.get_objects()
        outside = self.scope.outside
        fresh = {id(obj): obj for obj in objects if type(obj) is FunctionType and id(obj.__code__) not in outside}
        for function in {**known_before, **fresh}.values():
            code = function.__code__
            known = self._rewritten.get(id(code))
            if known is not None:
                found.append((function, known.original))
            elif id(code) in registry.instrumented or id(code) in self._failed:
                continue
            elif self.scope.covers_function(function):
                found.append((function, code))
            else:
                self.scope.leave_out(code)
        wrapped = {id(obj.__wrapped__) for obj in objects if type(obj) is _CACHE and hasattr(obj, "__wrapped__")}
        del objects
        registry.cached.update(id(code) for function, code in found if id(function) in wrapped)
        inner = {id(code) for _, outer in found for code in _inside(outer)}
        # Before anything is rewritten: a read of a global gets a hook if the global is stored anywhere.
        for function, code in found:
            if id(code) not in inner:
                registry.note_code(code, function.__globals__)
        # Outer code first: only there one sees that a closure variable of the inner is constant. Else the order of the source.
        found.sort(key=lambda pair: (id(pair[1]) in inner, pair[1].co_filename, pair[1].co_firstlineno, pair[1].co_qualname))
        for function, original in found:
            self._exchange_one(function, original)
        # Which functions announce for themselves has changed.
        registry.clear_caches()
        self._modules = len(sys.modules)
        self._version = registry.version

    def _exchange_one(self, function: FunctionType, original: CodeType) -> None:
        try:
            rewritten = rewrite(original, function.__globals__)
        except Exception as error:
            # Whatever the bytecode library does not understand stays as it is; the caller is told.
            self._failed.add(id(original))
            self._kept.append(original)
            self.skipped.append((f"{function.__module__}.{function.__qualname__}", f"{type(error).__name__}: {error}"))
            return
        if function.__code__ is not rewritten.code:
            for part in rewritten.walk():
                if id(part.code) not in self._rewritten:
                    self._rewritten[id(part.code)] = part
                    _forget_points(part)
            self._exchanged.append((function, original))
            function.__code__ = rewritten.code


_CACHE = type(functools.lru_cache(len))


def _forget_points(part: Rewritten) -> None:
    for site in part.sites:
        site.is_point = False


def _functions() -> list[FunctionType]:
    """Return all functions of the process, in the order of the garbage collector."""
    return [obj for obj in gc.get_objects() if type(obj) is FunctionType]


def _inside(code: CodeType) -> Iterator[CodeType]:
    """Yield the code objects inside a code object, at any depth."""
    for inner in nested_codes(code):
        yield inner
        yield from _inside(inner)
