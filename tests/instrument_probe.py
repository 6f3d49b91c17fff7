"""Run a function instrumented, and collect what its hooks announce."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from interleave import runtime
from interleave.instrument import Instrumentation, Scope
from interleave.instrument.registry import registry
from interleave.model import READ, SHAPE, WHOLE, WRITE

Access = tuple[object, object, int]


class Probe:
    """A kernel that only writes down."""

    def __init__(self) -> None:
        self.steps: list[list[Access]] = []
        self.published: list[object] = []
        self.values: list[object] = []
        self.sites: list[Any] = []
        #: Called at each step, before the access happens: what another thread does meanwhile.
        self.meanwhile: Callable[[], None] | None = None

    def touch(self, site: Any, owner: object, field: Any, mode: int, value: object = runtime.UNKNOWN) -> None:
        self.values.append(value)
        self.touch_many(site, [(owner, field, mode)])

    def touch_many(self, site: Any, accesses: list[Access], value: object = runtime.UNKNOWN) -> None:
        for _, field, _ in accesses:
            hash(field)
        self.steps.append(list(accesses))
        self.sites.append(site)
        if self.meanwhile is not None:
            act, self.meanwhile = self.meanwhile, None
            act()

    def publish(self, value: object) -> None:
        self.published.append(value)

    def of(self, owner: object) -> list[tuple[object, str]]:
        """Return the accesses to one object in order, as (field, "r" or "w")."""
        return [(_plain(field), "rw"[mode]) for step in self.steps for obj, field, mode in step if obj is owner]

    def at(self, *owners: object) -> list[tuple[object, str]]:
        """Return the accesses to any of some objects in order."""
        return [(_plain(field), "rw"[mode]) for step in self.steps for obj, field, mode in step if any(obj is owner for owner in owners)]


def _plain(field: Any) -> object:
    """Write item fields as lists, which no attribute can be mistaken for."""
    if isinstance(field, tuple):
        return [getattr(field[1], "value", field[1])]
    return {id(WHOLE): "WHOLE", id(SHAPE): "SHAPE"}.get(id(field), field)


class Only(Scope):
    """A scope of one module."""

    def __init__(self, module: str) -> None:
        super().__init__()
        self.module = module
        # Of what others find in scope nothing counts here.
        self.inside = {}

    def covers(self, module_name: str, file: str | None) -> bool:
        return module_name == self.module


@contextmanager
def instrumented(module: str) -> Iterator[Instrumentation]:
    """Instrument a module for the duration of a block."""
    instrumentation = Instrumentation(Only(module))
    instrumentation.install()
    try:
        yield instrumentation
    finally:
        instrumentation.uninstall()


@contextmanager
def probing(*, is_open: bool = True, is_detailed: bool = False) -> Iterator[Probe]:
    """Connect the hooks with a probe for the duration of a block."""
    probe = Probe()
    before = runtime.touch, runtime.touch_many, runtime.publish
    gate = runtime.gate
    runtime.touch, runtime.touch_many, runtime.publish = probe.touch, probe.touch_many, probe.publish
    gate.is_naming, gate.is_open, gate.is_detailed = True, is_open, is_detailed
    try:
        yield probe
    finally:
        gate.is_naming = gate.is_open = gate.is_detailed = False
        runtime.touch, runtime.touch_many, runtime.publish = before
        registry.forget()
        # That a function took the dictionary of an object is no business of the next one.
        registry.patched.discard("__dict__")
        registry.clear_caches()


def record(function: Callable[..., Any], *args: Any, **options: bool) -> Probe:
    """Run one call of an instrumented function and return what was announced."""
    assert isinstance(function, FunctionType)
    with probing(**options) as probe:
        function(*args)
    return probe


__all__ = ["READ", "SHAPE", "WHOLE", "WRITE", "Only", "Probe", "instrumented", "probing", "record"]
