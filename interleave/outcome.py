"""How an execution ended, and its steps as a reader sees them: data for detectors and reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FailureKind = Literal["assertion", "exception", "deadlock", "stuck", "livelock", "nondeterminism", "race"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a stack, innermost last in lists of them."""

    file: str
    line: int
    function: str
    #: Whether the frame belongs to code in scope (what the user wrote or included).
    is_user: bool = True


@dataclass(frozen=True, slots=True)
class Held:
    """One resource that a logical thread holds."""

    resource: str
    where: Frame | None


@dataclass(frozen=True, slots=True)
class Blocked:
    """One unfinished logical thread at the end of an execution, and why it cannot go on.

    `resource` names what it waits for; `holders` are the tids that could give it (a lock's owner, the thread to
    be joined), empty where it is not known who would; `needs` says in words what would have released it.
    """

    tid: int
    thread: str
    kind: str
    resource: str
    holders: tuple[int, ...]
    needs: str
    where: Frame
    stack: tuple[Frame, ...] = ()
    holds: tuple[Held, ...] = ()
    is_daemon: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a trace as a reader sees it; made only when an execution is run in detail."""

    index: int
    tid: int
    kind: str
    #: What was touched: "LRUCache.hits", "lock 'Account.lock'", ...; empty where nothing is.
    place: str
    #: Short text of the value read or written, empty where unknown.
    value: str
    where: Frame
    #: Whether this step conflicts with a step of another thread in the same execution.
    is_shared: bool
    #: Innermost last, frames of ours left out.
    stack: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a failing execution ended.

    `signature` tells failures apart: two executions with equal signatures fail in the same way. `error` is the exception of
    an "assertion" or "exception", with its traceback; `traceback` is that as text, trimmed to the user's frames.
    """

    kind: FailureKind
    message: str
    signature: tuple[str, ...]
    tid: int = 0
    where: Frame | None = None
    error: BaseException | None = None
    traceback: str = ""
    blocked: tuple[Blocked, ...] = ()
    #: Tids on a cycle of the wait-for graph, in order; empty if there is none.
    cycle: tuple[int, ...] = ()
