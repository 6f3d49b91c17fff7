"""The vocabulary: what an execution is made of, as data.

A *scenario* is run in one *execution* after another. Its *logical threads* announce *operations*; where more than
one of them is enabled, the *strategy* makes a *choice*. What was executed is a list of *events*, what was chosen is a
*schedule*. An event is the pair `(tid, operation)`: operations are announced before they happen, and become events
in the order in which they happen.

Identity is never `id()`. Three names are used instead, all functions of the program and the schedule alone:

* `tid`: small integer of a logical thread in one execution, in order of spawning; the scenario itself is 0.
  `ThreadInfo.path` names the same thread whatever the order of spawning was: (0,) is the scenario, (0, 2) the third
  thread it spawned, (0, 2, 0) the first one spawned by that.
* an owner (`Owner`): the object that a place belongs to, named by the path of the thread that first published it
  and a number in that thread.
* a site (`Site`): a place in the source.

**The conflict relation** is `conflict(a, b)`, here and nowhere else: partial-order reduction, the samplers that weigh
races, and the race detectors all ask it.

How an execution ended is in `outcome.py`, what an exploration found in `result.py`. None of these modules runs or decides anything.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Final, NamedTuple, Protocol

from interleave.outcome import Blocked as Blocked
from interleave.outcome import ConflictPair as ConflictPair
from interleave.outcome import FailureKind as FailureKind
from interleave.outcome import Frame as Frame
from interleave.outcome import GilVerdict as GilVerdict
from interleave.outcome import Held as Held
from interleave.outcome import Inversion as Inversion
from interleave.outcome import LockStep as LockStep
from interleave.outcome import Outcome as Outcome
from interleave.outcome import Race as Race
from interleave.outcome import RaceAccess as RaceAccess
from interleave.outcome import Severity as Severity
from interleave.outcome import Statistics as Statistics
from interleave.outcome import Step as Step
from interleave.outcome import UnderGil as UnderGil
from interleave.outcome import Value as Value
from interleave.outcome import Witness as Witness

#: A stable name of an object: (path of the logical thread that first published it, serial number there, type name).
Owner = tuple[Any, ...]


class Site:
    """One place in the source from which operations are announced.

    Sites are made once per instruction and shared by all executions. `is_point` is the one mutable fact about
    them: whether an access from here has ever been in conflict, so that sampling strategies should consider a
    switch before it (see `runtime.kernel`).
    """

    __slots__ = ("code", "file", "function", "is_point", "line", "module", "name", "span")

    def __init__(
        self,
        file: str,
        line: int,
        function: str,
        module: str = "",
        name: str = "",
        span: tuple[int, int, int, int] | None = None,
        code: CodeType | None = None,
    ) -> None:
        self.file = file
        self.line = line
        self.function = function
        self.module = module
        #: Attribute, variable or method name at this site, empty for subscripts and the like.
        self.name = name
        #: (first line, last line, first column, last column) in the source, columns in UTF-8 bytes from 0.
        self.span = span
        self.code = code
        self.is_point = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def __repr__(self) -> str:
        return f"<Site {self.file}:{self.line} in {self.function}>"

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the code object: for another process.
        return Site, (self.file, self.line, self.function, self.module, self.name, self.span)


NOWHERE: Final = Site("<unknown>", 0, "<unknown>")


class _Marker:
    """A field name that no program can produce."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def __reduce__(self) -> str:
        # It is the only one of its name.
        return self.text


#: Field of an access to everything in an object: iteration, `clear`, a method of an unknown C type.
WHOLE: Final = _Marker("WHOLE")
#: Field of what `len` sees and insertion and removal change: which keys or indices there are.
SHAPE: Final = _Marker("SHAPE")
#: Field of the state of a lock, queue, event or other primitive.
STATE: Final = _Marker("STATE")
#: Fields of the two ends of a queue or semaphore, where they are told apart: what giving writes, and what taking writes.
TAIL: Final = _Marker("TAIL")
HEAD: Final = _Marker("HEAD")
#: Field of what several have to contribute before somebody is woken: each of them reads it, and the step of who is woken writes it.
WAKE: Final = _Marker("WAKE")

