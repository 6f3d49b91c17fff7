"""Tasks of event loops as logical threads: what a step is, and what it touches.

A task of asyncio is a logical thread without a greenlet of its own: the thread that runs its event loop, its *carrier*, performs its
steps. A step goes from one `await` that suspends to the next. While it lasts no other task of that loop can step, so what a task
does in a step is, for them, one operation. For other threads it is not.

**Alone.** While no thread but the carrier is started and not joined, a step is a single event. What it touches is known only when it
is over: it is announced with an unknown footprint, which conflicts with everything, and entered into the trace with the footprint that
it had (`Steps.end`). The trap is turned meanwhile: instead of announcing, it adds to the footprint. Where nobody asks for footprints
(sampling, `dfs`) nothing is gathered, and hooks cost one test.

*Why the footprint may be used.* A step is a function of what it reads. If two neighbouring steps touch nothing in common that one of them
writes, each reads the same in either order, and so touches the same: they can be swapped. What a step *would* touch after another prefix is
not known, so a step that has not been executed keeps its unknown footprint wherever a search asks, unless it was executed with the same
past (`strategies._foresight`).

**Among threads.** The operations of a step are events of their own, as those of a thread. The step begins with "resume" and ends with
"suspend"; both touch the loop, so that steps of one loop conflict, like sections under one lock. That costs executions and loses none.

**In between.** A step during which a thread is started, or something blocks, is given the unknown footprint in retrospect, and goes on as
one among threads; so is the end of a step in which the last thread was joined. All steps of one form are ordered with all of the other.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol

from interleave import runtime
from interleave.model import NOWHERE, READ, STATE, WRITE, Access, Frame, Operation, Owner, Site
from interleave.runtime import UNKNOWN, UNWOKEN, Peek, Touched, WaitQueue, gate, state
from interleave.runtime.sites import current_site
from interleave.runtime.threads import LogicalThread

#: Methods of the trap that are exchanged while footprints are gathered.
_TURNED = ("step", "step_anywhere", "look", "wait", "value", "spawn", "join")
_MEMORY = ("read", "write")


class Described(Protocol):
    """What is asked of a task."""

    def site(self) -> Site:
        """Return the line of the user's at which it stands."""
        ...

    def frames(self) -> tuple[Frame, ...]:
        """Return where it stands, the outermost frame first."""
        ...

    def provides(self, future: object) -> bool:
        """Tell whether its end sets a future of `concurrent.futures`."""
        ...


