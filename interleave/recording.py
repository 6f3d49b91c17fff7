"""What a reader wants to know of an execution, recorded while it runs in detail.

The kernel's events say which place was touched by which name; a reader wants `LRUCache.hits`, the value, and the stack. All that
is costly, so it is recorded only when a failure that is already known is run once more for its report.

Names are learned on the way: whoever reads or stores `cache._data` tells what the dictionary is called that comes from there. What no
access has named is called as in the source (`expressions`). No code of the program is run for it: values of its own classes appear as
`<ClassName>`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from threading import Condition
from types import CellType, ModuleType
from typing import Any

from interleave.expressions import container_at
from interleave.model import MEMORY, WHOLE, Frame, Operation, Owner, Site, Step
from interleave.runtime import UNKNOWN
from interleave.runtime.sites import stack_of
from interleave.runtime.threads import LogicalThread

#: Not `cls.__name__`, nor `isinstance`: a metaclass or a `__class__` may be the program's (`unittest.mock`).
_NAME: Callable[[Any], str] = type.__dict__["__name__"].__get__
_SCALARS = (int, float, bool, str, bytes, complex, type(None))
_CONTAINERS = (list, tuple, dict, set, frozenset)
_LONGEST = 60
_MOST_ITEMS = 6


def show(value: Any, depth: int = 2) -> str:
    """Return a short text for a value without running code of the program."""
    kind = type(value)
    if value is UNKNOWN:
        return ""
    if kind in _SCALARS:
        text = repr(value)
        return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
    if issubclass(kind, type):
        return str(_NAME(value))
    if issubclass(kind, ModuleType):
        return f"module {ModuleType.__getattribute__(value, '__name__')}"
    if kind in _CONTAINERS and depth:
        return _show_items(value, depth)
    name = getattr(value, "__name__", None) if kind.__module__ == "builtins" else None
    return str(name) if isinstance(name, str) else f"<{kind.__name__}>"


def _show_items(value: Any, depth: int) -> str:
    """Return a short text for a built-in container; elements of a set are left out, their order means nothing."""
    kind = type(value)
    if kind in (set, frozenset):
        return f"{kind.__name__} of {len(value)}"
    if kind is dict:
        parts = [f"{show(key, 0)}: {show(item, depth - 1)}" for key, item in list(value.items())[:_MOST_ITEMS]]
        opening, closing = "{", "}"
    else:
        parts = [show(item, depth - 1) for item in list(value)[:_MOST_ITEMS]]
        opening, closing = ("[", "]") if kind is list else ("(", ")")
    if len(value) > _MOST_ITEMS:
        parts.append("...")
    text = opening + ", ".join(parts) + closing
    return text if len(text) <= _LONGEST else f"{kind.__name__} of {len(value)}"


class Recorder:
    """Makes the steps of one execution.

    Names come from what was read and written, never from `f_locals`: before CPython 3.13 a frame keeps the dictionary made for it, and with
    it objects that the program has let go of, so that an execution seen in detail would not be the same.
    """

    def __init__(self) -> None:
        #: By id; the objects are kept alive by `_kept`.
        self._labels: dict[int, str] = {}
        self._kept: list[object] = []
        #: How many objects have been called by a name: the second `Account.lock` is "Account.lock #2".
        self._uses: dict[str, int] = {}
        #: The names of objects in memory, by their owners' names; and by number, the steps that came before the name was known.
        self._names: dict[Owner, str] = {}
        self._unnamed: dict[int, str] = {}
        #: By owners' names, what the source calls containers that no access has named.
        self._guesses: dict[Owner, str] = {}
        self._rows: list[tuple[LogicalThread, Operation, str, str, tuple[Frame, ...]]] = []

    def observe(self, thread: LogicalThread, operation: Operation, seen: tuple[Any, Any]) -> None:
        """Note the event that was just appended."""
        owner, value = seen
        place = self._place(operation, owner)
        text = value if operation.kind not in MEMORY and type(value) is str else show(value)
        if operation.kind in MEMORY and value is not UNKNOWN and type(value) not in _SCALARS:
            self._learn(value, place)
        self._rows.append((thread, operation, place, text, stack_of(sys._getframe(1))))

    def label(self, obj: object, default: str) -> str:
        """Return what the program calls an object, as far as it was seen."""
        obj = _known_to_the_program(obj)
        known = self._labels.get(id(obj))
        return f"{default} {known!r}" if known else default

    def _learn(self, value: object, place: str) -> None:
        if id(value) not in self._labels and place:
            uses = self._uses[place] = self._uses.get(place, 0) + 1
            self._labels[id(value)] = place if uses == 1 else f"{place} #{uses}"
            self._kept.append(value)
            inner = vars(value).get("_lock") if type(value) is Condition else None
            if inner is not None:
                # The lock that a condition made for itself has no other name.
                self._labels.setdefault(id(inner), self._labels[id(value)])

    def _place(self, operation: Operation, owner: Any) -> str:
        if owner is None:
            return ""
        if operation.kind not in MEMORY:
            return self.label(owner, _kind_of(owner))
        if not operation.accesses:
            return ""
        field = operation.accesses[0].field
        name = self._labels.get(id(owner))
        tp = type(owner)
        if tp is CellType:
            return operation.site.name or "variable"
        if isinstance(field, str):
            if tp is dict:
                return f"{owner.get('__name__', 'globals')}.{field}"
            return f"{_NAME(owner if issubclass(tp, type) else tp)}.{field}"
        if name is None:
            name = self._unnamed[len(self._rows)] = self._guess(operation.accesses[0].owner, operation.site) or type(owner).__name__
        else:
            self._names[operation.accesses[0].owner] = name
        if isinstance(field, tuple) and len(field) == 2 and field[0] == "[]":
            return f"{name}[{show(field[1], 1)}]"
        return name if field is WHOLE else f"{name} (size)"

    def _guess(self, owner: Owner, site: Site) -> str:
        """Return what the source calls a container, where it was first met."""
        if owner not in self._guesses and owner[-1] != "File" and (said := container_at(site)):
            uses = self._uses[said] = self._uses.get(said, 0) + 1
            self._guesses[owner] = said if uses == 1 else f"{said} #{uses}"
        return self._guesses.get(owner, "")

    def steps(self) -> list[Step]:
        """Return the steps, with those marked that touch what another thread touches in a conflicting way."""
        touched: dict[Any, dict[Any, list[int]]] = {}
        for thread, operation, *_ in self._rows:
            for owner, field, mode in operation.accesses or ():
                record = touched.setdefault(owner, {}).setdefault(field, [0, 0])
                record[mode] |= thread.bit
        for index, name in self._unnamed.items():
            # What an object is called may be seen only after it was touched.
            thread, operation, place, text, stack = self._rows[index]
            known = self._names.get((operation.accesses or ())[0].owner)
            if known:
                self._rows[index] = (thread, operation, known + place.removeprefix(name), text, stack)
        frame_of = cache(lambda site: Frame(site.file, site.line, site.function))
        found = []
        for index, (thread, operation, place, text, stack) in enumerate(self._rows):
            where, is_shared = frame_of(operation.site), _is_shared(thread, operation, touched)
            found.append(Step(index, thread.tid, operation.kind, sys.intern(place), text, where, is_shared, stack, operation.accesses))
        return found


def _known_to_the_program(obj: object) -> Any:
    """Return what the program knows of something that is waited for: a primitive, rather than what stands in for it."""
    resources = getattr(obj, "resources", None)
    if resources:
        # What a task waits for (see `event_loop.actors`).
        obj = resources[-1]
    if type(obj).__module__.startswith("interleave.") and not hasattr(obj, "holder"):
        return getattr(obj, "condition", None) or getattr(obj, "queue", None)
    return obj


def _kind_of(obj: object) -> str:
    if isinstance(obj, LogicalThread):
        return f"thread {obj.info.name!r}"
    if (actor := getattr(obj, "_actor", None)) is not None:
        return f"task {actor.thread.info.name!r}"
    inner = getattr(obj, "condition", None) or getattr(obj, "semaphore", None) or getattr(obj, "queue", None)
    if type(obj).__module__.startswith("interleave.") and inner is not None:
        return type(inner).__name__
    return type(obj).__name__


def _is_shared(thread: LogicalThread, operation: Operation, touched: dict[Any, dict[Any, list[int]]]) -> bool:
    """Tell whether an operation conflicts with one of another thread in the same execution."""
    if operation.accesses is None:
        return True
    for owner, field, mode in operation.accesses:
        fields = touched[owner]
        rivals = fields.values() if field is WHOLE else [fields[field], fields.get(WHOLE, [0, 0])]
        for readers, writers in rivals:
            if (readers | writers if mode else writers) & ~thread.bit:
                return True
    return False
