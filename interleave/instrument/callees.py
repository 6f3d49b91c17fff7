"""What a callee that is not instrumented does to what it is given.

Instrumented functions announce their accesses themselves. All others run between two announcements, as one step, so the call announces
for them. By the type of the callee:

* a method of a container, written in C: the table of `containers`; what it reads through (`update`, `join`) is read as well;
* a method of any other object of C whose type is not known to be immutable writes all of that object;
* a function of C reads the containers among its arguments, unless the table of `functions` knows better;
* a Python function out of scope reads the containers among its arguments if it belongs to the standard library, else writes them;
* a method of an installed package writes its object, one of a container of the standard library reads or writes it, by name;
* a class, a `partial`, an `lru_cache`: what they call.

A call of what is several steps for real is marked: nothing is proven where others use the same meanwhile (see `runtime.unseen`).
"""

from __future__ import annotations

import functools
import operator
import sys
import weakref
from collections.abc import Callable
from contextvars import Context
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    CodeType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

from interleave.instrument import callbacks, families, functions, kinds
from interleave.instrument.announce import Divisible, announce, announce_unknown, gate
from interleave.instrument.containers import KEEPS_ARGUMENTS, PYTHON_READERS, STORES_ARGUMENTS, method_action
from interleave.instrument.families import ANYWHERE, LIST, family, is_library_container, sees_deaths
from interleave.instrument.functions import attribute_call
from interleave.instrument.items import settle
from interleave.instrument.iterators import called, consumed, resume
from interleave.instrument.kinds import FOREIGN_CODE, LIBRARY, NEUTRAL, find, origin, root_module
from interleave.instrument.operators import nested_reads
from interleave.instrument.registry import AccessList, Kinds, registry
from interleave.instrument.uncontrolled import note_function, note_method_of_class
from interleave.model import READ, WHOLE, WRITE, Site
from interleave.runtime.naming import ANONYMOUS, name_value

Arguments = tuple[Any, ...]
Callee = Callable[[Site, Any, Arguments], None]

#: Types of arguments that nothing can happen to.
SCALARS = frozenset({int, float, str, bytes, bool, type(None)})


def name_arguments(arguments: Arguments) -> None:
    """Name what is about to be stored."""
    for value in arguments:
        if type(value) not in ANONYMOUS:
            name_value(value)


def dispatch(site: Site, function: Any, arguments: Arguments) -> None:
    """Announce what a call touches, given the callee and the positional arguments."""
    (CALLEES.get(type(function)) or other_callee)(site, function, arguments)


def _announce(site: Site, accesses: AccessList) -> None:
    if accesses:
        announce(site, accesses)


def _python_function(site: Site, function: Any, arguments: Arguments) -> None:
    code = function.__code__
    if id(code) in registry.instrumented or id(code) in _neutral:
        return
    whose = origin(function)
    if whose == NEUTRAL:
        _neutral[id(code)] = code
    else:
        _announce_call(site, function, whose, [], arguments)


def _announce_call(site: Site, function: Any, whose: int, accesses: AccessList, arguments: Arguments) -> None:
    """Announce a call of a Python function out of scope, which accesses its owner and what it does to its arguments."""
    is_reader = whose == LIBRARY and function.__name__ not in _LIBRARY_WRITERS
    is_deep = whose == FOREIGN_CODE or (function.__module__, function.__name__) in _DEEP_READERS
    for value in arguments:
        if type(value) in SCALARS:
            continue
        if not is_reader and family(type(value)):
            accesses.append((value, WHOLE, WRITE))
        else:
            accesses += nested_reads(value, with_instances=is_deep)
    if whose == FOREIGN_CODE:
        is_held = not function.__code__.co_flags & _SUSPENDING
        accesses = Divisible(accesses, f"{function.__qualname__} (not in scope)", root_of(function), has_state=True, is_held=is_held)
    elif accesses and not _is_atomic(function):
        accesses = Divisible(accesses, f"{function.__module__}.{function.__qualname__} (not in scope)", root_of(function))
    if accesses or whose == FOREIGN_CODE:
        announce(site, accesses)


#: Functions of the standard library, written in Python, that change a list which they are given.
_LIBRARY_WRITERS = frozenset({"shuffle", "insort", "insort_left", "insort_right"})
#: Those that look into objects, and not only into containers.
_DEEP_READERS = frozenset({
    ("copy", "copy"), ("copy", "deepcopy"), ("copy", "replace"), ("dataclasses", "asdict"), ("dataclasses", "astuple"),
    ("dataclasses", "replace"), ("pprint", "pformat"), ("pprint", "pprint"), ("pprint", "pp"),
})  # fmt: skip
#: Those that come to what they are given, or to their object, once, by one function of C.
_ATOMIC = frozenset({("copy", "copy"), ("json", "dumps")})
_ATOMIC_METHODS = frozenset({
    "__getitem__", "__setitem__", "__delitem__", "__contains__", "__len__", "__iter__", "__missing__", "__repr__", "keys", "values",
    "items", "get", "append", "insert", "index", "count", "reverse", "clear", "total", "copy", "add", "discard", "remove",
})  # fmt: skip