READ: Final = 0
WRITE: Final = 1
#: The kinds of operations on memory, by mode.
MEMORY: Final = ("read", "write")


class Access(NamedTuple):
    """One read or write of one place: `field` is an attribute or variable name, a key or index, or one of `WHOLE`, `SHAPE`, `STATE`."""

    owner: Owner
    field: Hashable
    mode: int


class Operation(NamedTuple):
    """One visible step that a logical thread announces before it happens.

    Kinds: "read", "write" (memory); "acquire", "release", "try" (locks; "try" never blocks); "wait", "wake" (halves of a blocking wait),
    "notify", "set", "clear", "put", "get", "done" (primitives); "spawn", "join", "exit" (threads; `target` is the tid of the other one);
    "sleep", "time", "yield", "choose", "dereference" (weak references); "step" (of a task), "count" (a step that contributes to a `WAKE`),
    "callback", "timer", "fire", "resume", "suspend" (event loops, see `runtime.tasks`). Without accesses it conflicts with nothing;
    `spawn`, `exit` and `join` order events through `target` only. `accesses is None` means that the footprint is unknown.
    """

    kind: str
    accesses: tuple[Access, ...] | None
    site: Site
    target: int = -1


Event = tuple[int, Operation]


def fields_overlap(one: Hashable, other: Hashable) -> bool:
    """Tell whether two fields of one owner can be the same storage."""
    return one is WHOLE or other is WHOLE or one == other


def conflict(one: Operation, other: Operation) -> bool:
    """Tell whether swapping two neighbouring operations of different threads could change anything.

    They conflict if they touch the same place and at least one writes it, or if the footprint of either is unknown.
    """
    if one.accesses is None or other.accesses is None:
        return True
    for owner, name, mode in one.accesses:
        for owner2, name2, mode2 in other.accesses:
            if (mode or mode2) and owner == owner2 and fields_overlap(name, name2):
                return True
    return False


class Deviation(NamedTuple):
    """One choice that differs from the default one.

    `moment` counts the announcements made so far in the execution (all of them, whether or not anything could be
    chosen there); `pick` is the tid chosen, or the index of the value chosen.
    """

    moment: int
    pick: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """The choices of one execution.

    The default choice is to go on with the current logical thread where it is enabled, else the enabled one with the lowest
    tid, and of several values the first. A schedule lists the deviations from that, in order of `moment`. `length` is
    the number of moments of the whole execution (0: not known). `prints` holds 4 bits per block of moments, by which a replay
    notices where the program did something else; see `schedule.py`.
    """

    deviations: tuple[Deviation, ...] = ()
    length: int = 0
    prints: bytes = b""


class Point(Protocol):
    """What a strategy sees where it has to choose. Valid during the call of `choose` only."""

    #: Bit mask of the tids that may be chosen; bit `t` stands for tid `t`. At least two bits are set,
    #: unless `values` is not 0 or the strategy wants every access.
    enabled: int
    #: The tid of the logical thread that announces; it is not in `enabled` if it blocked or finished.
    current: int
    #: The default choice.
    default: int
    #: Number of announcements made so far in this execution.
    moment: int
    #: 0 where a logical thread is chosen; n where one of n values, 0 to n-1, is.
    values: int

    @property
    def pending(self) -> Sequence[Operation | None]:
        """By tid: the operation announced and not yet executed, None for a finished thread."""
        ...

    @property
    def threads(self) -> Sequence[ThreadInfo]:
        """By tid."""
        ...

    @property
    def events(self) -> Sequence[Event]:
        """Everything executed so far that the strategy wanted to know of."""
        ...


