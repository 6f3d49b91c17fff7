"""What a type tells about an access, without running any of its code.

Attributes are looked up as `object.__getattribute__` would, but only as far as the types: through the dictionaries of the classes in the
MRO, fetched by the getters of `type` itself, which no metaclass can override. What was found decides the kind of the access:

* nothing there, or a slot: storage in the instance;
* a function, a constant: an attribute of a class, which an instance may shadow;
* a property, a descriptor written in Python, `__getattribute__`: a call, whose own accesses count when it runs.
"""

from __future__ import annotations

import decimal
import sys
import types
from _thread import _local
from collections.abc import Callable, Mapping
from contextvars import Context
from enum import Enum
from functools import cache, partial
from inspect import isgeneratorfunction
from queue import Queue
from threading import Semaphore, Thread
from types import BuiltinFunctionType, FunctionType, GeneratorType, GetSetDescriptorType, MemberDescriptorType, MethodType, ModuleType
from typing import Any, Final
from weakref import ProxyTypes

from interleave.instrument.registry import Kinds, registry

# --- looking at types -------------------------------------------------------------------------------------------------

_mro_of: Callable[[type], tuple[type, ...] | None] = type.__dict__["__mro__"].__get__
_namespace_of: Callable[[type], Mapping[str, Any] | None] = type.__dict__["__dict__"].__get__
module_namespace: Callable[[ModuleType], dict[str, Any]] = ModuleType.__dict__["__dict__"].__get__  # type: ignore[index]
_has_dict: Callable[[type], int] = type.__dict__["__dictoffset__"].__get__
_flags_of: Callable[[type], int] = type.__dict__["__flags__"].__get__
_HEAP_TYPE = 1 << 9

name_of: Callable[[type], str] = type.__dict__["__name__"].__get__
qualified_name: Callable[[type], str] = type.__dict__["__qualname__"].__get__
_module_of: Callable[[type], object] = type.__dict__["__module__"].__get__

MISSING: Final = object()

C_FUNCTIONS = (
    BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType, types.MethodWrapperType,
)  # fmt: skip
_METHODS = (FunctionType, staticmethod, classmethod, *C_FUNCTIONS, type(object.__subclasshook__))


def mro_of(tp: type) -> tuple[type, ...]:
    """Return the classes in which attributes are looked up; of a type of C that was never used so far, only itself."""
    return _mro_of(tp) or (tp,)


def namespace_of(tp: type) -> Mapping[str, Any]:
    """Return the dictionary of a class."""
    return _namespace_of(tp) or {}


def is_a(obj: object, *classes: type) -> bool:
    """Tell whether an object is an instance of one of some classes.

    Unlike `isinstance`, it does not ask `obj.__class__`, which may be a property.
    """
    return issubclass(type(obj), classes)


def find(tp: type, name: str) -> tuple[type, Any] | None:
    """Return the first class of the MRO that has an attribute, and its value, unbound."""
    for cls in mro_of(tp):
        value = namespace_of(cls).get(name, MISSING)
        if value is not MISSING:
            return cls, value
    return None


def is_heap_type(tp: type) -> bool:
    """Tell whether a class can be changed by a program."""
    return bool(_flags_of(tp) & _HEAP_TYPE)


def is_written_in_python(tp: type, name: str) -> bool:
    """Tell whether an attribute of a type is a Python function."""
    found = find(tp, name)
    return found is not None and is_a(found[1], FunctionType, staticmethod, classmethod)


def iterates_in_python(tp: type) -> bool:
    """Tell whether the iterator of a type is made by a Python function, and may be one of C over what that function chose."""
    found = find(tp, "__iter__")
    return found is not None and type(found[1]) is FunctionType and is_instrumented(found[1]) and not isgeneratorfunction(found[1])


def root_module(obj: object) -> str:
    """Return the top-level package that a type or a function of C says it belongs to, empty if it does not say."""
    return _root(module_name(obj) if issubclass(type(obj), type) else getattr(obj, "__module__", None))  # type: ignore[arg-type]


def root_of(function: FunctionType) -> str:
    """Return the top-level package whose globals a Python function has, empty if they do not say."""
    return _root(function.__globals__.get("__name__"))


