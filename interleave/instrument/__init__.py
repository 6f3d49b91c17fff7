"""Instrumentation of memory accesses: the program announces what it reads and writes.

Races are between accesses to attributes, items, globals and closure variables. To control their order, each such access in the code
under test has to be announced before it happens. Neither the source nor the import system is involved: the garbage collector lists
all functions of the process, closures, methods and tests rewritten by pytest included; those in scope get a code object that was
rewritten in memory, for the duration of the exploration, and their own one back afterwards.

    scope       which functions are the user's
    placeholders    what a function has until it is called
    frames      who would notice
    analysis    facts about code: stored names, constant cells
    private     accesses to what only one frame can have
    loops       loops that may wait by looking again and again
    made        methods of dataclasses that a scenario defines
    switches    where CPython can switch threads with the GIL
    rewrite     a code object with calls of hooks before its accesses
    plans       which instruction gets which hook with which operands, in a context
    attributes  items  iterators  operators  calls    the hooks: from operands to places
    callees     what is called, if it does not announce for itself
    foreign     operators, properties and `with` blocks that run code out of scope
    links       what objects of the standard library work on besides themselves
    settings    what the standard library keeps for the whole process
    callbacks   functions of C that call back into the program
    uncontrolled    calls that lead out of control
    containers  functions    tables: methods of containers, functions of C
    kinds       families    what types tell about attributes and about containers
    registry    what hooks share: stored names, aliases of namespaces
    announce    the way to the kernel

Hooks run no code of the program, but for the factory of a `defaultdict`, where it would run anyway. What a place is, they decide from types
and storage; where they cannot tell, they announce more.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from contextlib import ExitStack
from types import CellType, CodeType, FunctionType
from typing import Any

from interleave.instrument.analysis import nested_codes
from interleave.instrument.loops import is_quiet
from interleave.instrument.made import first_like, noticed
from interleave.instrument.placeholders import placeholder
from interleave.instrument.registry import registry
from interleave.instrument.rewrite import Rewritten, known_copy, rewrite
from interleave.instrument.scope import Scope
from interleave.runtime import all_cells, state
from interleave.runtime.heap import Heap, survey
from interleave.runtime.suspension import aside

__all__ = ["Instrumentation", "Scope"]


class Instrumentation:
    """Exchange the code of all functions in scope, and put it back.

    Functions are rewritten when they are first called (see `placeholders`). Those that cannot be keep their code and are listed in
    `skipped`, as (qualified name, reason). Generators and coroutines that already run are left alone.
    """

    def __init__(self, scope: Scope, *, has_gil: bool = False) -> None:
        self.scope = scope
        self._has_gil = has_gil
        self.skipped: list[tuple[str, str]] = []
        #: Exchanged functions with their own code.
        self._exchanged: list[tuple[FunctionType, CodeType]] = []
        #: By id of rewritten code that is in use: what it was made from.
        self._originals: dict[int, CodeType] = {}
        #: Ids of code objects that could not be rewritten, and the code objects, which keeps the ids theirs.
        self._failed: set[int] = set()
        self._kept: list[CodeType] = []
        self._modules = 0
        self._version = 0
        self._stack = ExitStack()
        #: What was rewritten because it was called: ids of the code and of its globals.
        self.demanded: list[tuple[int, int]] = []

    def install(self, heap: Heap | None = None) -> None:
        """Exchange the code of every function in scope, of those found on the heap. If anything goes wrong, all of it is undone."""
        try:
            registry.begin(lambda module: self.scope.covers(module, None))
            registry.has_gil = self._has_gil
            _demand.served_by = self
            state.changing_cells = self._changing_cells
            self._stack.enter_context(noticed(self._adopt_made))
            self._exchange(heap or survey())
        except BaseException:
            self.uninstall()
            raise

    def update(self) -> bool:
        """Bring functions of modules imported since into scope; tell whether the instrumentation grew.

        It also grows when the program stores an attribute of a class or module under a name that was constant so far.
        """
        if len(sys.modules) == self._modules and registry.version == self._version:
            return False
        version, count = self._version, len(self._exchanged)
        self._exchange(survey())
        return registry.version != version or len(self._exchanged) != count

    def uninstall(self) -> None:
        """Give every function its own code back, those made during the exploration included. May be called twice."""
        exchanged, self._exchanged = self._exchanged, []
        self._stack.close()
        for function, code in exchanged:
            function.__code__ = code
        if exchanged or self._originals:
            for function in survey().functions:
                original = self._original_of(function.__code__)
                if original is not None:
                    function.__code__ = original
        self._originals.clear()
        _demand.served_by = None
        state.changing_cells = all_cells
        registry.end()

    def forget(self) -> None:
        """Drop what hooks remember of an execution. To be called after each."""
        registry.forget()

    def _exchange(self, heap: Heap) -> None:
        found: list[tuple[FunctionType, CodeType]] = []
        kept: list[FunctionType] = []
        outside = self.scope.outside
        functions = [function for function in heap.functions if id(function.__code__) not in outside]
        if self._exchanged:
            # Whoever freezes the collector hides what it lists; what was exchanged before is known.
            known_before = {id(function): function for function, _ in self._exchanged}
            functions = list({**known_before, **{id(function): function for function in functions}}.values())
        inside = self.scope.inside
        for function in functions:
            code = function.__code__
            known = inside.get(id(code))
            if known is not None and known[1] == function.__globals__.get("__name__"):
                if id(code) not in self._failed:
                    found.append((function, code))
            elif (original := self._original_of(code)) is not None:
                found.append((function, original))
            elif id(code) in registry.instrumented or id(code) in self._failed:
                pass
            elif self.scope.take_in(function):
                found.append((function, code))
            elif self.scope.leave_out(code):
                continue
            kept.append(function)
        wrapped = {id(cache.__wrapped__) for cache in heap.caches if hasattr(cache, "__wrapped__")}
        heap.functions[:] = kept
        del functions, kept
        registry.cached.update(id(code) for function, code in found if id(function) in wrapped)
        # Before anything is rewritten: a read of a global gets a hook if the global is stored anywhere.
        looking = registry.note_codes((code, function.__globals__) for function, code in found)
        for function, original in found:
            done = known_copy(original, function.__globals__)
            code = _placeholder(original) if done is None else self._adopt(done)
            if function.__code__ is not code:
                self._exchanged.append((function, original))
                function.__code__ = code
        for function, original in found if looking else ():
            if id(original) in looking and function.__code__ is _placeholders.get(id(original)):
                _demand(original, function.__globals__)
        # Which functions announce for themselves has changed.
        registry.clear_caches()
        self._modules = len(sys.modules)
        self._version = registry.version

    def _original_of(self, code: CodeType) -> CodeType | None:
        """Return what stands behind code that was put in the place of other code; None if it is a function's own."""
        return self._originals.get(id(code)) or _behind.get(id(code))

    def _waiting(self, code_id: int, namespace_id: int) -> list[FunctionType]:
        """Return the functions that have a placeholder for a code object, and these globals."""
        made = _placeholders.get(code_id)
        return [one for one, _ in self._exchanged if one.__code__ is made and id(one.__globals__) == namespace_id]

    def rewrite(self, original: CodeType, namespace: dict[str, Any]) -> CodeType:
        """Rewrite a code object because it is called, for all functions that wait for it; return what they get."""
        self.demanded.append((id(original), id(namespace)))
        try:
            # Only in the outer code one sees that a closure variable of the inner is constant.
            for function, outer in self._exchanged:
                if function.__globals__ is namespace and _is_inside(original, outer):
                    rewrite(outer, namespace)
            code = self._adopt(rewrite(original, namespace))
        except Exception as error:
            # Whatever the bytecode library does not understand stays as it is; the caller is told.
            self._failed.add(id(original))
            self._kept.append(original)
            self.skipped.append((f"{namespace.get('__name__')}.{original.co_qualname}", f"{type(error).__name__}: {error}"))
            code = original
        for function in self._waiting(id(original), id(namespace)):
            function.__code__ = code
        registry.clear_caches()
        return code

    def meet(self, demanded: Iterable[tuple[int, int]]) -> bool:
        """Rewrite what a copy of this process had to, and tell whether anything was: functions that only the copy has are passed over."""
        count = len(self.demanded)
        for code_id, namespace_id in demanded:
            if waiting := self._waiting(code_id, namespace_id):
                _demand(_behind[id(waiting[0].__code__)], waiting[0].__globals__)
        return len(self.demanded) > count

    def _changing_cells(self, function: FunctionType) -> Iterable[CellType]:
        """Return the cells of a function that is about to be called in which two threads can see a change."""
        closure = function.__closure__ or ()
        original = _behind.get(id(function.__code__))
        if original is not None:
            _demand(original, function.__globals__)
        changing = registry.changing.get(id(function.__code__))
        return closure if changing is None else [closure[index] for index in changing]

    def _adopt_made(self, function: FunctionType) -> None:
        """Exchange the code of a function that was made just now, as one of an execution: nothing keeps it alive."""
        code, namespace = function.__code__, function.__globals__
        if id(code) not in registry.instrumented and self.scope.covers_function(function):
            original = first_like(code)
            registry.note_code(original, namespace)
            done = known_copy(original, namespace)
            function.__code__ = _demand(original, namespace) if done is None else self._adopt(done)

    def _adopt(self, done: Rewritten) -> CodeType:
        """Note rewritten code, with all that is inside, and return it. What was in conflict in another exploration is forgotten."""
        if id(done.code) not in self._originals:
            for part in done.walk():
                if id(part.code) not in self._originals:
                    self._originals[id(part.code)] = part.original
                    _forget_points(part)
        return done.code


