"""How an execution ended, its steps as a reader sees them, and counts over many: data for detectors and reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

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
    is_task: bool = False

    @property
    def itself(self) -> str:
        """Say how what it waits for is its own affair, where it is."""
        return "which gets a result only if it goes on" if self.resource.startswith("Future") else "which it holds itself"

    def keeps_loop_of(self, other: Blocked) -> bool:
        """Tell whether another one cannot step since this one blocks its event loop."""
        return other.resource == "the event loop" and self.tid in other.holders


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
    #: The `model.Access`es of the operation; None where they are not known.
    accesses: tuple[Any, ...] | None = None


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
    #: What a failure of kind "race" is about.
    race: Race | None = None
    #: Of a "nondeterminism": what an execution changed that the next one finds, one sentence for each variable.
    changed: tuple[str, ...] = ()


Severity = Literal["harmful", "possible", "benign"]


@dataclass(frozen=True, slots=True)
class RaceAccess:
    """One access that takes part in a race; `mode` is "reads" or "writes", `locks` are those that the thread held."""

    tid: int
    thread: str
    mode: str
    value: str
    file: str
    line: int
    function: str
    locks: tuple[str, ...] = ()

    @property
    def where(self) -> Frame:
        """Return the line that makes it."""
        return Frame(self.file, self.line, self.function)


@dataclass(frozen=True, slots=True)
class Race:
    """Accesses of two logical threads to one place whose order nothing determines.

    `kind` is "unserializable" where an access came between two of another thread's so that no order of the two threads, one after the
    other, would have the same effect; `pattern` then says which, in order ("read-write-write" is a lost update). It is
    "unsynchronised" where two accesses only are not ordered. `severity` is "harmful" if an update was overwritten by another value,
    "benign" for a known idiom, which `reason` names, else "possible". `accesses` come in the order in which they happened in
    the execution of `seed`.
    """

    kind: Literal["unserializable", "unsynchronised"]
    pattern: str
    severity: Severity
    place: str
    message: str
    accesses: tuple[RaceAccess, ...]
    #: What tells races apart: the place and the lines.
    key: tuple[str, ...]
    seed: str = ""
    reason: str = ""
    #: Number of executions made when it was first seen.
    executions: int = 0
    replay_command: str = ""


@dataclass(frozen=True, slots=True)
class LockStep:
    """One side of a lock-order inversion: a thread takes `inner` while it holds `outer`."""

    tid: int
    thread: str
    outer: str
    outer_at: Frame
    inner: str
    inner_at: Frame


@dataclass(frozen=True, slots=True)
class Inversion:
    """Locks that threads take in orders which form a cycle: a deadlock that did not happen in the execution of `seed`.

    `is_confirmed` says that an execution was led into the deadlock, which then is among the failures, too.
    """

    steps: tuple[LockStep, ...]
    message: str
    key: tuple[str, ...]
    is_confirmed: bool = False
    seed: str = ""
    executions: int = 0


GilVerdict = Literal["possible", "not seen", "impossible"]


class UnderGil(NamedTuple):
    """Whether a failure found at the granularity of free-threaded Python can happen under the GIL of this interpreter.

    "possible" if a schedule of this granularity fails in the same way, "impossible" if every one was run and none does, else "not seen".
    `executions` is the number of executions made to find out.
    """

    verdict: GilVerdict
    executions: int


@dataclass(frozen=True, slots=True)
class Value:
    """A value that was read or written, as far as values can be compared between executions without running code of the program.

    `content` is equal for equal plain data; `owner` names an object that can change. Either may be None, not both.
    """

    text: str
    content: Any
    owner: Any


#: In place of a task that is woken: the step counts for a group whose last one wakes it.
GROUP: Final = -2


@dataclass(slots=True)
class Witness:
    """What race detection needs to know of each event besides the event itself, by position in the trace."""

    #: The locks that the thread held when it made the operation, as a bit mask.
    held: list[int]
    #: Values read or written; empty unless the execution was run in detail.
    values: list[Value | None]
    #: Positions of waits that gave up.
    timed_out: set[int]
    #: Positions of operations on queues that can be full.
    bounded: set[int]
    #: In detailed runs, the operations recorded, those within the steps of tasks too; `held` and `values` go by these.
    rows: list[tuple[int, Any]] = field(default_factory=list)
    #: How many were recorded when a step made a task ready, the tid of who did, and that of the task; or `GROUP`, if it only counted.
    wakes: list[tuple[int, int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ConflictPair:
    """Two accesses to a place, by two threads, of which one writes: `first` came before `second`, and with `is_both` also after.

    `place` is of the kind "Account.balance", keys left out; `first` and `second` are "file:line", each with the kind of operation.
    """

    place: str
    first: str
    first_kind: str
    second: str
    second_kind: str
    is_both: bool


@dataclass(slots=True)
class Statistics:
    """Counts over one exploration: what was executed, how different it was, and how far a search came."""

    #: Operations executed, all executions together.
    steps: int = 0
    #: Most operations in one execution.
    longest: int = 0
    #: Most logical threads in one execution.
    threads: int = 0
    switches: int = 0
    preemptions: int = 0
    #: Executions of a reduction in which, at some point, all that could go on had been explored already. Two of one class that nobody can
    #: tell to be of one, because an operation touches more in some states (`dict.setdefault`, see `dpor`), are not counted.
    redundant: int = 0
    #: Executions made to simplify and re-verify failures.
    shrinking: int = 0
    #: Executions made to look for races, and of those the ones that tried what a race foretold.
    looks: int = 0
    tries: int = 0
    #: Executions that a search has made, and an estimate of how many were left when it stopped (see `estimate`); -1 is not known.
    searched: int = 0
    left: int = -1
    #: All schedules with at most so many preemptions, at the scheduling points known, were run by a search that was stopped; -1 is none.
    bound_done: int = -1
    #: Executions whose class was counted (see `classes`), how many classes they were of, and the estimated probability that another
    #: execution of the strategy is of a class not among these; -1 is not known, 0 where every schedule was run.
    classed: int = 0
    classes: int = 0
    unseen: float = -1.0
    #: Executions looked at for pairs of conflicting accesses, and the pairs.
    looked: int = 0
    pairs: tuple[ConflictPair, ...] = ()
    #: Of PCT: for a failure that needs `depth` ordering constraints, the least probability that one execution meets it, and that one of all
    #: those does that were made since the longest one; 0 is not known.
    depth: int = 0
    chance: float = 0.0
    chance_of_all: float = 0.0
    #: Executions by the name of the strategy that made them, where several take turns.
    shares: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