def _root(module: object) -> str:
    return module.partition(".")[0] if type(module) is str else ""


def _is_inert(tp: type) -> bool:
    """Tell whether attributes of instances are nobody's business: those of stand-ins of ours."""
    return any(root_module(cls) == _OURS for cls in mro_of(tp))


_OURS = __name__.partition(".")[0]

# --- attributes -------------------------------------------------------------------------------------------------------

#: Kinds of attribute accesses. NOTHING must be 0: hooks test for truth. CODE is a property whose code is out of scope, or `__getattr__`;
#: LOCAL is data of a thread, which its tasks share; of what is FORWARDED it is not known to which object. ORDERED is storage in a
#: dictionary the order of which the program may see.
NOTHING, STORAGE, CLASS, TYPE, MODULE, NAMESPACE, CODE, LOCAL, FORWARDED, ORDERED = range(10)


@cache
def readers(name: str) -> Kinds:
    """Return the kinds of reads of an attribute, by type of the instance."""
    return registry.new_cache(lambda tp: _judge_read(tp, name))


@cache
def writers(name: str) -> Kinds:
    """Return the kinds of stores and deletions of an attribute, by type of the instance."""
    return registry.new_cache(lambda tp: _judge_write(tp, name))


def _judge_read(tp: type, name: str) -> int:
    if issubclass(tp, ModuleType):
        return MODULE
    if issubclass(tp, type):
        return TYPE
    if tp in (MethodType, super) and find(tp, name) is None:
        return CLASS
    if (
        (name in _OF_QUEUES and issubclass(tp, Queue))
        or (name in _OF_THREADS and issubclass(tp, Thread))
        or (name == "_value" and issubclass(tp, Semaphore))
    ):
        return CODE
    if _is_inert(tp) or is_written_in_python(tp, "__getattribute__"):
        return NOTHING
    found = find(tp, name)
    if issubclass(tp, _local):
        return LOCAL if found is None else NOTHING
    # What one of C has that is in no class it makes up itself.
    storage = STORAGE if _has_dict(tp) or tp in _CHANGING else NOTHING
    if found is None:
        getter = find(tp, "__getattr__")
        if forwards(tp, "__getattr__"):
            return FORWARDED
        is_code = getter is not None and runs_outside(getter[1])
        return CODE if is_code else CLASS if name in registry.patched else storage
    cls, value = found
    descriptor = type(value)
    if _is_data_descriptor(descriptor):
        getter = (property, value.fget) if descriptor is property else find(descriptor, "__get__")
        is_code = getter is not None and runs_outside(getter[1])
        if tp is partial and name == "keywords":
            # From here on its calls tell that they read them.
            registry.note_patch(name)
        is_storage = _is_field(cls, value) or _is_of_thread(value) or (tp is FunctionType and name in registry.patched)
        is_storage |= tp is GeneratorType
        return CODE if is_code else STORAGE if is_storage else NOTHING
    getter = find(descriptor, "__get__")
    if getter is not None and not is_a(value, *_METHODS):
        # Something like `functools.cached_property`, which keeps its value in the instance under the same name.
        return CODE if runs_outside(getter[1]) else storage
    if is_stored_in_class(tp, name):
        return CLASS
    # What a class out of scope has for a start, its methods may store in instances.
    is_default = is_variable(value) and is_heap_type(cls) and not registry.covers(module_name(cls)) and not issubclass(tp, Enum)
    return storage if is_default or _is_stored(registry.attributes, tp, name) else NOTHING


def is_stored_in_class(tp: type, name: str) -> bool:
    """Tell whether an attribute of this name may be stored in a class of the MRO."""
    return _is_stored(registry.class_attributes, tp, name)


def is_variable(value: object) -> bool:
    """Tell whether the value of an attribute of a class or module looks like data, as against a function, class or module."""
    return not is_a(value, *_METHODS, type, ModuleType, property)


def _is_stored(table: dict[str, set[str]], tp: type, name: str) -> bool:
    return name in registry.patched or any(name in table.get(module_name(cls), ()) for cls in mro_of(tp))