def _is_atomic(function: Any) -> bool:
    if root_of(function) in _ATOMIC_MODULES or (function.__module__, function.__qualname__) in _ATOMIC:
        return True
    return "." in function.__qualname__ and function.__name__ in _ATOMIC_METHODS


#: Modules that take locks of their own, or use what they are given once.
_ATOMIC_MODULES = frozenset({"logging", "warnings", "unittest", "weakref"})


def root_of(function: Any) -> str:
    """Return the top-level package of a Python function."""
    module = function.__globals__.get("__name__")
    return module.partition(".")[0] if type(module) is str else ""


#: Coroutines and generators let go of the loop's turn, and of the caller's locks, inside.
_SUSPENDING = 0x20 | 0x80 | 0x200
#: By id: code of neutral functions, which is kept alive by it.
_neutral: dict[int, CodeType] = {}


def _bound_method(site: Site, method: Any, arguments: Arguments) -> None:
    function, owner = method.__func__, method.__self__
    if type(function) is not FunctionType:
        dispatch(site, function, (owner, *arguments))
        return
    code = function.__code__
    if id(code) in registry.instrumented or id(code) in _neutral:
        return
    whose = origin(function)
    if whose == NEUTRAL:
        _neutral[id(code)] = code
        return
    accesses: AccessList = []
    if not issubclass(type(owner), (type, ModuleType)):
        if whose == FOREIGN_CODE:
            accesses.append((owner, WHOLE, WRITE))
        elif is_library_container(type(owner)) or family(type(owner)):
            field = ANYWHERE if sees_deaths(type(owner), function.__name__) else WHOLE
            accesses.append((owner, field, READ if function.__name__ in PYTHON_READERS else WRITE))
        elif root_module(type(owner)) in sys.stdlib_module_names and root_module(type(owner)) not in _STATELESS:
            accesses.append((owner, WHOLE, WRITE))
    _announce_call(site, function, whose, accesses, arguments)


#: Modules of the standard library whose objects do not change, or announce what they do by other means.
_STATELESS = _ATOMIC_MODULES | {
    "argparse", "builtins", "datetime", "decimal", "fractions", "inspect", "ipaddress", "json", "numbers", "pathlib", "re", "string",
    "textwrap", "traceback", "types", "urllib", "uuid", "zoneinfo",
}  # fmt: skip


def _builtin(site: Site, function: Any, arguments: Arguments) -> None:
    owner = function.__self__
    kind = family(type(owner))
    if kind:
        _container_method(site, owner, kind, function.__name__, arguments)
    elif type(owner) is ModuleType or owner is None:
        known = functions.FUNCTIONS.get(function)
        if known is not None:
            _announce(site, callbacks.of_function(site, function, arguments, known(arguments)))
        elif function in functions.ACCESSORS:
            attribute_call(site, function, arguments)
        elif function is next or function is anext:
            _next(site, arguments)
        elif not note_function(site, function, arguments):
            _announce(site, callbacks.of_function(site, function, arguments, functions.argument_reads(function, arguments)))
    elif issubclass(type(owner), type):
        note_method_of_class(site, owner, function.__name__)
        _announce(site, _read_arguments(arguments))
    else:
        _object_method(site, owner, function.__name__, arguments)


def _next(site: Site, arguments: Arguments) -> None:
    if arguments and type(arguments[0]) is AsyncGeneratorType:
        announce(site, [(arguments[0], WHOLE, WRITE)])
    elif arguments:
        accesses = consumed(arguments[0])
        if len(accesses) == 1 and accesses[0][0] is arguments[0]:
            resume(site, arguments[0])
        else:
            _announce(site, accesses)


def _method(site: Site, owner: Any, name: str, arguments: Arguments) -> None:
    """Announce a call of a method that is written in C."""
    kind = family(type(owner))
    if kind:
        _container_method(site, owner, kind, name, arguments)
    else:
        _object_method(site, owner, name, arguments)


def _container_method(site: Site, owner: Any, kind: int, name: str, arguments: Arguments) -> None:
    action = method_action(kind, name)
    if gate.is_detailed and not site.name:
        site.name = name
    if kind == LIST and name in callbacks.COMPARING:
        accesses = action(owner, arguments) + ([] if name in KEEPS_ARGUMENTS else _read_arguments(arguments))
        announce(site, callbacks.of_list_method(site, owner, name, arguments, accesses))
        return
    if name in STORES_ARGUMENTS:
        name_arguments(arguments)
    elif name not in KEEPS_ARGUMENTS:
        extra = _read_arguments(arguments)
        if extra:
            announce(site, action(owner, arguments) + extra)
            return
    settle(site, action, owner, arguments)


def _object_method(site: Site, owner: Any, name: str, arguments: Arguments) -> None:
    if name in _RESUMING and consumed(owner):
        _next(site, (owner,))
    elif name in functions.ATTRIBUTE_METHODS:
        attribute_call(site, functions.ATTRIBUTE_METHODS[name], (owner, *arguments), is_raw=True)
    else:
        accesses = [] if name in KEEPS_ARGUMENTS else _read_arguments(arguments)
        if _is_opaque(type(owner), name) or type(owner) in _CHANGING:
            name_arguments(arguments)
            accesses.append((owner, WHOLE, WRITE))
        _announce(site, accesses)