class Strategy(Protocol):
    """What makes the choices; the only interface between search and control.

    Contract: `begin`, then any number of `choose`, then `end`, again and again. `choose` returns a tid of
    `point.enabled` or, where `point.values` is not 0, an index below it. `begin` returns False when there is nothing
    left to run; then the whole space that `scope` describes was covered.

    What derives from this class gets the defaults that stand here: those of a sampler that learns nothing.
    """

    #: Whether `choose` is wanted at every operation, also where an access has never been in conflict or only one
    #: logical thread is enabled.
    every_access: bool = False
    #: Whether each atomic block of accesses is to be one event at the granularity of the GIL (see `runtime.blocks`), and the kinds of
    #: objects whose two ends are to be told apart (see `runtime.ends`).
    joins_blocks: bool = False
    parted: frozenset[str] = frozenset()
    #: What `begin() == False` means, in words that complete "proven for ..."; empty if it proves nothing.
    scope: str = ""
    #: How many executions of a search turned out to repeat others.
    redundant: int = 0

    @property
    def is_searching(self) -> bool:
        """Tell whether the execution under way is one of a search, as against one of a sampler."""
        return bool(self.scope)

    def begin(self) -> bool:
        """Prepare the next execution; tell whether there is one."""
        return True

    def choose(self, point: Point) -> int:
        """Return what happens next."""
        ...

    def end(self, trace: Trace) -> None:
        """Learn from an execution."""
        return

    def resume(self, executions: int | None) -> None:
        """Go on in another process, where scheduling points are not known yet, with a budget of so many executions more."""
        return


@dataclass(slots=True)
class ThreadInfo:
    """What is known of one logical thread of an execution. Written by the kernel only."""

    tid: int
    path: tuple[int, ...]
    name: str
    parent: int
    is_daemon: bool = False


class Late(NamedTuple):
    """Deadlines that were reached: after how many events, the mask of the tids, and whether nothing else could run just then.

    Otherwise time went on because a thread looked at the clock.
    """

    position: int
    tids: int
    is_idle: bool


@dataclass(slots=True)
class Trace:
    """Everything that happened in one execution. Belongs to the caller and is filled in place."""

    events: list[Event] = field(default_factory=list)
    threads: list[ThreadInfo] = field(default_factory=list)
    deviations: list[Deviation] = field(default_factory=list)
    #: When the passing of time enabled threads.
    late: list[Late] = field(default_factory=list)
    #: For strategies that want every access, by position of the event, and by `~tid` of operations never executed: of one that can
    #: block, what tells whether it could have gone on just before the event at a position (None: not known), and whether it waits for a
    #: limited time. Operations that may give up at any time are left out.
    guards: dict[int, tuple[Callable[[int], bool | None], bool]] = field(default_factory=dict)
    #: By position of an event that took something from a queue or semaphore: that of the event that gave it (see `runtime.ends`). Kinds of
    #: objects of which this is told, and of those the ones of which it should not have been.
    enablers: dict[int, int] = field(default_factory=dict)
    parted: set[str] = field(default_factory=set)
    mixed: set[str] = field(default_factory=set)
    #: By position: the names that objects got in a step of a task (see `strategies.dpor`), and how a loop ended (`Steps.end_loop`).
    named: dict[int, frozenset[Owner]] = field(default_factory=dict)
    ends: dict[int, tuple[tuple[Access, ...], frozenset[int]]] = field(default_factory=dict)
    #: Whether a thread looked at the clock, which lets time go on.
    is_clock_read: bool = False
    #: Number of announcements made.
    moments: int = 0
    #: Number of switches away from a thread that could have gone on, and of changes of thread.
    preemptions: int = 0
    switches: int = 0
    #: Whether an access was met in conflict for the first time, so that earlier executions lacked points there.
    has_new_points: bool = False
    #: Whether it was ended at the bound on its steps and may have come to its end later: somebody was hardly ever chosen, or is in a loop
    #: over something. Then it has no outcome.
    is_cut: bool = False
    #: Whether a task that could have gone on was made to let others go first, so that not every order of their steps is explored.
    is_bounded: bool = False
    #: Whether an event loop ran, and whether atomic blocks of accesses are one event each (see `runtime.blocks`).
    has_tasks: bool = False
    has_blocks: bool = False
    #: None if the execution passed.
    outcome: Outcome | None = None
    #: Filled in detailed runs only.
    steps: list[Step] = field(default_factory=list)
    #: Made where races are looked for; `events` has all accesses then.
    witness: Witness | None = None
    #: What could not be controlled, one sentence each.
    uncontrolled: list[str] = field(default_factory=list)

    @property
    def choices(self) -> Schedule:
        """Return the schedule without what only seeds hold (see `repetition.schedule_of`)."""
        return Schedule(tuple(self.deviations))