def module_name(tp: type) -> str:
    """Return the module that a class says it belongs to, empty if it does not say."""
    try:
        module = _module_of(tp)
    except AttributeError:
        return ""
    return module if type(module) is str else ""


def _judge_write(tp: type, name: str) -> int:
    if issubclass(tp, ModuleType):
        return MODULE
    if issubclass(tp, type):
        return TYPE
    setter = find(tp, "__setattr__")
    if _is_inert(tp) or (setter is not None and type(setter[1]) is FunctionType and is_instrumented(setter[1])):
        return NOTHING
    if name in ("__dict__", "__class__"):
        return NAMESPACE
    found = find(tp, name)
    if issubclass(tp, _local):
        return LOCAL
    if found is None and forwards(tp, "__setattr__"):
        return FORWARDED
    if not is_storage(tp, name) and not (found is not None and _is_of_thread(found[1])):
        setter = find(type(found[1]), "__set__") if found is not None else None
        is_property = found is not None and type(found[1]) is property
        is_code = runs_outside(found[1].fset) if is_property else setter is not None and runs_outside(setter[1])  # type: ignore[index]
        if tp is not FunctionType:
            return CODE if is_code else NOTHING
    if found is not None and not _is_field(*found) and not _is_stored(registry.attributes, tp, name):
        registry.note_patch(name)
    if root_module(tp) in STATELESS - {"builtins", "types"} and module_name(tp) not in CONFIGURED:
        # So its objects change after all.
        registry.note_patch(root_module(tp))
    return storage_of(tp)


def storage_of(tp: type) -> int:
    """Return whether the order of what is stored may be seen: once a program takes `__dict__`, and in the text of a `SimpleNamespace`."""
    return ORDERED if _has_dict(tp) and ("__dict__" in registry.patched or issubclass(tp, types.SimpleNamespace)) else STORAGE


#: Attributes that the methods of queues change (and `_value` that of a semaphore), and that the start of a thread sets.
_OF_QUEUES = frozenset({"queue", "unfinished_tasks", "is_shutdown"})
_OF_THREADS = frozenset({"ident", "native_id"})


def _is_of_thread(value: object) -> bool:
    """Tell whether something is a property that stores what it is given: the name of a thread or handler, and whether it is a daemon."""
    return type(value) is property and type(value.fset) is FunctionType and value.fset.__module__ in ("threading", "logging")


def _is_field(cls: type, value: object) -> bool:
    """Tell whether something found in a class is a slot, or what an object of C or an exception keeps: `exc.args`, `element.text`."""
    if type(value) is MemberDescriptorType and is_heap_type(cls):
        return True
    return type(value) in (MemberDescriptorType, GetSetDescriptorType) and is_changing(cls)


def is_storage(tp: type, name: str) -> bool:
    """Tell whether the default store of an attribute puts the value into the instance: a slot, or its dictionary."""
    found = find(tp, name)
    if found is not None and (_is_field(*found) or _is_data_descriptor(type(found[1]))):
        return _is_field(*found)
    return bool(_has_dict(tp))


def _is_data_descriptor(descriptor: type) -> bool:
    return find(descriptor, "__set__") is not None or find(descriptor, "__delete__") is not None


#: Whose Python functions: those that announce for themselves; the standard library's; those that only pass on what they are
#: given, or announce by other means; anybody else's. ANNOUNCING must be 0.
ANNOUNCING, LIBRARY, NEUTRAL, FOREIGN_CODE = range(4)

NEUTRAL_MODULES = frozenset({
    "threading", "queue", "concurrent", "asyncio", "typing", "functools", "contextlib", "abc", "enum", "contextvars", "interleave",
    "_pytest",
})  # fmt: skip


#: Modules of the standard library that take locks of their own, or use what they are given once.
ATOMIC_MODULES = frozenset({"logging", "multiprocessing", "warnings", "unittest", "weakref"})
#: Modules of the standard library whose objects hardly ever change, or announce what they do by other means.
STATELESS = ATOMIC_MODULES | {
    "builtins", "datetime", "decimal", "fractions", "inspect", "ipaddress", "json", "numbers", "pathlib", "re", "string", "textwrap",
    "traceback", "types", "urllib", "uuid", "zoneinfo",
}  # fmt: skip