_RESUMING = frozenset({"__next__", "send", "throw", "close"})
#: What has a state for all, though its module is inert.
_CHANGING = frozenset({type(functools.lru_cache(len)), Context, AsyncGeneratorType})


def _is_opaque(tp: type, name: str) -> int:
    """Tell whether a method belongs to an unknown mutable type of C, which it may change."""
    known = _opaque_types.get(tp)
    if known is None:
        known = 0
        for cls in kinds.mro_of(tp):
            if type(kinds.namespace_of(cls).get(name)) not in (FunctionType, type(None)):
                known = int(root_module(cls) not in families.INERT_MODULES)
                break
        registry.remember(_opaque_types, tp, known)
    return known


_opaque_types: Kinds = registry.new_cache()


def _descriptor(site: Site, function: Any, arguments: Arguments) -> None:
    """Announce `list.append(xs, x)`: a method of C that was not bound."""
    if arguments:
        _method(site, arguments[0], function.__name__, arguments[1:])


def _wrapper(site: Site, function: Any, arguments: Arguments) -> None:
    _method(site, function.__self__, function.__name__, arguments)


def _partial(site: Site, function: Any, arguments: Arguments) -> None:
    dispatch(site, function.func, (*function.args, *arguments))


def _cache(site: Site, function: Any, arguments: Arguments) -> None:
    """Announce a call of an `lru_cache`, and prepare for the store that follows if the value is not there.

    The cache looks for the value, calls the function that it wraps, and stores what that returns. Other threads can come in between,
    but only while the function runs; so looking and storing are two writes, the second announced before the function returns.
    """
    wrapped = getattr(function, "__wrapped__", None)
    if type(wrapped) is FunctionType:
        known = registry.caches.setdefault(id(wrapped.__code__), [])
        if not any(cache is function for cache in known):
            known.append(function)
    announce(site, [(function, WHOLE, WRITE)])


def leave_cached(site: Site) -> Callable[[], None]:
    """Make the hook for the return from a function whose value may be stored by an `lru_cache`."""
    caches = registry.caches

    def hook() -> None:
        if caches and gate.is_open:
            known = caches.get(id(sys._getframe(1).f_code))
            if known is not None:
                announce(site, [(cache, WHOLE, WRITE) for cache in known])

    return hook


def _reference(site: Site, function: Any, arguments: Arguments) -> None:
    """Announce a call of a weak reference."""
    announce_unknown(site)


def _getter(site: Site, function: Any, arguments: Arguments) -> None:
    _announce(site, [(value, WHOLE, READ) for value in arguments if type(value) not in ANONYMOUS])


def _class(site: Site, cls: Any, arguments: Arguments) -> None:
    """Announce the making of an instance: what a constructor written in C reads from its arguments."""
    if cls in functions.TYPES:
        _announce(site, callbacks.of_function(site, cls, arguments, functions.TYPES[cls](arguments)))
        return
    for name in ("__init__", "__new__"):
        found = find(cls, name)
        if found is not None:
            function = found[1].__func__ if type(found[1]) is staticmethod else found[1]
            if type(function) is FunctionType:
                _python_function(site, function, arguments)
                return
    if root_module(cls) not in kinds.NEUTRAL_MODULES:
        _announce(site, _read_arguments(arguments))


def other_callee(site: Site, function: Any, arguments: Arguments) -> None:
    """Announce a call of an object of any other type: by its `__call__`."""
    if issubclass(type(function), type):
        _class(site, function, arguments)
        return
    if issubclass(type(function), weakref.ReferenceType):
        _reference(site, function, arguments)
        return
    found = find(type(function), "__call__")
    if found is not None and type(found[1]) is FunctionType:
        _bound_method(site, MethodType(found[1], function), arguments)
    elif found is not None and root_module(found[0]) not in families.INERT_MODULES:
        _announce(site, [(function, WHOLE, WRITE), *_read_arguments(arguments)])


def _read_arguments(arguments: Arguments) -> AccessList:
    """Return what reading through the containers and iterators among the arguments touches."""
    accesses: AccessList = []
    for value in arguments:
        tp = type(value)
        if tp in SCALARS:
            continue
        if tp is BuiltinFunctionType:
            accesses += called(value)
        elif family(tp):
            accesses += nested_reads(value)
        else:
            accesses += consumed(value)
    return accesses


CALLEES: dict[type, Callee] = {
    FunctionType: _python_function,
    MethodType: _bound_method,
    BuiltinFunctionType: _builtin,
    MethodDescriptorType: _descriptor,
    WrapperDescriptorType: _descriptor,
    ClassMethodDescriptorType: _descriptor,
    MethodWrapperType: _wrapper,
    functools.partial: _partial,
    type(functools.lru_cache(len)): _cache,
    weakref.ReferenceType: _reference,
    operator.attrgetter: _getter,
    operator.itemgetter: _getter,
    operator.methodcaller: _getter,
    type: _class,
}