class Steps:
    """The steps of the tasks of one execution."""

    def __init__(self, trap: Any) -> None:
        self._trap = trap
        self._kernel = trap.kernel
        #: What the step under way has touched; None if nobody wants to know.
        self.touched: dict[Access, None] | None = None
        #: Index of its event, -1 if it is made of several or none is under way.
        self._position = -1
        #: The same, whatever it is made of.
        self.begun = -1
        #: By position of a step: the number of its handle in its loop.
        self.numbers: dict[int, int] = {}
        #: How many objects had a name before it.
        self._named = 0
        self._is_turned = False
        #: By id of a primitive of asyncio, what is known of those that hold it; that keeps it alive.
        self.held: dict[int, list[Any]] = {}
        #: Told of the thread whose next step follows from the one under way, where races are looked for.
        self.on_wake: Any = trap.on_wake
        #: The event loops of the execution.
        self.loops: list[Any] = []
        #: The loop whose step among threads is under way.
        self._loop: Owner | None = None
        #: Whether nobody can say what it conflicts with.
        self._is_unknown = False
        #: Whether only what is entered explicitly belongs to the footprint.
        self._is_closed = False

    def begin(self, thread: LogicalThread, operation: Operation, loop: Owner) -> None:
        """Begin a step of a task that was chosen to go on."""
        kernel = self._kernel
        self._position, self._loop = -1, None
        self.begun = len(kernel.events)
        if kernel.unjoined:
            self._loop = loop
            if operation.kind != "fire":
                operation = Operation("resume", (Access(loop, STATE, WRITE),), operation.site)
            kernel.note(thread, operation, None, UNKNOWN)
            return
        self._position = len(kernel.events)
        # That a task yields matters to those who choose; what it does then is a step like any other.
        kernel.note(thread, operation if operation.kind != "yield" else operation._replace(kind="step"), None, UNKNOWN)
        if kernel.every or self._trap.teller is not None:
            self.touched, self._is_unknown, self._named = {}, False, len(self._trap.places.names)
            if not self._is_turned:
                self._turn()

    def end(self, thread: LogicalThread) -> None:
        """End the step: enter what it touched into its event."""
        kernel = self._kernel
        position, touched = self._position, self.touched
        self._position, self.touched = -1, None
        # With gathering or without: a step of more than one event is one in between.
        if position < 0 or position != len(kernel.events) - 1:
            self._suspend(thread)
        elif touched is not None and kernel.every and not self._is_unknown:
            tid, operation = kernel.events[position]
            kernel.events[position] = tid, operation._replace(accesses=tuple(touched))
            if news := self._trap.places.names[self._named :]:
                kernel.trace.named[position] = frozenset(news)

    def _suspend(self, thread: LogicalThread) -> None:
        """End a step among threads; if it began or ends alone, what follows is ordered with all that was."""
        kernel = self._kernel
        footprint = (Access(self._loop, STATE, WRITE),) if kernel.unjoined and self._loop is not None else None
        self._loop = None
        if kernel.is_ending:
            return
        operation = Operation("suspend", footprint, thread.task.site() if thread.task is not None else NOWHERE)
        if kernel.every or UNWOKEN in state.learnt:
            kernel.announce(thread, operation)
        else:
            kernel.skip()
        kernel.note(thread, operation, None, UNKNOWN)

    def dissolve(self) -> None:
        """Take the event loops apart when the execution is over: they go at once, and not with the next collection of garbage."""
        for loop in self.loops:
            loop.dissolve()
        self.loops.clear()

    def pass_time(self) -> None:
        """Note that the step under way let time go on: it is ordered with all that was and all that will be."""
        events = self._kernel.events
        if self.begun == len(events) - 1 and not self._kernel.any_timeout:
            events[-1] = events[-1][0], events[-1][1]._replace(kind="timer", accesses=None)
        self.break_up()

    def break_up(self) -> None:
        """Leave the step under way with the unknown footprint that it was announced with; the rest of it is operations of their own."""
        self.touched = None
        self.turn_back()

    def end_loop(self, stopped_by: int) -> None:
        """Note that the step under way ends the loop: what it touches besides, and the steps without which the loop does not end.

        Those are the ones whose handles have smaller numbers than that given.
        """
        assert self.touched is not None
        needed = frozenset(position for position, number in self.numbers.items() if number < stopped_by)
        self._kernel.trace.ends[self.begun] = tuple(self.touched), needed
        # What follows is ordered with all that was.
        self.numbers.clear()
        self.break_up()

    def enter(self, owner: Owner, field: Hashable, mode: int) -> None:
        """Add to the footprint of the step under way, if there is one."""
        if self.touched is not None:
            self.touched[Access(owner, field, mode)] = None

    def enter_object(self, obj: object, mode: int, field: Hashable = STATE) -> None:
        """Add the state of an object to the footprint of the step under way, if there is one."""
        if self.touched is not None and not self._is_closed:
            self.touched[Access(self._trap.name(obj), field, mode)] = None

    def settle(self, obj: object) -> None:
        """Name an object that the step under way has made: it has the same name in every execution."""
        if self._kernel.every:
            names = self._trap.places.names
            known = len(names)
            self._trap.name(obj)
            del names[known:]

    def tell(self, kind: str, obj: object) -> None:
        """Tell the observer, if there is one, of something that happens to a primitive within a step."""
        kernel, teller = self._kernel, self._trap.teller
        if teller is not None and not kernel.is_ending:
            operation = Operation(kind, (Access(self._trap.name(obj), STATE, WRITE),), current_site())
            teller(kernel.me, operation, (obj, UNKNOWN))

    def lose_track(self) -> None:
        """Note that nobody can say what the step under way touches."""
        self._is_unknown = True

    def close(self, is_closed: bool) -> None:
        """Let only what is entered by `enter` count, or everything again (see `event_loop.callbacks`)."""
        self._is_closed = is_closed

    # -- the trap, turned ------------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._is_turned = True
        trap = self._trap
        trap.step, trap.look, trap.wait, trap.step_anywhere = self._step, self._look, self._wait, self._step_anywhere
        trap.value, trap.spawn, trap.join = map(self._breaking, ("value", "spawn", "join"))
        runtime.touch, runtime.touch_many = self._touch, self._touch_many
        gate.is_open = True

    def turn_back(self) -> None:
        """Let the trap announce again."""
        if not self._is_turned:
            return
        self._is_turned = False
        trap = self._trap
        for name in _TURNED:
            delattr(trap, name)
        runtime.touch, runtime.touch_many = trap.memory.touch, trap.memory.touch_many
        gate.is_open = self._kernel.unjoined > 0

    def _touch(self, site: Site, owner: object, field: Hashable, mode: int, value: Any = UNKNOWN) -> None:
        self._touch_many(site, ((owner, field, mode),), value)

    def _touch_many(self, site: Site, accesses: Sequence[tuple[object, Hashable, int]], value: Any = UNKNOWN) -> None:
        kernel = self._kernel
        touched = self.touched
        if touched is None or get_ident() != kernel.ident:
            return
        name = self._trap.name
        footprint = tuple([Access(name(owner), field, mode) for owner, field, mode in accesses])
        for access in footprint:
            touched[access] = None
        if self._trap.teller is not None:
            kind = _MEMORY[any(access.mode for access in footprint)]
            self._trap.teller(
                kernel.me, Operation(kind, footprint, site), (accesses[0][0], value.value() if type(value) is Peek else value)
            )

    def _step(
        self, kind: str, *resources: object, target: int = -1, is_point: bool = True, mode: int = WRITE, field: Hashable = STATE
    ) -> None:
        if target >= 0 or self.touched is None or self._kernel.is_ending:
            self.break_up()
            self._trap.step(kind, *resources, target=target, is_point=is_point, mode=mode, field=field)
            return
        for one in resources:
            self.touched[Access(self._trap.name(one), field, mode)] = None

    def _step_anywhere(self, kind: str, site: Site) -> None:
        self.lose_track()

    def _look(self, kind: str, resource: object) -> None:
        self._step(kind, resource, mode=READ)

    def _wait(
        self, kind: str, resource: Any, queue: WaitQueue, timeout: float | None = None, touched: Touched = None, *, field: Hashable = STATE
    ) -> bool:
        if queue.is_open and self.touched is not None and not self._kernel.is_ending and type(resource) is not LogicalThread:
            for one in (resource,) if touched is None else touched:
                if one is not None:
                    self.touched[Access(self._trap.name(one), field, WRITE)] = None
            return True
        self.break_up()
        return bool(self._trap.wait(kind, resource, queue, timeout, touched, field=field))

    def _breaking(self, name: str) -> Callable[..., Any]:
        """Return a method of the trap before which the step under way is broken up."""

        def method(*arguments: Any, **options: Any) -> Any:
            self.break_up()
            return getattr(self._trap, name)(*arguments, **options)

        return method


def steps_of(trap: Any) -> Steps:
    """Return the steps of the execution that `trap` leads to."""
    if trap.steps is None:
        trap.steps = Steps(trap)
    steps: Steps = trap.steps
    return steps
