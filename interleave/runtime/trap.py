"""The trap: the operations that programs perform, turned into announcements to the kernel.

Instrumented code calls `touch` for accesses to memory (see `memory`); stand-ins for primitives call `step` for what never blocks, `look`
for what only reads, `wait` for what may block, and the rest. Each of them builds the `Operation`, announces it, and when it may happen
enters it into the trace. This is all that happens on every single step of a program, so it is written for speed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from interleave import runtime
from interleave.errors import InternalError
from interleave.model import READ, STATE, WRITE, Late, Operation, Site
from interleave.runtime import UNKNOWN, Touched, WaitQueue, gate, state
from interleave.runtime.blocks import BlockMemory
from interleave.runtime.ending import GRACE, leave
from interleave.runtime.kernel import Kernel, run
from interleave.runtime.ledger import Ledger
from interleave.runtime.memory import Memory
from interleave.runtime.sites import current_site, modules_within
from interleave.runtime.spinning import Spinning
from interleave.runtime.threads import FIRST_TICK, Judge, LogicalThread, Unwind

# The namedtuples' own constructors cost twice as much, and one of each is made per operation.
_new: Callable[..., Any] = tuple.__new__


class Trap:
    """The way into the kernel, for one execution."""

    def __init__(self, kernel: Kernel, *, is_holding_visible: bool = False, has_gil: bool = False) -> None:
        self.kernel = kernel
        #: Marks the state of stand-ins as this execution's.
        self.epoch = object()
        self.memory = memory = BlockMemory(kernel) if has_gil else Memory(kernel)
        self.places = memory.places
        self.spinning = Spinning(kernel)
        #: Per-execution data of stand-ins, by id of the object that they stand for; the value keeps it alive.
        self.side: dict[int, Any] = {}
        #: Called when the execution is over, so that stand-ins let go of each other.
        self.partings: list[Callable[[], None]] = []
        #: Whether any lock was ever tried without blocking, so that others see it being held (see primitives.locks).
        self.is_holding_visible = is_holding_visible
        #: `threading.excepthook` when the execution began.
        self.excepthook: Any = None
        self.ledger = Ledger(kernel.trace)
        #: What code out of scope has used (see `unseen`), once there was any.
        self.unseen: Any = None
        #: Who has started a thread while there was no other, and the modules that it was in: their code may go on meanwhile.
        self.openers: list[tuple[LogicalThread, list[object]]] = []
        self._locks = self.overstayed = 0
        #: The steps of tasks (see `tasks`), once an event loop has run.
        self.steps: Any = None
        #: Told of what happens within the step of a task, in detailed runs, and of which step makes which task ready.
        self.teller: Any = None
        self.on_wake: Any = None
        self.open = kernel.open
        self.close = kernel.close
        self.move = kernel.move
        self.name, self.name_as, self.publish, self.bear = memory.name, memory.name_as, memory.publish, memory.bear

    @property
    def current(self) -> int:
        """The tid of the running logical thread."""
        return self.kernel.current

    @property
    def carrier(self) -> int:
        """The tid of the running thread: for a task, of the thread that runs its event loop."""
        return self.kernel.me.carrier

    @property
    def any_timeout(self) -> bool:
        """Whether deadlines may fire while other threads could run."""
        return self.kernel.any_timeout

    @property
    def is_ending(self) -> bool:
        """Whether threads are being unwound."""
        return self.kernel.is_ending

    def run(self, scenario: Callable[[], object], judge: Judge) -> None:
        """Run the execution; meanwhile this trap is what `runtime` leads to. Raises what broke it off."""
        if state.kernel is not None:
            raise InternalError("an execution was started inside another one")
        kernel = self.kernel
        state.kernel, state.ident = self, kernel.ident
        memory = self.memory
        runtime.touch, runtime.touch_many = memory.touch, memory.touch_many
        runtime.publish, runtime.turn = memory.publish, self.spinning.turn
        gate.is_open, gate.is_naming = False, True
        try:
            run(kernel, scenario, judge)
        finally:
            gate.is_open = gate.is_naming = False
            state.kernel = None
            runtime.touch, runtime.touch_many, runtime.publish, runtime.turn = runtime.IDLE
        if kernel.error is not None:
            raise kernel.error

    def step(
        self, kind: str, *resources: object, target: int = -1, is_point: bool = True, mode: int = WRITE, field: Hashable = STATE
    ) -> None:
        """Announce an operation that never blocks; `is_point=False` says that nobody can tell it from one at the thread's next point."""
        kernel = self.kernel
        if kernel.is_ending:
            # What a thread that is being unwound may still do has a bound.
            self.overstayed += 1
            if self.overstayed > GRACE:
                raise Unwind
            return
        if not gate.is_open and target < 0:
            return
        me = kernel.me
        site = current_site()
        operation = self.memory.operation(kind, resources, mode, site, field) if resources else _new(Operation, (kind, (), site, target))
        if is_point or kernel.every:
            kernel.announce(me, operation)
        else:
            kernel.skip()
        if kernel.watch is None and kernel.observer is None:  # as `note` does
            kernel.events.append((me.tid, operation))
        else:
            kernel.note(me, operation, resources[0] if resources else None, UNKNOWN)

    def step_anywhere(self, kind: str, site: Site) -> None:
        """Announce an operation of which nobody can say what it touches: it conflicts with everything."""
        kernel = self.kernel
        if gate.is_open and not kernel.is_ending:
            self.places.look_through()
            operation = _new(Operation, (kind, None, site, -1))
            kernel.announce(kernel.me, operation)
            kernel.note(kernel.me, operation, None, UNKNOWN)
            self.places.forget_dead()

    def look(self, kind: str, resource: object) -> None:
        """Announce that the state of a primitive is read."""
        self.step(kind, resource, mode=READ)

    def wait(
        self, kind: str, resource: Any, queue: WaitQueue, timeout: float | None = None, touched: Touched = None, *, field: Hashable = STATE
    ) -> bool:
        """Announce an operation that is enabled while `queue` is open.

        Return True when it may happen, False if `timeout` virtual seconds went by first. `resource` explains the wait; the
        operation changes `field` of `touched`, by default the state of the resource.
        """
        kernel = self.kernel
        if kernel.is_ending:
            leave(self)
        if not gate.is_open and queue.is_open:
            return True
        me = kernel.me
        target = -1
        if touched is None:
            if type(resource) is LogicalThread:
                target, touched = resource.tid, ()
            else:
                touched = () if resource is None else (resource,)
        site = current_site()
        operation = self.memory.operation(kind, touched, WRITE, site, field) if touched else _new(Operation, (kind, (), site, target))
        me.resource = resource
        if queue.is_open and timeout is None and not kernel.every:
            kernel.announce(me, operation, queue)
            is_in_time = True
            if kernel.every:  # as `block` does
                kernel.trace.guards[len(kernel.events)] = queue.was_open, False
        else:
            is_in_time = kernel.block(me, operation, queue, timeout)
        me.resource = None
        me.tick = FIRST_TICK
        if kernel.watch is None and kernel.observer is None:  # as `note` does
            kernel.events.append((me.tid, operation))
        else:
            kernel.note(me, operation, resource, UNKNOWN if is_in_time else "timed out")
        return is_in_time

    def value(self, kind: str, count: int) -> int:
        """Announce a choice among `count` values and return the index chosen."""
        kernel = self.kernel
        if kernel.is_ending or count < 2:
            return 0
        operation = Operation(kind, (), current_site())
        kernel.announce(kernel.me, operation)
        pick = kernel.value(count)
        kernel.note(kernel.me, operation._replace(target=pick), None, str(pick))
        return pick

    def number_lock(self) -> int:
        """Return the bit of a lock that is new to this execution (see `LogicalThread.held`)."""
        self._locks += 1
        return 1 << self._locks - 1

    def hold(self, lock: int, queue: WaitQueue) -> int:
        """Note that the running thread took a lock, on whose queue others have to wait now; return its tid."""
        kernel = self.kernel
        me = kernel.me
        me.held |= lock
        kernel.close(queue)
        return me.tid

    def let_go(self, lock: int, owner: int, queue: WaitQueue) -> None:
        """Note that the lock of thread `owner` was freed, so that who waits on its queue can go on."""
        kernel = self.kernel
        me = kernel.me
        me.held &= ~lock
        if me.tid != owner and 0 <= owner < len(kernel.logical):
            kernel.logical[owner].held &= ~lock
        kernel.open(queue)

    def show_holding(self) -> None:
        """Note that the program looks whether locks are held, so that releases are points from now on."""
        self.is_holding_visible = True
        self.places.has_new_points = True

    def read_clock(self) -> float:
        """Return the virtual time, in seconds, and let it go on a little."""
        kernel = self.kernel
        kernel.trace.is_clock_read = True
        if late := kernel.clock.read(kernel.me):
            # They stay enabled also where what they wait for comes and goes again before they run.
            kernel.enabled, kernel.impatient = kernel.enabled | late, kernel.impatient | late
            kernel.trace.late.append(Late(len(kernel.events), late, is_idle=False))
        return kernel.clock.now

    def spawn(self, body: Callable[[], object], name: str, *, is_daemon: bool = False) -> LogicalThread:
        """Announce and perform the start of a logical thread."""
        kernel = self.kernel
        if kernel.is_ending:
            raise Unwind
        thread = kernel.add(body, name, is_daemon=is_daemon)
        self.step("spawn", target=thread.tid, is_point=False)
        kernel.pending[thread.tid] = _new(Operation, ("begin", (), kernel.events[-1][1].site, -1))
        kernel.enabled |= thread.bit
        kernel.unjoined += 1
        if not gate.is_open:
            self.openers.append((kernel.me, modules_within()))
            gate.is_open = True
        return thread

    def join(self, thread: LogicalThread, timeout: float | None = None) -> bool:
        """Announce waiting for the end of a logical thread; return whether it has ended."""
        if timeout is not None:
            self.look("alive", thread)
        if thread.is_finished and gate.is_open and not self.kernel.every:
            # It only orders: nobody can tell whether it happened now or at this thread's next point.
            self.step("join", target=thread.tid, is_point=False)
        elif not self.wait("join", thread, thread.exit_queue, timeout):
            return False
        if not thread.is_joined:
            thread.is_joined = True
            self.kernel.unjoined -= 1
            if not self.kernel.unjoined:
                gate.is_open = False
                self.places.forget_dead()
        return True

    def close_books(self) -> None:
        """Let go of the program's objects, and of reference cycles, when the execution is over."""
        if self.steps is not None:
            self.steps.turn_back()
            self.steps.dissolve()
            gate.is_open = False
        self.steps = self.teller = self.on_wake = self.unseen = None
        self.openers.clear()
        self.places.entries.clear()
        self.side.clear()
        while self.partings:
            self.partings.pop()()
        self.spinning.close()
        kernel = self.kernel
        for thread in kernel.logical:
            thread.task = None
        kernel.logical.clear()
        kernel.raised = kernel.observer = kernel.watch = kernel.me = None  # type: ignore[assignment]
        kernel.at_quiescence = bool
        del self.open, self.close, self.move, self.name, self.name_as, self.publish, self.bear
