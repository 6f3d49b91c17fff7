"""The primitives of asyncio: they run as they are, and say what they touch.

asyncio's locks, events, conditions, semaphores, barriers and queues are Python code over futures, and need no stand-ins. For two things
their methods are wrapped: a step that calls one touches the primitive, and a task that waits inside one touches it again in each step until
it is out; and who holds a lock is kept, for reports of deadlocks.
"""

from __future__ import annotations

import asyncio
from asyncio import base_events, events, locks, queues, streams
from collections.abc import Callable
from typing import Any

from interleave.event_loop.futures import enter, meet, noted
from interleave.event_loop.scheduler import COUNT, RESULT
from interleave.model import READ, STATE, WRITE, Site
from interleave.runtime import active, gate
from interleave.runtime.sites import current_site


class Holding:
    """A primitive that a task holds; kept beside it, for reports."""

    __slots__ = ("condition", "site", "tid")

    def __init__(self, primitive: Any, tid: int) -> None:
        #: What is held.
        self.condition = primitive
        self.tid = tid
        self.site = current_site() if gate.is_detailed else None

    def holder(self) -> int:
        """Return the tid of the task."""
        return self.tid

    def taken_at(self) -> Site | None:
        """Return where it was taken; known in detailed runs only."""
        return self.site


def holders_of(trap: Any, primitive: Any) -> tuple[int, ...]:
    """Return the tids of the tasks that hold a primitive."""
    return tuple(one.tid for one in trap.steps.held.get(id(primitive), ()))


def _meet(trap: Any, primitive: Any, mode: int) -> None:
    """Announce what a thread does to a primitive of another thread's loop, of any if it is not known yet whose it is."""
    if getattr(primitive, "_loop", None) is not None:
        meet(primitive, mode)
    elif trap.steps.loops and events._get_running_loop() is None:
        trap.step("put" if mode else "look", *trap.steps.loops, mode=mode)


def _plain(original: Any, mode: int, kind: str = "") -> Callable[..., Any]:
    """Wrap a method that never waits."""

    def method(self: Any, *args: Any, **options: Any) -> Any:
        trap = active()
        if trap is not None and trap.steps is not None:
            if gate.is_open and trap.steps.touched is None:
                _meet(trap, self, mode)
            trap.steps.enter_object(self, mode)
            if kind:
                trap.steps.tell(kind, self)
        return original(self, *args, **options)

    method.__qualname__ = getattr(original, "__qualname__", "method")
    return method


def _made(original: Any) -> Callable[..., None]:
    """Wrap a constructor: what one step has made has its name from there."""

    def construct(self: Any, *args: Any, **options: Any) -> None:
        trap = active()
        if trap is not None and trap.steps is not None:
            trap.steps.settle(self)
        original(self, *args, **options)

    return construct


def _waiting(original: Any, kind: str = "") -> Callable[..., Any]:
    """Wrap a method that may wait."""

    async def method(self: Any, *args: Any, **options: Any) -> Any:
        trap = active()
        if trap is None or trap.steps is None:
            return await original(self, *args, **options)
        trap.steps.enter_object(self, WRITE)
        if kind:
            trap.steps.tell(kind, self)
        actor = asyncio.get_running_loop().scheduler.ready.actor  # type: ignore[attr-defined]
        actor.resources.append(self)
        try:
            return await original(self, *args, **options)
        finally:
            actor.resources.remove(self)

    method.__qualname__ = original.__qualname__
    return method


def _taking(original: Any) -> Callable[..., Any]:
    """Wrap a method that may wait, and after which the task holds the primitive."""

    async def acquire(self: Any) -> Any:
        trap = active()
        if trap is None or trap.steps is None:
            return await original(self)
        steps = trap.steps
        if steps.touched is not None:
            steps.enter_object(self, WRITE)
        actor = trap.kernel.me.task or asyncio.get_running_loop().scheduler.ready.actor  # type: ignore[attr-defined]
        actor.resources.append(self)
        try:
            result = await original(self)
        finally:
            actor.resources.remove(self)
        if trap.teller is not None:
            steps.tell("acquire", self)
        steps.held.setdefault(id(self), []).append(Holding(self, trap.current))
        return result

    acquire.__qualname__ = original.__qualname__
    return acquire


def _giving(original: Any) -> Callable[..., Any]:
    """Wrap a method after which the task does not hold the primitive any more, or else whoever took it first."""

    def release(self: Any) -> Any:
        trap = active()
        if trap is not None and trap.steps is not None:
            steps = trap.steps
            if gate.is_open and steps.touched is None:
                _meet(trap, self, WRITE)
            if steps.touched is not None:
                steps.enter_object(self, WRITE)
            if trap.teller is not None:
                steps.tell("release", self)
            held = steps.held.get(id(self))
            if held and len(held) > 1:
                held.remove(next((one for one in held if one.tid == trap.current), held[0]))
            elif held:
                del steps.held[id(self)]
        return original(self)

    release.__qualname__ = original.__qualname__
    return release


