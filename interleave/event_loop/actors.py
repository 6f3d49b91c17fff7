"""What an event loop schedules: one actor for each task, which is a logical thread, and one for all plain callbacks, its carrier.

An actor has a queue of handles. A task has at most one handle in it while it lives: its next step. After its end there may be
callbacks that commute with those of other tasks (see `callbacks`).
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections import deque
from gc import get_referents
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

from interleave.event_loop.callbacks import is_done, is_unseen
from interleave.model import NOWHERE, Frame, Operation, Site
from interleave.runtime import WaitQueue
from interleave.runtime.counting import is_counting
from interleave.runtime.fulfilling import contents_of, fulfillers, leads_to
from interleave.runtime.sites import site_of, stack_of
from interleave.runtime.threads import LogicalThread

#: How often a task may go on after a bare yield at one place before it lets all others go first.
_YIELDS = 16
#: How often before strategies are told that it yields.
_SUSPECT = 3
#: What each primitive waits for.
_NEEDS = {
    "Lock": "a release()",
    "Semaphore": "a release()",
    "BoundedSemaphore": "a release()",
    "Event": "a set()",
    "Condition": "a notify() or notify_all() after it began to wait",
    "Barrier": "the wait() of a missing party",
    "StreamReader": "data from the other end, or its end",
    "Server": "a close(), and the end of its connections",
}
_UNSEEN = "a call_soon_threadsafe(): what another thread does with what belongs to a loop does not wake it"
#: What the carrier announces where a plain callback is ready or due, and where none is.
CALLBACK = Operation("callback", None, NOWHERE)
NO_CALLBACK = Operation("callback", (), NOWHERE)
#: The same for timers that may fire early.
FIRE = Operation("fire", None, NOWHERE)
NO_FIRE = Operation("fire", (), NOWHERE)
#: Steps of unknown footprint, by the place at which they begin.
_steps: dict[Site, Operation] = {}


#: What is to be run: its number in the loop, its handle, and the number of the last one entered together with it, in a list. For the step
#: of a task there is no handle; its context, callback and arguments instead.
Entry = tuple[int, Any, Any, Any, tuple[Any, ...]]


class Actor:
    """A task as its event loop knows it. It is the `task` of its logical thread, and explains what it waits for."""

    __slots__ = ("barrier", "coro", "groups", "handles", "is_named", "last_yield", "loop", "queue", "resources", "task", "thread", "yields")

    def __init__(self, loop: Any, thread: LogicalThread, task: Any) -> None:
        self.loop = loop
        self.thread = thread
        #: The task; None for the actor of plain callbacks, and when it has ended.
        self.task = task
        self.coro = task.get_coro() if task is not None else None
        #: Where its thread waits when it has nothing to do; None if it is a wire, which waits for nobody.
        self.queue: WaitQueue | None = None
        #: What is to be run, in order.
        self.handles: deque[Entry] = deque()
        #: Whether the logical thread has the name that the task has had when it first stepped.
        self.is_named = task is None
        #: Its next step comes after this many plain callbacks.
        self.barrier = 0
        #: The primitives of asyncio that it is inside of, waiting.
        self.resources: list[Any] = []
        #: Where commuting callbacks have contributed to its being ready.
        self.groups: list[Any] = []
        #: How often it has yielded in a row, and where.
        self.yields = 0
        self.last_yield: Site | None = None

    def mailbox(self) -> object:
        """Return what is touched by whoever makes it ready."""
        return self.thread if self.task is None else self.task

    def site(self) -> Site:
        """Return where the task's own coroutine stands: enough to tell its steps apart."""
        frame = getattr(self.coro, "cr_frame", None)
        return site_of(frame) if frame is not None else NOWHERE

    def frames(self) -> tuple[Frame, ...]:
        """Return where the task stands, the outermost frame first."""
        return tuple(one for frame in _frames_of(awaited_by(self.task)) for one in stack_of(frame)[-1:])

    def is_counting(self) -> bool:
        """Tell whether the innermost loop that the task stands in is one over something."""
        return self.task is not None and is_counting(_frames_of(awaited_by(self.task))[::-1])

    def begun(self) -> tuple[bool, list[Any]]:
        """Tell what goes on when the task does, which is suspended in it: whether code of the program's that is out of scope does, of which
        nobody can say what it touches, and which asynchronous generators.
        """
        awaited = awaited_by(self.task)
        is_lost = any(is_unseen(frame.f_code) for frame in _frames_of(awaited))
        # Of an awaitable that is neither of these nor asyncio's own nobody knows what it does when it is stepped.
        is_lost |= any(type(one) not in _SUSPENDED and type(one).__name__ not in _SILENT for one in awaited)
        return is_lost, [one for one in awaited if type(one) is AsyncGeneratorType]

    def is_spinning(self) -> bool:
        """Note that the task has yielded with nothing to wait for; tell whether it has done so very often, and lets others go first."""
        if self.task is None or self.queue is None or is_done(self.task):
            return False
        site = self.site()
        self.yields = self.yields + 1 if site is self.last_yield else 1
        self.last_yield = site
        return self.yields > _YIELDS

    def announce_blocked(self) -> Operation:
        """Return what the task announces while it waits for something to make it ready: nothing that could come before anything else."""
        return Operation("step", (), self.site())

    def announce_step(self) -> Operation:
        """Return what a task that has not ended announces when its step may be next, as `announce_ready` does, made once for each site."""
        frame = getattr(self.coro, "cr_frame", None)
        site = site_of(frame) if frame is not None else NOWHERE
        if self.yields > _SUSPECT:
            return Operation("yield", None, site)
        return _steps.get(site) or _steps.setdefault(site, Operation("step", None, site))

    def announce_ready(self, before: Operation | None) -> Operation:
        """Return what the task announces when its step may be next; what it will touch is not known."""
        if self.task is not None and is_done(self.task):
            return Operation("count", None, NOWHERE)
        return Operation("yield" if self.yields > _SUSPECT else "step", None, before.site if before is not None else self.site())

    def provides(self, future: object) -> bool:
        """Tell whether the end of the task sets a future, as `run_coroutine_threadsafe`, `wait` and `TaskGroup` have it."""
        return any(leads_to(callback, (), future) for callback, _ in getattr(self.task, "_callbacks", None) or ())

    # -- for reports -----------------------------------------------------------------------------------------

    def explain(self, kind: str) -> tuple[str, tuple[int, ...], str]:
        """Say what the task waits for, who could provide it, and how."""
        scheduler = self.loop.scheduler
        if self.handles:
            return "the event loop", (scheduler.running.tid,), "a step that comes to an end"
        awaited = getattr(self.task, "_fut_waiter", None)
        # Whoever it is for: the loop would go on with that.
        is_late = bool(scheduler.ready.unseen) or scheduler.timers.are_unseen()
        if self.resources:
            resource = self.resources[-1]
            name = type(resource).__name__
            return name, self.loop.holders_of(resource), _UNSEEN if is_late else _NEEDS.get(name) or _needs_of(resource, awaited)
        if awaited is None or is_late:
            return ("Future", (), _UNSEEN) if is_late else ("nothing", (), "anything")
        return self._explain_future(awaited)

    def _explain_future(self, awaited: Any) -> tuple[str, tuple[int, ...], str]:
        children = [one for one in getattr(awaited, "_children", ()) if not is_done(one)]
        futures = [source for one in (children or [awaited]) for source in (one, *_sources_of(one))]
        tasks = [one for one in futures if isinstance(one, asyncio.Task)]
        tids = tuple(self.loop.scheduler.tid_of(one) for one in tasks)
        if len(tasks) == 1:
            name = tasks[0].get_name()
            return f"task {name!r}", tids, f"the end of {name!r}"
        if tasks:
            return f"{len(tasks)} tasks", tids, "their end"
        return "Future", fulfillers(self.loop._trap, futures), "a set_result() or set_exception()"


