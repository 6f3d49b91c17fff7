"""What a callee that is not instrumented does to what it is given.

Instrumented functions announce their accesses themselves. All others run between two announcements, as one step, so the call announces
for them. By the type of the callee:

* a method of a container, written in C: the table of `containers`; what it reads through (`update`, `join`) is read as well;
* a method of any other object of C whose type is not known to be immutable writes all of that object;
* a function of C reads the containers among its arguments, unless the table of `functions` knows better;
* a Python function out of scope reads the containers among its arguments if it belongs to the standard library, else writes them;
* a method of an installed package, or of the standard library, writes its object and what that leads to (see `links`); one of a container
  of the standard library reads or writes it, by name; of others it is said in `settings`;
* a class, a `partial`, an `lru_cache`: what they call.

A call of what is several steps for real is marked: nothing is proven where others use the same meanwhile (see `runtime.unseen`).
"""

from __future__ import annotations

import functools
import json
import operator
import sys
import threading
import types
import weakref
from collections.abc import Callable
from contextvars import Context
from functools import cache
from gc import get_referents
from itertools import starmap
from types import AsyncGeneratorType, BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from interleave.instrument import attributes, callbacks, containers, families, foreign, functions, kinds, settings
from interleave.instrument.announce import Divisible, announce, announce_unknown, gate
from interleave.instrument.containers import COMPARISONS, KEEPS_ARGUMENTS, PYTHON_READERS, STORES_ARGUMENTS, method_action
from interleave.instrument.context import SUSPENDING
from interleave.instrument.families import BOUND, DEQUE, LIST, SCALARS, SET, VIEW, family, is_library_container, sees_deaths
from interleave.instrument.foreign import operated, used
from interleave.instrument.functions import attribute_call, read_arguments
from interleave.instrument.items import compared, settle
from interleave.instrument.iterators import advance, called, consumed, given, is_iterator, looked_into, looked_through, streams, view_reads
from interleave.instrument.kinds import ANNOUNCING, FOREIGN_CODE, NEUTRAL, find, origin, root_module, root_of
from interleave.instrument.links import linked
from interleave.instrument.registry import AccessList, Kinds, registry
from interleave.instrument.uncontrolled import (
    REGISTERING,
    note_class,
    note_function,
    note_iterator,
    note_method_of_class,
    note_registration,
    note_setting,
)
from interleave.model import READ, WHOLE, WRITE, Site
from interleave.runtime.naming import ANONYMOUS, name_value

Arguments = tuple[Any, ...]
Callee = Callable[[Site, Any, Arguments], None]


def name_arguments(arguments: Arguments) -> None:
    """Name what is about to be stored."""
    for value in arguments:
        if type(value) not in ANONYMOUS:
            name_value(value)


def dispatch(site: Site, function: Any, arguments: Arguments) -> None:
    """Announce what a call touches, given the callee and the arguments, those with keywords last."""
    (CALLEES.get(type(function)) or other_callee)(site, function, arguments)


def _announce(site: Site, accesses: AccessList) -> None:
    if accesses:
        announce(site, accesses)


def _python_function(site: Site, function: Any, arguments: Arguments) -> None:
    whose = _silent(function)
    known = settings.SETTINGS.get((function.__module__, function.__qualname__)) if whose else None
    if known is not None:
        announce(site, known(arguments))
    elif whose == NEUTRAL:
        note_registration(site, function)
        if function in _LISTING:
            announce_unknown(site)
    elif whose:
        note_setting(site, function)
        _announce_call(site, function, whose, [], arguments)


#: Functions whose result depends on which threads have ended.
_LISTING = frozenset({threading.enumerate, threading.active_count})