#: Modules of these packages whose objects change all the same.
STATEFUL = frozenset({
    "unittest.mock", "unittest.result", "unittest.suite", "urllib.request", "urllib.response", "urllib.robotparser",
})  # fmt: skip
#: Modules whose objects are changed by those who configure them, if at all.
CONFIGURED = frozenset({"logging", "logging.handlers", "json.encoder", "json.decoder", "string", "textwrap"})

#: Modules whose C types are immutable, or whose instances announce their operations themselves.
INERT_MODULES = frozenset({
    "builtins", "_thread", "_queue", "_asyncio", "_contextvars", "contextvars", "greenlet", "re", "_sre", "datetime", "decimal", "_decimal",
    "types", "weakref", "_weakref", "functools", "operator", "_operator", "_struct", "struct", "time", "zoneinfo", "typing", "_typing",
    "itertools", "uuid", "abc", "_abc", "os", "posix",
})  # fmt: skip


def is_changing(cls: type) -> bool:
    """Tell whether a class of C is one whose objects change, as far as is known, other than a container."""
    return cls in _CHANGING or issubclass(cls, BaseException) or root_module(cls) not in (*INERT_MODULES, "collections", "array", _OURS)


_CHANGING = frozenset({Context, decimal.Context, *type(decimal.Context().flags).__mro__[:2]})


def origin(function: FunctionType) -> int:
    """Tell whose a Python function is."""
    if is_instrumented(function):
        return ANNOUNCING
    root = root_of(function)
    # The mix-ins of abstract base classes do what they do through methods of the program; named tuples only pack their arguments.
    is_mixin = function.__globals__.get("__name__") == "collections.abc"
    if root in NEUTRAL_MODULES or is_mixin or root.startswith("namedtuple_"):
        return NEUTRAL
    return LIBRARY if root in sys.stdlib_module_names else FOREIGN_CODE


def is_foreign(function: object) -> bool:
    """Tell whether something is a Python function of an installed package that is out of scope."""
    return type(function) is FunctionType and origin(function) == FOREIGN_CODE


def runs_outside(function: object) -> bool:
    """Tell whether something is a Python function out of scope, of a package or for an object of the standard library that changes."""
    whose = origin(function) if type(function) is FunctionType else NEUTRAL
    return whose == FOREIGN_CODE or (whose == LIBRARY and not is_stateless(function))  # type: ignore[arg-type]


def is_stateless(function: FunctionType) -> bool:
    """Tell whether a function is of a module whose objects do not change, or announce what they do by other means."""
    root = root_of(function)
    return root in STATELESS and root not in registry.patched and function.__module__ not in STATEFUL


def is_instrumented(function: FunctionType) -> bool:
    """Tell whether a function announces its own accesses."""
    return id(function.__code__) in registry.instrumented


def forwards(tp: type, special: str = "") -> bool:
    """Tell whether what is done to an instance is done to another object, in C: a `weakref.proxy`, a proxy of `wrapt`.

    Or a special method may be an object of a class of its own, that says which function of C to call with what, as those of `LocalProxy`.
    """
    wrapped, found = (type((find(tp, name) or (tp, None))[1]) for name in ("__wrapped__", special))
    return tp in ProxyTypes or wrapped is GetSetDescriptorType or is_heap_type(found)


def instance_namespace(obj: object) -> dict[str, Any] | None:
    """Return the dictionary of an instance, None if it has none of the usual kind."""
    found = find(type(obj), "__dict__")
    if found is None or type(found[1]) not in (GetSetDescriptorType, MemberDescriptorType) or forwards(type(obj)):
        return None
    namespace = found[1].__get__(obj)
    return namespace if type(namespace) is dict else None


def peek(obj: object, name: str, default: object) -> object:
    """Return the value of an attribute that is storage, without running code of the program. For reports only."""
    found = find(type(obj), name)
    if found is not None and type(found[1]) is MemberDescriptorType:
        try:
            return found[1].__get__(obj)
        except AttributeError:
            return default
    namespace = instance_namespace(obj)
    if namespace is not None and name in namespace:
        return namespace[name]
    return found[1] if found is not None else default