def _sources_of(future: Any) -> list[Any]:
    """Return the futures of `concurrent.futures` whose results a future is to get."""
    contents = [one for callback, _ in getattr(future, "_callbacks", None) or () for one in contents_of(callback)]
    return [one for one in contents if isinstance(one, concurrent.futures.Future)]


def _needs_of(resource: Any, awaited: object) -> str:
    """Say what a task needs that is inside a queue of asyncio or a subclass."""
    if awaited in getattr(resource, "_getters", ()):
        return "a put()"
    if awaited in getattr(resource, "_putters", ()):
        return "a get() that makes room"
    return "task_done() for every item" if isinstance(resource, asyncio.Queue) else "what it waits for"


def _frames_of(awaited: list[Any]) -> list[Any]:
    """Return the frames of what a task awaits."""
    frames = (next(filter(None, (getattr(one, f"{kind}_frame", None) for kind in _KINDS)), None) for one in awaited)
    return [frame for frame in frames if frame is not None]


def awaited_by(task: Any) -> list[Any]:
    """Return what a task that is suspended has called and awaits, the outermost first."""
    found = []
    awaited = task.get_coro() if task is not None else None
    while awaited is not None:
        found.append(awaited)
        if type(awaited) is CoroutineType:
            awaited = awaited.cr_await
        elif type(awaited).__name__ in _STEPPERS:
            # What steps another does not tell which, except to the garbage collector.
            parts = [one for one in get_referents(awaited) if type(one) in _SUSPENDED or type(one).__name__ in _STEPPERS]
            awaited = parts[0] if parts else None
        else:
            awaited = getattr(awaited, "ag_await", None) or getattr(awaited, "gi_yieldfrom", None) or getattr(awaited, "cr_await", None)
    return found


_KINDS = ("cr", "ag", "gi")
_SUSPENDED = frozenset({CoroutineType, GeneratorType, AsyncGeneratorType})
_STEPPERS = frozenset({"async_generator_asend", "async_generator_athrow", "anext_awaitable", "coroutine_wrapper"})
_SILENT = _STEPPERS | {"FutureIter"}


class Carrier:
    """What the thread of an event loop waits for when no plain callback is ready."""

    __slots__ = ("loop",)

    #: What it announces may be another thing, depending on who looks.
    waits_as = "callback"

    def __init__(self, loop: Any) -> None:
        self.loop = loop

    def explain(self, kind: str) -> tuple[str, tuple[int, ...], str]:
        """Say for which task the event loop runs."""
        scheduler = self.loop.scheduler
        task = scheduler.main
        running = scheduler.running.task
        if (task is None or is_done(task)) and running is not None and running.queue is not None:
            # It blocks where the loop performs its step.
            task = running.task
        if task is None or is_done(task):
            return "event loop", (), _UNSEEN if scheduler.stopped_by >= 0 or scheduler.ready.unseen else "a callback"
        tid = scheduler.tid_of(task)
        return f"task {task.get_name()!r}", (tid,) if tid >= 0 else (), f"the end of {task.get_name()!r}"