def _bound_method(site: Site, method: Any, arguments: Arguments) -> None:
    function, owner = method.__func__, method.__self__
    if type(function) is not FunctionType:
        dispatch(site, function, (owner, *arguments))
        return
    whose = _silent(function)
    if not whose:
        if type(owner) in foreign.MANAGERS:
            _announce(site, foreign.generated(owner))
        elif type(owner) in foreign.STACKS:
            _announce(site, foreign.left(owner, arguments))
        return
    if (function.__module__, function.__qualname__) in _KNOWN:
        _python_function(site, function, (owner, *arguments))
        return
    if whose == NEUTRAL and not is_library_container(type(owner)):
        return
    if whose == NEUTRAL and families.operations("__iter__")[type(owner)] == families.FOREIGN:
        mixed = used(owner, READ if function.__name__ in PYTHON_READERS else WRITE)
        mixed += read_arguments(arguments)
        announce(site, mixed)
        return
    accesses: AccessList = []
    if not issubclass(type(owner), (type, ModuleType)):
        if whose == FOREIGN_CODE:
            accesses.append((owner, WHOLE, WRITE))
        elif is_library_container(type(owner)) or family(type(owner)):
            action = containers.read_whole if function.__name__ in PYTHON_READERS else containers.write_whole
            accesses += containers.look_anywhere(owner, ()) if sees_deaths(type(owner), function.__name__) else []
            accesses += action(owner, ())
        elif not kinds.is_stateless(function):
            accesses += containers.write_whole(owner, ())
        elif function.__globals__["__name__"] in kinds.CONFIGURED:
            accesses += settings.configured(owner, function.__name__)
    _announce_call(site, function, whose, accesses, arguments)


def _silent(function: FunctionType) -> int:
    """Tell whose a Python function is if it announces nothing of what it does, false for others, but for a few that are NEUTRAL."""
    code = function.__code__
    if id(code) in registry.instrumented or id(code) in _neutral:
        return ANNOUNCING
    whose = origin(function)
    is_known = function in _LISTING or (function.__module__, function.__qualname__) in _KNOWN
    if whose != NEUTRAL or is_known or function.__module__ == "collections.abc":
        return whose
    _neutral[id(code)] = code
    return ANNOUNCING


#: Functions by module and name, of which one knows what they do.
_KNOWN = settings.SETTINGS.keys() | REGISTERING
#: By id: code of neutral functions, which is kept alive by it.
_neutral: dict[int, types.CodeType] = {}


def _announce_call(site: Site, function: Any, whose: int, accesses: AccessList, arguments: Arguments) -> None:
    """Announce a call of a Python function out of scope, which accesses its owner and what it does to its arguments."""
    is_reader = whose != FOREIGN_CODE and function.__name__ not in functions.LIBRARY_WRITERS
    is_deep = whose == FOREIGN_CODE or (function.__module__, function.__name__) in functions.DEEP_READERS
    # What the program makes of an object for JSON is read after it was made.
    is_deep |= root_of(function) == "json" and any(map(callable, arguments))
    accesses += streams(arguments)
    for value in arguments:
        if type(value) in SCALARS:
            continue
        if not is_reader and family(type(value)):
            accesses.append((value, WHOLE, WRITE))
        else:
            accesses += given(value, is_deep=is_deep)
    if whose == FOREIGN_CODE:
        is_held = not function.__code__.co_flags & SUSPENDING
        announce(site, Divisible(accesses, function.__qualname__, root_of(function), has_state=True, is_held=is_held))
    elif accesses:
        if not functions.is_atomic(function, arguments):
            accesses = Divisible(accesses, f"{function.__module__}.{function.__qualname__}", root_of(function))
        announce(site, accesses)


def _builtin(site: Site, function: Any, arguments: Arguments) -> None:
    owner = function.__self__
    if type(owner) is ModuleType or owner is None:
        known = functions.FUNCTIONS.get(function) or settings.SETTINGS.get((function.__module__, function.__name__))
        if known is not None:
            _announce(site, callbacks.marked(function.__name__, arguments, known(arguments)))
        elif function in functions.ACCESSORS:
            attribute_call(site, function, arguments)
        elif function is next or function is anext:
            _next(site, arguments)
        elif not note_function(site, function, arguments):
            _announce(site, callbacks.marked(function.__name__, arguments, functions.argument_reads(function, arguments)))
    elif issubclass(type(owner), type):
        note_method_of_class(site, owner, function.__name__)
        _announce(site, read_arguments(arguments) + functions.classes_made(owner, function.__name__, arguments))
    else:
        _method(site, owner, function.__name__, arguments)


