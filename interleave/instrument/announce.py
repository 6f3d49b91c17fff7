"""From hooks to the kernel: announce accesses.

Hooks look `touch` and its siblings up in `interleave.runtime` every time, because the kernel rebinds them for each execution.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable
from random import Random
from typing import Any

from interleave import runtime
from interleave.instrument.families import ANYWHERE
from interleave.instrument.kinds import find, is_heap_type, is_variable, mro_of, namespace_of
from interleave.instrument.registry import AccessList, registry
from interleave.model import READ, SHAPE, WHOLE, WRITE, Site
from interleave.runtime.unseen import unseen_of

gate = runtime.gate


class Divisible(AccessList):
    """Accesses by code that is one step here and several for real.

    With what to call that code, the module or package to include, empty if it is of C, whether that has state of its own, as installed
    packages have, and whether the caller's locks are held all the while.
    """

    __slots__ = ("has_state", "is_held", "module", "who")

    def __init__(self, accesses: AccessList, who: str, module: str = "", *, has_state: bool = False, is_held: bool = True) -> None:
        super().__init__(accesses)
        self.who = f"{who} (not in scope)" if module else who
        self.module = module
        self.has_state = has_state
        self.is_held = is_held

    def __add__(self, other: Any) -> Divisible:  # type: ignore[override]
        """Return both as accesses of one step; so does the addition to a plain list, on either side and in place."""
        whole = Divisible([*self, *other], self.who, has_state=self.has_state, is_held=self.is_held)
        whole.module = self.module
        return whole

    __radd__ = __add__


def in_parts(accesses: AccessList, count: int, who: str) -> AccessList:
    """Return the accesses of one instruction that has so many parts, between which others can go on unless there is a GIL."""
    return Divisible(accesses, who) if count > 1 and not registry.has_gil else accesses


def announce(site: Site, accesses: AccessList, value: object = runtime.UNKNOWN) -> None:
    """Announce accesses that happen as one operation; `value` is that of the first. Call only while the gate is open."""
    if type(accesses) is Divisible:
        _announce_divisible(site, accesses, value)
        return
    if registry.aliases:
        accesses = _translate(accesses)
    if len(accesses) == 1:
        owner, field, mode = accesses[0]
        if field is ANYWHERE:
            announce_unknown(site)
        else:
            runtime.touch(site, owner, field, mode, value)
    elif any(access[1] is ANYWHERE for access in accesses):
        announce_unknown(site)
    elif accesses:
        runtime.touch_many(site, accesses, value)


def _announce_divisible(site: Site, accesses: Divisible, value: object) -> None:
    plain = _translate(accesses)
    announce(site, plain, value)
    trap = runtime.active()
    if trap is None or not gate.is_open:
        return
    if trap.steps is not None and trap.steps.touched is not None:
        # A step of a task is one step for real; what of the package's own it uses is unseen.
        if accesses.has_state and accesses.module in sys.modules:
            trap.steps.enter_object(sys.modules[accesses.module], WRITE)
        if not accesses.is_held:
            trap.steps.lose_track()
        return
    unseen, thread = unseen_of(trap), trap.kernel.me
    if any(field is ANYWHERE for _, field, _ in plain):
        for owner, field, mode in plain:
            if field is not ANYWHERE:
                trap.places.record(trap.places.entries.get(id(owner)) or trap.places.enter(owner, thread), field, mode, thread, site)
    if accesses.module and registry.covers(accesses.module):
        if accesses.module in trap.ledger.imported:
            # From the next execution on it announces what it does, and the search begins anew.
            return
        unseen.made.add(accesses.module)
    for opener, modules in trap.openers:
        # It was there before anybody else was, which is not announced.
        if accesses.has_state and any(str(name).partition(".")[0] == accesses.module for name in modules):
            unseen.enter(accesses.module, opener, is_held=False)
    if accesses.module == "random" and "gauss" not in accesses.who:
        # Which numbers a thread draws is nobody's choice; `gauss` may give two threads the same.
        plain = [access for access in plain if not isinstance(access[0], Random)]
    if not (accesses.has_state and unseen.enter(accesses.module, thread, is_held=accesses.is_held)):
        unseen.use(plain, thread, accesses.who, accesses.module)


def announce_unknown(site: Site) -> None:
    """Announce that something is used which goes with its last reference: that may be dropped by any step of any thread."""
    kernel = runtime.active()
    if kernel is not None:
        kernel.step_anywhere("dereference", site)


def _translate(accesses: AccessList) -> AccessList:
    """Turn accesses to items of aliases into accesses to the attributes that they are."""
    result: AccessList = []
    for owner, field, mode in accesses:
        alias = registry.aliases.get(id(owner))
        if alias is None:
            result.append((owner, field, mode))
            continue
        namespace, holder = alias
        if isinstance(field, tuple):
            name = field[1]
            if type(name) is str:
                if mode:
                    note_store_of(namespace, holder, name)
                result.append((holder, name, mode))
        elif field is WHOLE or mode == READ:
            if mode and namespace is not holder:
                note_stores_of(holder)
            # Attribute stores may announce no SHAPE, so whoever reads it has to read all of them.
            result.append((holder, WHOLE if field is SHAPE else field, mode))
        elif namespace is not holder and "__dict__" in registry.patched:
            result.append((holder, field, mode))
    return result


def note_store_of(namespace: Any, holder: Any, name: str) -> None:
    """Note that a global, or an attribute which a class has too, is stored by no instruction that stores it: through a dictionary."""
    if namespace is holder:
        registry.note_variable(namespace, name)
    elif find(type(holder), name) is not None:
        registry.note_patch(name)


def note_stores_of(holder: Any) -> None:
    """Note that any attribute of an object which its class has too may be stored: all of them at once."""
    for cls in mro_of(type(holder)):
        for name, value in namespace_of(cls).items() if is_heap_type(cls) else ():
            if name[:2] != "__" and is_variable(value):
                registry.note_patch(name)


def announce_one(site: Site, owner: object, field: Hashable, mode: int) -> None:
    """Announce one access to an item, which may be an attribute in disguise."""
    if registry.aliases:
        announce(site, [(owner, field, mode)])
    else:
        runtime.touch(site, owner, field, mode)
