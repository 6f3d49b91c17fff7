"""Puts our event loop where programs ask for one, and takes it away again.

`asyncio.run`, `Runner` and `new_event_loop` all ask the policy, which is asked here. A loop that the program makes by itself, or has made
before, would wait for real: it refuses to run in a logical thread. Everything is undone afterwards.
"""

from __future__ import annotations

import asyncio
from asyncio import events, tasks
from collections.abc import Callable, Iterable
from typing import Any

from interleave.errors import NotControlled
from interleave.event_loop import primitives
from interleave.event_loop.loop import EventLoop
from interleave.event_loop.plain import Exchanged
from interleave.event_loop.running import Hidden
from interleave.runtime import active

_policy: Any = vars(events)["BaseDefaultEventLoopPolicy"]


def _new_event_loop(self: Any) -> Any:
    if active() is None:
        return _originals[_policy, "new_event_loop"](self)
    return EventLoop()


def _run_forever(self: Any) -> None:
    if active() is not None and not isinstance(self, EventLoop):
        raise NotControlled(
            f"{type(self).__name__} is an event loop that would wait for real.\n"
            "Let asyncio make the loop, inside the scenario: asyncio.run(...), or asyncio.new_event_loop()."
        )
    _originals[asyncio.BaseEventLoop, "run_forever"](self)


class _Ordered(set[Any]):
    """A set that is gone through in the order of insertion: coroutines have no hash but their address."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = dict.fromkeys(items)
        super().__init__(self._items)

    def __iter__(self) -> Any:
        return iter(self._items)


def _make_set(*items: Iterable[Any]) -> set[Any]:
    """Stand in for `set` in `asyncio.tasks`, where `as_completed` makes tasks in the order of one."""
    return _Ordered(*items) if items and active() is not None else set(*items)


_METHODS: dict[tuple[type, str], Any] = {
    (_policy, "new_event_loop"): _new_event_loop,
    (asyncio.BaseEventLoop, "run_forever"): _run_forever,
    **primitives.METHODS,
}
_originals: dict[tuple[Any, str], Any] = {key: vars(key[0]).get(key[1]) for key in _METHODS}


class AsyncioTakeover:
    """The exchange for one exploration; `made_since` returns objects made since the last, if anybody can tell."""

    def __init__(self, made_since: Callable[[], list[Any] | None]) -> None:
        self._hidden = Hidden()
        # Made when first asked for, under a lock: it must not be the first execution that does.
        asyncio.get_event_loop_policy()
        vars(tasks)["set"] = _make_set
        self._exchanged = Exchanged(_METHODS, made_since)

    def undo(self) -> None:
        """Put everything back."""
        self._exchanged.restore()
        vars(tasks).pop("set", None)
        self._hidden.restore()
