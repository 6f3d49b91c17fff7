"""The logical thread: what the kernel schedules; and who is told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from interleave.model import Operation, Outcome, ThreadInfo
from interleave.runtime import WaitQueue

#: Seconds by which the first look at the clock moves it.
FIRST_TICK = 1e-6


class LogicalThread:
    """One schedulable thread of one execution. Plain slots: the hot path reads them."""

    __slots__ = (
        "bit", "body", "carrier", "children", "deadline", "ended", "exit_queue", "fiber", "handle", "held", "info", "is_finished",
        "is_joined", "is_timed_out", "locals", "name", "named", "path", "queue", "resource", "task", "tick", "tid",
    )  # fmt: skip

    def __init__(self, info: ThreadInfo, body: Callable[[], object]) -> None:
        self.info = info
        self.tid = info.tid
        self.path = info.path
        #: As an owner of places (see model.Owner).
        self.name = (info.path, -1, "thread")
        self.bit = 1 << info.tid
        self.body = body
        #: The locks it holds, as a bit mask; a lock's bit is its number in this execution.
        self.held = 0
        #: How many threads it has spawned, and how many objects are named after it.
        self.children = 0
        #: How many objects it has named, by type: whether it is the first to see one of another type makes no difference to those.
        self.named: dict[str, int] = {}
        #: The greenlet it runs in; None before its first step and after its last.
        self.fiber: Any = None
        #: Where it waits and for what, while its announced operation is a blocking one.
        self.queue: WaitQueue | None = None
        self.resource: Any = None
        #: Its entry in the heap of deadlines; an entry that is not the thread's current one is stale.
        self.deadline: list[Any] | None = None
        self.is_timed_out = False
        #: Opened when it ends.
        self.exit_queue = WaitQueue()
        self.is_finished = False
        #: The moment of its end.
        self.ended = -1
        self.is_joined = False
        #: Its thread-local values while it is not running (see `thread_state`).
        self.locals: Any = None
        self.tick = FIRST_TICK
        #: The object that the program knows it by, if any.
        self.handle: Any = None
        #: The tid of the thread whose OS thread it runs in: its own, or for a task that of the thread that runs the event loop.
        self.carrier = info.tid
        #: For a task of asyncio, what its event loop knows of it (see `tasks.Described`).
        self.task: Any = None

    def explain(self, kind: str) -> tuple[str, tuple[int, ...], str]:
        """Say what a thread that joins this one waits for."""
        return f"thread {self.info.name!r}", (self.tid,), f"the end of {self.info.name!r}"


def child_of(parent: LogicalThread | None, tid: int, name: str, is_daemon: bool, body: Callable[[], object]) -> LogicalThread:
    """Make a logical thread and name it after its parent; None makes the first one."""
    if parent is None:
        return LogicalThread(ThreadInfo(tid, (0,), name, -1, is_daemon), body)
    path = (*parent.path, parent.children)
    parent.children += 1
    return LogicalThread(ThreadInfo(tid, path, name, parent.tid, is_daemon), body)


class Unwind(BaseException):
    """Unwinds an unfinished logical thread at the end of an execution; never seen outside."""


#: Told of an event, with the object it is about and the value read or written.
Observer = Callable[[LogicalThread, Operation, Any], None]


class Judge(Protocol):
    """What decides how an execution ended; called in the hub, before anything is unwound."""

    def raised(self, thread: LogicalThread, error: BaseException) -> Outcome | None: ...

    def blocked(self, kernel: Any) -> Outcome | None: ...

    def runaway(self, kernel: Any) -> Outcome | None: ...
