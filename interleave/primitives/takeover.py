"""Puts the stand-ins where the program looks for the real things, and takes them away again.

Three searches, all by identity and all undone in reverse order:

1. methods of classes of the standard library (`primitives.METHODS`);
2. the C functions and classes (`primitives.OBJECTS`) wherever somebody holds them: attributes of modules, whatever the name
   (`from time import sleep as nap`), class attributes, closure cells (a dataclass keeps `default_factory=threading.Lock` in one), defaults of functions;
3. locks and queues that exist already (`primitives.INSTANCES`), in whatever holds them: module globals, instances, slots, classes, cells,
   dictionaries, lists. A condition has cached the methods of its lock; they are exchanged with it.

The import system, the test runner and the tools around it keep the real things: they are not under test, and their threads go on.
"""

from __future__ import annotations

import gc
import importlib
import sys
import threading
from collections.abc import Callable, Iterable
from types import BuiltinMethodType, CellType, FunctionType, MemberDescriptorType, ModuleType, SimpleNamespace
from typing import Any

from interleave import primitives

#: Packages whose own names and locks are left alone, with everything below them.
_LEFT_ALONE = (
    "interleave", "greenlet", "importlib", "_frozen_importlib", "_frozen_importlib_external", "execnet", "xdist", "_pytest", "pytest",
    "pluggy", "coverage", "pytest_cov", "rich", "click", "networkx", "bytecode", "hypothesis", "pdb", "bdb", "_pydevd_bundle", "pydevd", "debugpy",
)
_CONDITION_METHODS = ("acquire", "release", "_release_save", "_acquire_restore", "_is_owned")


def _is_left_alone(module: str) -> bool:
    return module.partition(".")[0] in _LEFT_ALONE


