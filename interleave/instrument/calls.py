"""Hooks for calls.

Nearly all calls are of instrumented functions, which announce what they do themselves; the hook only has to tell. All others go to
`callees`. While the gate is closed, what is put into a container is named, and accessors of attributes are noted.
"""

from __future__ import annotations

from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from interleave import runtime
from interleave.instrument import functions
from interleave.instrument.announce import announce, gate
from interleave.instrument.callees import CALLEES, dispatch, name_arguments, other_callee
from interleave.instrument.containers import STORES_ARGUMENTS
from interleave.instrument.families import family
from interleave.instrument.functions import attribute_call
from interleave.instrument.iterators import consumed
from interleave.instrument.registry import registry
from interleave.instrument.uncontrolled import note_function, note_method_of_class
from interleave.model import Site

Arguments = tuple[Any, ...]
instrumented = registry.instrumented


def call(site: Site, count: int) -> Callable[..., None]:
    """Make the hook for a call with `count` arguments, those with keywords included."""
    return (_call_0, _call_1, _call_2)[count](site) if count < 3 else _call_many(site)


def _call_0(site: Site) -> Callable[[Any], None]:
    def hook(function: Any) -> None:
        if gate.is_open:
            if type(function) is not FunctionType or id(function.__code__) not in instrumented:
                (CALLEES.get(type(function)) or other_callee)(site, function, ())
        elif gate.is_naming and type(function) is BuiltinFunctionType:
            _publish(site, function, ())

    return hook


def _call_1(site: Site) -> Callable[[Any, Any], None]:
    def hook(function: Any, first: Any) -> None:
        if gate.is_open:
            if type(function) is not FunctionType or id(function.__code__) not in instrumented:
                (CALLEES.get(type(function)) or other_callee)(site, function, (first,))
        elif gate.is_naming and type(function) is BuiltinFunctionType:
            _publish(site, function, (first,))

    return hook


def _call_2(site: Site) -> Callable[[Any, Any, Any], None]:
    def hook(function: Any, first: Any, second: Any) -> None:
        if gate.is_open:
            if type(function) is not FunctionType or id(function.__code__) not in instrumented:
                (CALLEES.get(type(function)) or other_callee)(site, function, (first, second))
        elif gate.is_naming and type(function) is BuiltinFunctionType:
            _publish(site, function, (first, second))

    return hook


def _call_many(site: Site) -> Callable[..., None]:
    def hook(function: Any, *arguments: Any) -> None:
        if gate.is_open:
            dispatch(site, function, arguments)
        elif gate.is_naming and type(function) is BuiltinFunctionType:
            _publish(site, function, arguments)

    return hook


def call_unpacked(site: Site) -> Callable[..., None]:
    """Make the hook for `function(*arguments, **keywords)`, where `arguments` may be any iterable."""

    def hook(function: Any, arguments: Any, keywords: Any = None) -> None:
        if gate.is_open:
            accesses = consumed(arguments)
            if accesses:
                announce(site, accesses)
            known = arguments if type(arguments) in (tuple, list) else ()
            dispatch(site, function, (*known, *(keywords.values() if type(keywords) is dict else ())))
        elif gate.is_naming and type(function) is BuiltinFunctionType and type(arguments) is tuple:
            _publish(site, function, arguments)

    return hook


def _publish(site: Site, function: Any, arguments: Arguments) -> None:
    """Name what a method of a container is about to store, and note what an accessor makes known."""
    owner = function.__self__
    if type(owner) is ModuleType:
        if function in functions.ACCESSORS:
            attribute_call(site, function, arguments)
        else:
            note_function(site, function, arguments)
    elif isinstance(owner, type):
        note_method_of_class(site, owner, function.__name__)
    elif function.__name__ in STORES_ARGUMENTS and family(type(owner)):
        runtime.publish(owner)
        name_arguments(arguments)
