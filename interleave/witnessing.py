"""What race detection wants to know of an execution, recorded while it runs: locks held, waits that gave up, values that can be compared.

The locks held come from the kernel, which keeps them anyway; so a run that is only looked at costs little more than one without. Values are
recorded in detailed runs only, next to what a reader wants to know (`recording`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from interleave.model import MEMORY, Operation, Owner, Value, Witness
from interleave.recording import Recorder, show
from interleave.runtime import UNKNOWN
from interleave.runtime.threads import LogicalThread

_SCALARS = frozenset({int, float, bool, str, bytes, complex, type(None)})
_FIXED = frozenset({tuple, frozenset})
_CONTAINERS = frozenset({list, dict, set})
#: Containers are compared by content down to this depth, and up to this many items each.
_DEPTH = 4
_MOST_ITEMS = 100


class Watcher:
    """Makes the `Witness` of one execution; `name` returns the stable name of an object, None if it has none."""

    def __init__(self, name: Callable[[object], Owner | None], recorder: Recorder | None) -> None:
        self.witness = Witness([], [], set(), set())
        self._name = name
        self._recorder = recorder

    def woke(self, tid: int, target: int) -> None:
        """Note that the next step of a task follows from the one under way."""
        self.witness.wakes.append((len(self.witness.held), tid, target))

    def observe(self, thread: LogicalThread, operation: Operation, seen: tuple[Any, Any]) -> None:
        """Note the event that was just appended."""
        resource, value = seen
        witness = self.witness
        if operation.kind not in MEMORY:
            if value == "timed out":
                witness.timed_out.add(len(witness.held))
            elif operation.kind == "put" and getattr(resource, "maxsize", 0) > 0:
                witness.bounded.add(len(witness.held))
            value = UNKNOWN
        witness.held.append(thread.held)
        if self._recorder is not None:
            self._recorder.observe(thread, operation, seen)
            witness.rows.append((thread.tid, operation))
            witness.values.append(self._value_of(value))

    def _value_of(self, value: Any) -> Value | None:
        if value is UNKNOWN:
            return None
        kind = type(value)
        content = content_of(value, _DEPTH)
        owner = None if kind in _SCALARS or (kind in _FIXED and content is not None) else self._name(value)
        return None if content is None and owner is None else Value(show(value), content, owner)


def content_of(value: Any, depth: int) -> Any:
    """Return something that is equal for values with equal plain data in them, None for all others; runs no code of the program."""
    kind = type(value)
    if kind in _SCALARS:
        return kind.__name__, repr(value)
    if not depth or not (kind in _FIXED or kind in _CONTAINERS) or len(value) > _MOST_ITEMS:
        return None
    parts = [content_of(part, depth - 1) for part in (value.items() if kind is dict else value)]
    if None in parts:
        return None
    return kind.__name__, tuple(sorted(parts, key=repr) if kind in (set, frozenset) else parts)
