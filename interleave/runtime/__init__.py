"""The trap interface: the only way from the program under test into the kernel.

Instrumented code and the stand-ins for primitives import this module and nothing below it. Everything here is
cheap and does nothing outside an execution, so that code instrumented for an exploration still runs when another
OS thread happens to call it.

Two things are needed to write a stand-in: `active()`, the kernel if the caller is a logical thread of a running
execution and None otherwise (then the stand-in acts on the real thing), and `WaitQueue`, on which logical threads block::

    k = active()
    if k is None:
        return self._real.acquire(...)
    k.wait("acquire", self, self._queue)     # announce; returns when chosen, and then the queue is open
    k.close(self._queue)                     # the effect, undisturbed until the next announcement

The scheduling point comes before the effect and never twice for one effect.
"""

from __future__ import annotations

from _thread import get_ident
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from interleave.model import Site

T = TypeVar("T")


class Gate:
    """What the hooks of instrumented code look at first.

    `is_open` is True while accesses have to be announced: an execution is running and more than one logical thread
    has been started and not yet joined. `is_naming` is True during the whole of an execution: stores name the
    objects that they publish. `is_detailed` is True where values are wanted for a report. `may_switch` is set where the
    interpreter could have switched to another thread, for executions at the granularity of the GIL (see `blocks`).
    """

    __slots__ = ("is_detailed", "is_naming", "is_open", "may_switch")

    def __init__(self) -> None:
        self.is_open = False
        self.is_naming = False
        self.is_detailed = False
        self.may_switch = True


gate = Gate()


class _Unknown:
    def __repr__(self) -> str:
        return "?"


#: Stands for a value that a hook could not see without running user code.
UNKNOWN: Any = _Unknown()
#: What is learnt where a thread does something to a loop of another without waking it: if a step is under way, the loop sees that when it
#: ends, so that this end is a point for all strategies from then on.
UNWOKEN = "(unwoken)"


class Peek:
    """A value to be looked up when an operation happens: between its announcement and that, other threads may have run."""

    __slots__ = ("_arguments", "_look")

    def __init__(self, look: Callable[..., Any], *arguments: Any) -> None:
        self._look = look
        self._arguments = arguments

    def value(self) -> Any:
        """Return what is there now."""
        return self._look(*self._arguments)


#: What an operation that waits changes; None for the object that it waits for.
Touched = Sequence[object] | None
#: The changes of queues that have none: most of them, so that they share it.
_UNCHANGED: list[int] = []


class WaitQueue:
    """The logical threads blocked on one condition, whether it holds now, and when it did.

    Opening and closing enables and disables all of them at once: the set is a bit mask, so the cost does not grow with
    the number of blocked threads. `mask` holds the bits of exactly those threads whose announced operation waits here.
    `changes` lists the numbers of events after which it was opened or closed, for strategies that want every access; `since` is the
    number after which it was made, where what it tells of had a state before.
    """

    __slots__ = ("changes", "is_open", "mask", "since")

    def __init__(self, is_open: bool = False) -> None:
        self.is_open = is_open
        self.mask = self.since = 0
        self.changes = _UNCHANGED

    def turn(self, position: int) -> None:
        """Open it if it is closed, close it if it is open; after so many events, or -1 where nobody will ask."""
        self.is_open = not self.is_open
        if position < 0:
            return
        if self.changes is _UNCHANGED:
            self.changes = [position]
        else:
            self.changes.append(position)

    def was_open(self, position: int) -> bool | None:
        """Tell whether it was open just before the event at `position`, None if that is not known. Raises no errors."""
        if position < self.since:
            return None
        later = len(self.changes) - bisect_right(self.changes, position)
        return self.is_open ^ bool(later & 1)


class Explained(Protocol):
    """A resource that can say why somebody waits for it."""

    def explain(self, kind: str) -> tuple[str, tuple[int, ...], str]:
        """Return (name of the resource, tids that could release the waiter, what would release it)."""
        ...


def all_cells(function: Any) -> Iterable[Any]:
    """Return the cells of a function's closure."""
    return function.__closure__ or ()


class _State:
    """The running kernel and the OS thread that it runs in."""

    __slots__ = (
        "changing_cells", "guise", "ident", "instrumented", "is_controlled", "is_fifo", "kernel", "learn", "learnt", "on_import",
        "watchers",
    )  # fmt: skip

    def __init__(self) -> None:
        self.kernel: Any = None
        self.ident = 0
        #: What `get_ident` returns in it while control is suspended, for who has to know in which logical thread it is; 0 for the truth.
        self.guise = 0
        #: Whether an exploration has the process under its control.
        self.is_controlled = False
        #: OS threads of ours that the program must not see.
        self.watchers = 0
        #: Returns those cells of a function's closure whose accesses are announced; set by the instrumentation.
        self.changing_cells: Callable[[Any], Iterable[Any]] = all_cells
        #: Ids of the code objects that announce what they do; set by the instrumentation.
        self.instrumented: set[int] = set()
        #: Names of what was found to be stored, or looked at, where nobody expected it, and what notes one, so that an exploration begins
        #: anew; set by the instrumentation.
        self.learnt: set[str] = set()
        self.learn: Callable[[str], None] = self.learnt.add
        #: Whether tasks of event loops step in the order in which they became ready.
        self.is_fifo = False
        #: Called with the name of a module that the program has imported.
        self.on_import: Callable[[str], None] | None = None


state = _State()


def active() -> Any:
    """Return the kernel if the caller is a logical thread of a running execution, else None."""
    kernel = state.kernel
    if kernel is None or get_ident() != state.ident:
        return None
    return kernel


def is_gathering() -> bool:
    """Tell whether accesses are those of a step of a task, which is one operation."""
    trap = active()
    return trap is not None and trap.steps is not None and trap.steps.touched is not None


def _closed(*_: object) -> None:
    """Do nothing: no execution is running."""


def touch(site: Site, owner: object, field: Hashable, mode: int, value: Any = UNKNOWN) -> None:
    """Announce one memory access and return when it may happen. Call only while `gate.is_open`.

    Hooks call it as `runtime.touch(...)`: for the time of an execution the name is bound to the kernel's method.
    """


def touch_many(site: Site, accesses: Sequence[tuple[object, Hashable, int]], value: Any = UNKNOWN) -> None:
    """Announce several accesses that happen as one operation; `value` is that of the first. Call only while `gate.is_open`."""


def publish(value: object) -> None:
    """Name `value` after the current logical thread if it has no name yet. Call only while `gate.is_naming`."""


def turn(site: Site | None, frame: Any) -> None:
    """Begin a turn of a loop that may wait for another thread by looking again and again. Call only while `gate.is_open`."""


#: What the four names above are bound to while no execution runs.
IDLE: tuple[Callable[..., None], ...] = (touch, touch_many, publish, turn)


def yield_point() -> None:
    """Let the strategy switch to another logical thread here. Does nothing outside an exploration. Raises no errors."""
    kernel = active()
    if kernel is not None:
        kernel.step("yield")


def choose(options: Sequence[T]) -> T:
    """Return one of `options`; an exploration tries each of them, a plain run takes the first.

    Raises IndexError if `options` is empty.
    """
    kernel = active()
    if kernel is None or len(options) == 1:
        return options[0]
    index: int = kernel.value("choose", len(options))
    return options[index]