class Takeover:
    """The exchange for one exploration. `install` and `uninstall` are each safe to call twice."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def install(self) -> None:
        """Exchange everything; whatever was done is undone if it fails half way."""
        if self._undo:
            return
        try:
            self._exchange_methods()
            self._exchange_objects()
            self._exchange_instances()
        except BaseException:
            self.uninstall()
            raise

    def uninstall(self) -> None:
        """Put everything back, in reverse order."""
        while self._undo:
            self._undo.pop()()

    # -- 1: methods -------------------------------------------------------------------------------------------

    def _exchange_methods(self) -> None:
        for (cls, name), stand_in in primitives.METHODS.items():
            if name in vars(cls):
                self._set_class_attribute(cls, name, stand_in)

    def _set_class_attribute(self, cls: type, name: str, value: Any) -> None:
        original = vars(cls)[name]
        setattr(cls, name, value)
        self._undo.append(lambda: setattr(cls, name, original))

    # -- 2: functions and classes -----------------------------------------------------------------------------

    def _exchange_objects(self) -> None:
        # The import system finds `_thread` in its globals and must go on with the real locks.
        bootstrap = vars(importlib._bootstrap)
        self._set_item(bootstrap, "_thread", SimpleNamespace(**vars(bootstrap["_thread"])))
        wanted = {id(original): stand_in for original, stand_in in primitives.OBJECTS}
        for module in list(sys.modules.values()):
            if isinstance(module, ModuleType) and not _is_left_alone(module.__name__):
                self._exchange_in(vars(module), wanted)
        for holder in gc.get_referrers(*(original for original, _ in primitives.OBJECTS)):
            if isinstance(holder, CellType) and id(holder.cell_contents) in wanted:
                self._set_cell(holder, wanted[id(holder.cell_contents)])
        for cls in self._classes():
            for name, value in list(vars(cls).items()):
                if id(value) in wanted:
                    self._set_class_attribute(cls, name, wanted[id(value)])

    def _classes(self) -> list[type]:
        """Return the classes written in Python that are not left alone (attributes of others cannot be set)."""
        heap_type = 1 << 9
        return [
            one for one in gc.get_objects()
            if isinstance(one, type) and one.__flags__ & heap_type and not _is_left_alone(str(one.__module__))
        ]

    def _exchange_in(self, namespace: dict[str, Any], wanted: dict[int, Any]) -> None:
        for name, value in list(namespace.items()):
            if id(value) in wanted:
                self._set_item(namespace, name, wanted[id(value)])
            elif type(value) is FunctionType and value.__defaults__ and any(id(one) in wanted for one in value.__defaults__):
                self._set_defaults(value, wanted)

    def _set_defaults(self, function: FunctionType, wanted: dict[int, Any]) -> None:
        original = function.__defaults__
        function.__defaults__ = tuple(wanted.get(id(one), one) for one in original or ())
        self._undo.append(lambda: setattr(function, "__defaults__", original))

    def _set_item(self, holder: Any, key: Any, value: Any) -> None:
        original = holder[key]
        holder[key] = value

        def undo() -> None:
            # What the program put there itself meanwhile is its own business.
            if (isinstance(holder, list) or key in holder) and holder[key] is value:
                holder[key] = original

        self._undo.append(undo)

    def _set_cell(self, cell: CellType, value: Any) -> None:
        original = cell.cell_contents
        cell.cell_contents = value

        def undo() -> None:
            if cell.cell_contents is value:
                cell.cell_contents = original

        self._undo.append(undo)

    # -- 3: locks and queues that exist -----------------------------------------------------------------------

    def _exchange_instances(self) -> None:
        kinds = primitives.INSTANCES
        stand_ins = {id(one): kinds[type(one)](one) for one in gc.get_objects() if type(one) in kinds}
        if not stand_ins:
            return
        for cls in self._classes():
            for name, value in list(vars(cls).items()):
                if id(value) in stand_ins:
                    self._set_class_attribute(cls, name, stand_ins[id(value)])
        found = tuple(one._given for one in stand_ins.values())
        for holder in gc.get_referrers(*found):
            if holder is found or type(holder) is BuiltinMethodType:
                continue
            self._exchange_held(holder, stand_ins)

    def _exchange_held(self, holder: Any, stand_ins: dict[int, Any]) -> None:
        """Exchange the locks in one object that holds some."""
        if isinstance(holder, dict):
            # The dictionary of a class is changed through the class, which keeps caches of it.
            is_class = "__module__" in holder and "__doc__" in holder
            if not is_class and not _is_left_alone(str(holder.get("__name__", ""))) and holder.get("__name__") != "threading":
                self._exchange_items(holder, holder.items(), stand_ins)
        elif isinstance(holder, list):
            self._exchange_items(holder, enumerate(holder), stand_ins)
        elif isinstance(holder, CellType):
            self._set_cell(holder, stand_ins[id(holder.cell_contents)])
        elif not isinstance(holder, type) and not isinstance(holder, (primitives.locks.Lock, primitives.locks.RLock)) and not _is_left_alone(type(holder).__module__):
            self._exchange_attributes(holder, stand_ins)

    def _exchange_items(self, holder: Any, items: Iterable[tuple[Any, Any]], stand_ins: dict[int, Any]) -> None:
        pairs = [(key, stand_ins[id(value)]) for key, value in list(items) if id(value) in stand_ins]
        for key, stand_in in pairs:
            self._set_item(holder, key, stand_in)
            if key == "_lock" and isinstance(holder, dict) and "_waiters" in holder:
                self._exchange_methods_of_lock(holder, stand_in)

    def _exchange_methods_of_lock(self, condition: dict[str, Any], lock: Any) -> None:
        """Exchange the methods that a condition took from its lock when it was made."""
        for name in _CONDITION_METHODS:
            if name in condition:
                self._set_item(condition, name, getattr(lock, name))

    def _exchange_attributes(self, holder: Any, stand_ins: dict[int, Any]) -> None:
        namespace = getattr(holder, "__dict__", None)
        if isinstance(namespace, dict):
            self._exchange_items(namespace, namespace.items(), stand_ins)
        for cls in type(holder).__mro__:
            for name, member in vars(cls).items():
                if type(member) is not MemberDescriptorType:
                    continue
                try:
                    value = member.__get__(holder)
                except AttributeError:
                    continue
                if id(value) in stand_ins:
                    self._set_slot(holder, member, name, stand_ins[id(value)])

    def _set_slot(self, holder: Any, member: MemberDescriptorType, name: str, value: Any) -> None:
        original = member.__get__(holder)
        try:
            member.__set__(holder, value)
        except (AttributeError, TypeError):
            return
        self._undo.append(lambda: member.__set__(holder, original))


def real_threads() -> list[threading.Thread]:
    """Return the threads that run besides the current one and are not under control."""
    return [thread for thread in threading.enumerate() if thread is not threading.current_thread()]