def _next(site: Site, arguments: Arguments) -> None:
    if arguments and type(arguments[0]) is AsyncGeneratorType:
        announce(site, [(arguments[0], WHOLE, WRITE)])
    elif arguments:
        advance(site, operated("iterate asynchronously", arguments[0]) or consumed(arguments[0]))


def _method(site: Site, owner: Any, name: str, arguments: Arguments) -> None:
    """Announce a call of a method that is written in C."""
    kind = family(type(owner))
    if name in _GIVING_AWAY:
        # What comes back has the dictionary of the attributes itself.
        attributes.note_namespace(owner)
        announce(site, [(owner, WHOLE, READ)])
    elif name in COMPARISONS and (accesses := looked_through("show" if name in foreign.METHODS["show"] else "compare", owner, *arguments)):
        announce(site, accesses)
    elif kind:
        _container_method(site, owner, kind, name, arguments)
    else:
        _object_method(site, owner, name, arguments)


_GIVING_AWAY = frozenset({"__reduce_ex__", "__reduce__", "__getstate__"})


def _container_method(site: Site, owner: Any, kind: int, name: str, arguments: Arguments) -> None:
    action = method_action(kind, name)
    if gate.is_detailed and not site.name:
        site.name = name
    if name in STORES_ARGUMENTS:
        name_arguments(arguments)
    if kind == SET and name == "pop":
        # Which one is taken depends on their order.
        consumed(owner)
    extra = [] if name in KEEPS_ARGUMENTS else read_arguments(arguments)
    is_comparing = kind in (LIST, DEQUE) and name in callbacks.CALLING
    if is_comparing:
        extra += compared(owner, arguments)
    if kind == VIEW:
        _announce(site, view_reads(owner) + extra)
    elif extra or is_comparing:
        announce(site, callbacks.marked(f"{type(owner).__name__}.{name}", (owner, *arguments), action(owner, arguments) + extra))
    else:
        settle(site, action, owner, arguments)


def _object_method(site: Site, owner: Any, name: str, arguments: Arguments) -> None:
    if name in _RESUMING and consumed(owner):
        _next(site, (owner,))
    elif name[:2] == "__" and name != "__iter__" and is_iterator(type(owner)):
        # `__setstate__`, `__reduce__`, `__length_hint__`
        _announce(site, consumed(owner))
    elif type(owner) is Context and name == "run" and arguments:
        # It is entered for as long as the function runs, which is looked at as if it were called here.
        announce(site, Divisible([(owner, WHOLE, WRITE)], "Context.run"))
        dispatch(site, arguments[0], arguments[1:])
    elif name in functions.ATTRIBUTE_METHODS:
        attribute_call(site, functions.ATTRIBUTE_METHODS[name], (owner, *arguments), is_raw=True)
    else:
        # `"{0.name}".format(obj)`
        is_deep = type(owner) is str and name in _FORMATS and "." in owner
        shown = operated("show", *arguments) if type(owner) is str and name in _FORMATS else []
        accesses = shown or ([] if name in KEEPS_ARGUMENTS else read_arguments(arguments, is_deep=is_deep))
        if type(owner) in (tuple, frozenset):
            accesses += looked_through("look up", owner, *arguments)
        if name.endswith("into"):
            accesses = [(value, field, WRITE) for value, field, _ in accesses]
        if type(owner) in _KEEPING or _opaque(name)[type(owner)]:
            name_arguments(arguments)
            accesses.append((owner, WHOLE, WRITE))
            accesses += [one for part in get_referents(owner) if type(part) in BOUND for one in called(part)]
            accesses += [(part, WHOLE, WRITE) for part in linked(owner)]
        _announce(site, callbacks.marked(f"{type(owner).__name__}.{name}", arguments, accesses))


_FORMATS = frozenset({"format", "format_map"})
#: Types of modules that are none of our business whose objects change all the same: caches are emptied, contexts entered.
_KEEPING = frozenset({type(functools.lru_cache(len)), Context, AsyncGeneratorType})
_RESUMING = frozenset({"__next__", "send", "throw", "close"})