class _Demand:
    """What placeholders ask for the code to run."""

    def __init__(self) -> None:
        self.served_by: Instrumentation | None = None
        self._is_busy = False
        # Other OS threads of the process may call functions in scope as well.
        self._lock = threading.RLock()
        self._rewrite_aside = aside(self._rewrite)

    def __call__(self, original: CodeType, namespace: dict[str, Any]) -> CodeType:
        return self._rewrite_aside(original, namespace)

    def _rewrite(self, original: CodeType, namespace: dict[str, Any]) -> CodeType:
        with self._lock:
            # What rewriting itself calls may be in scope (`include=["bytecode"]`).
            if self.served_by is None or self._is_busy:
                return original
            self._is_busy = True
            try:
                return self.served_by.rewrite(original, namespace)
            finally:
                self._is_busy = False


_demand = _Demand()
#: By id of the original, which is kept alive by its placeholder; and by id of the placeholder, what is behind it.
_placeholders: dict[int, CodeType] = {}
_behind: dict[int, CodeType] = {}


def _placeholder(original: CodeType) -> CodeType:
    made = _placeholders.get(id(original))
    if made is None:
        made = _placeholders[id(original)] = placeholder(original, _demand)
        _behind[id(made)] = original
        registry.instrumented.add(id(made))
        if is_quiet(original):
            registry.quiet.add(id(made))
    return made


def _forget_points(part: Rewritten) -> None:
    for site in part.sites:
        site.is_point = False


def _is_inside(inner: CodeType, outer: CodeType) -> bool:
    """Tell whether one code object is inside another, at any depth."""
    name = outer.co_qualname + ".<locals>."
    if not inner.co_qualname.startswith(name) or inner.co_filename != outer.co_filename:
        return False
    return any(one is inner or _is_inside(inner, one) for one in nested_codes(outer))