_WAITING = (
    (locks.Event, "wait", "wait"), (locks.Condition, "wait", "wait"), (locks.Barrier, "wait", "wait"), (locks.Barrier, "reset", ""),
    (locks.Barrier, "abort", ""), (queues.Queue, "put", ""), (queues.Queue, "get", ""), (queues.Queue, "join", "wait"),
    *((streams.StreamReader, name, "") for name in ("read", "readline", "readexactly", "readuntil")),
    (base_events.Server, "wait_closed", "wait"), (base_events.Server, "serve_forever", ""),
)  # fmt: skip
_LOOKS = (
    (locks.Lock, "locked"), (locks.Event, "is_set"), (locks.Semaphore, "locked"),
    (queues.Queue, "qsize"), (queues.Queue, "empty"), (queues.Queue, "full"),
    (streams.StreamReader, "at_eof"), (streams.StreamReader, "exception"), (base_events.Server, "is_serving"),
    (asyncio.Handle, "cancelled"), (asyncio.Timeout, "expired"), (asyncio.Timeout, "when"),
    *((cls, "__repr__") for cls in (locks.Lock, locks.Event, locks.Semaphore, locks.Condition, locks.Barrier, asyncio.Timeout)),
    (queues.Queue, "__repr__"), (queues.Queue, "__str__"),
)  # fmt: skip
_CHANGES = (
    (locks.Event, "set", "set"), (locks.Event, "clear", "clear"), (locks.Condition, "notify", "notify"),
    (locks.Condition, "notify_all", ""), (queues.Queue, "put_nowait", "put"), (queues.Queue, "get_nowait", "get"),
    (queues.Queue, "task_done", "done"), (queues.Queue, "shutdown", ""),
    *((streams.StreamReader, name, "") for name in ("feed_data", "feed_eof", "set_exception")),
    *((base_events.Server, name, "") for name in ("close", "close_clients", "abort_clients")), (base_events.Server, "_start_serving", ""),
    (asyncio.Handle, "cancel", ""),
    *((asyncio.Timeout, name, "") for name in ("__aenter__", "__aexit__", "_on_timeout", "reschedule")),
)  # fmt: skip


def _adding(original: Any) -> Callable[..., Any]:
    """Wrap the method that adds a task to a group: who is not in it may come too late, when the last has ended or one has failed."""

    def create_task(self: Any, coro: Any, **options: Any) -> Any:
        me = asyncio.current_task()
        if me is not self._parent_task and not any(me is one for one in self._tasks):
            enter(self, WRITE, COUNT)
            if self._on_completed_fut is not None:
                enter(self._on_completed_fut, READ, RESULT)
        return original(self, coro, **options)

    return create_task


def _methods() -> dict[tuple[type, str], Any]:
    found: dict[tuple[type, str], Any] = {}
    cls: Any
    for cls, name, kind in _WAITING:
        found[cls, name] = _waiting(vars(cls)[name], kind)
    for cls, name in _LOOKS:
        found[cls, name] = _plain(vars(cls)[name], READ)
    for cls, name, kind in _CHANGES:
        if name in vars(cls):
            found[cls, name] = _plain(vars(cls)[name], WRITE, kind)
    for cls in (locks.Lock, locks.Event, locks.Condition, locks.Semaphore, locks.Barrier, queues.Queue, streams.StreamReader):
        found[cls, "__init__"] = _made(vars(cls)["__init__"])
    for cls in (locks.Lock, locks.Semaphore):
        found[cls, "acquire"] = _taking(vars(cls)["acquire"])
        found[cls, "release"] = _giving(vars(cls)["release"])
    for name in ("parties", "n_waiting", "broken"):
        getter = vars(locks.Barrier)[name].fget
        found[locks.Barrier, name] = property(noted(getter, READ, STATE))
    found[asyncio.TaskGroup, "create_task"] = _adding(asyncio.TaskGroup.create_task)
    for name in ("__aexit__", "_abort"):
        found[asyncio.TaskGroup, name] = noted(vars(asyncio.TaskGroup)[name], READ, COUNT)
    gathering = asyncio.tasks._GatheringFuture  # type: ignore[attr-defined]
    # The steps that count read what they count: they are in no conflict with each other, only with whoever looks.
    looks = ("result", "exception", "done", "cancelled")
    for name in (*looks, "__await__", "__iter__", "add_done_callback", "remove_done_callback", "cancel"):
        found[gathering, name] = noted(getattr(gathering, name), WRITE, COUNT)
    return found


#: What is exchanged for the time of an exploration.
METHODS: dict[tuple[type, str], Any] = _methods()