@cache
def _opaque(name: str) -> Kinds:
    """Return which types are unknown mutable ones of C that a method may change."""
    return registry.new_cache(lambda tp: _is_opaque(tp, name))


def _is_opaque(tp: type, name: str) -> bool:
    """Tell whether a method belongs to an unknown mutable type of C, which it may change."""
    for cls in kinds.mro_of(tp):
        if type(kinds.namespace_of(cls).get(name)) not in (FunctionType, type(None)):
            return kinds.is_changing(cls)
    return False


def _descriptor(site: Site, function: Any, arguments: Arguments) -> None:
    """Announce `list.append(xs, x)`: a method of C that was not bound."""
    if arguments:
        _method(site, arguments[0], function.__name__, arguments[1:])


def _wrapper(site: Site, function: Any, arguments: Arguments) -> None:
    _method(site, function.__self__, function.__name__, arguments)


def _partial(site: Site, function: Any, arguments: Arguments) -> None:
    if "keywords" in registry.patched:
        announce(site, [(function.keywords, WHOLE, READ)])
    dispatch(site, function.func, (*function.args, *arguments, *function.keywords.values()))


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
    mode = WRITE if type(function) is operator.methodcaller else READ
    accesses: AccessList = [(value, WHOLE, mode) for value in arguments if type(value) not in ANONYMOUS]
    is_deep = type(function) is operator.attrgetter and "." in repr(function)
    _announce(site, accesses + (looked_into(accesses, (function,)) if is_deep else []))


def _class(site: Site, cls: Any, arguments: Arguments) -> None:
    """Announce the making of an instance: what a constructor written in C reads from its arguments."""
    if cls is map or cls is starmap:
        note_iterator(site, cls, arguments)
    if cls in functions.TYPES:
        _announce(site, callbacks.marked(cls.__name__, arguments, functions.TYPES[cls](arguments)))
        return
    for name in ("__init__", "__new__"):
        found = find(cls, name)
        if found is not None:
            function = found[1].__func__ if type(found[1]) is staticmethod else found[1]
            if type(function) is FunctionType:
                _python_function(site, function, arguments)
                return
    note_class(site, cls)
    if root_module(cls) not in kinds.NEUTRAL_MODULES:
        _announce(site, callbacks.marked(cls.__name__, arguments, read_arguments(arguments)))


def other_callee(site: Site, function: Any, arguments: Arguments) -> None:
    """Announce a call of an object of any other type: by its `__call__`."""
    if issubclass(type(function), type):
        _class(site, function, arguments)
        return
    if issubclass(type(function), BuiltinFunctionType):
        # A method that C gives the class it was defined in is of a type derived from that of all others.
        _builtin(site, function, arguments)
        return
    if issubclass(type(function), weakref.ReferenceType):
        _reference(site, function, arguments)
        return
    found = find(type(function), "__call__")
    if found is not None and type(found[1]) is FunctionType:
        _bound_method(site, MethodType(found[1], function), arguments)
    elif found is not None and root_module(found[0]) not in kinds.INERT_MODULES:
        # An encoder of JSON has what it asks for objects that it does not know; the method it has by itself touches nothing.
        own = json.JSONEncoder.default
        parts = [part for part in get_referents(function) if type(part) is not MethodType or part.__func__ is not own]
        accesses = [(function, WHOLE, WRITE), *read_arguments(arguments)]
        _announce(site, callbacks.marked(type(function).__name__, tuple(parts), accesses))


CALLEES: dict[type, Callee] = {
    FunctionType: _python_function,
    MethodType: _bound_method,
    BuiltinFunctionType: _builtin,
    **dict.fromkeys((types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType), _descriptor),
    types.MethodWrapperType: _wrapper,
    functools.partial: _partial,
    type(functools.lru_cache(len)): _cache,
    weakref.ReferenceType: _reference,
    **dict.fromkeys((operator.attrgetter, operator.itemgetter, operator.methodcaller), _getter),
    staticmethod: lambda site, function, arguments: dispatch(site, function.__func__, arguments),
    type: _class,
}
