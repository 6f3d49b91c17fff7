"""The kernel: logical threads as greenlets, one running at a time, each switch a choice.

A logical thread announces an operation and goes on when it is chosen; that is the only way into the kernel (`announce`, `block`,
`value`). The effect of an operation is whatever its thread does after it was let go on and before it announces again.

**Who decides.** The greenlet that announces asks the strategy at once. Where the answer is to go on, nothing switches; else it
switches straight to the chosen greenlet. The hub (whoever called `run`) is entered only when the execution is over.

**Who is enabled.** `enabled` is a bit mask by tid. A blocking operation waits on a `WaitQueue`, whose mask of waiting threads is added
to or taken from `enabled` when the queue opens or closes: the cost of a step does not depend on how many are blocked.
`enabled == 0` with threads unfinished moves virtual time to the next deadline; without one it is a deadlock, exactly.

**Moments.** Every announcement has a number, its moment, whether or not there was anything to choose. Schedules list choices by moment,
so they do not depend on where a strategy cared to choose.

**Solo.** While one logical thread is started and not joined nothing can conflict: spawn and join order it with all others. The gate is
closed then, and hooks cost one test.

**The end.** When all threads that are not daemons have finished, or one has failed, or none can go on, the hub has it judged, with control
suspended, while every thread stands where it stopped. Then each unfinished one gets `Unwind` thrown in, runs its `finally` blocks without
being scheduled any more, and is gone. Greenlets are reused: the first entry into a new one costs twenty switches.
"""

from __future__ import annotations

import contextvars
from _thread import get_ident
from collections.abc import Callable
from typing import Any, NoReturn

from greenlet import getcurrent, greenlet

from interleave.model import NOWHERE, STATE, WRITE, Access, Deviation, Operation, Strategy, Trace
from interleave.runtime import UNKNOWN, Peek, WaitQueue, gate
from interleave.runtime.clock import Clock, pass_time
from interleave.runtime.ending import ends_the_program, judged, refuse, run_away, unwind
from interleave.runtime.suspension import Suspended, asked
from interleave.runtime.thread_state import make_locals
from interleave.runtime.threads import Judge, LogicalThread, Observer, Unwind, child_of

_new: Callable[..., Any] = tuple.__new__  # See `trap`.


class Fiber:
    """A greenlet that runs the bodies of logical threads, one after another, over many executions."""

    __slots__ = ("greenlet", "kernel", "thread")

    def __init__(self, hub: Any) -> None:
        self.kernel: Any = None
        self.thread: Any = None
        self.greenlet = greenlet(self._loop, hub)

    def _loop(self) -> None:
        while True:
            # While it is idle nothing of the last execution is held here.
            self._run().switch()

    def _run(self) -> Any:
        """Run the body of the thread at hand and return the greenlet that goes on afterwards."""
        kernel, thread = self.kernel, self.thread
        self._run_body(kernel, thread)
        return self._leave(kernel, thread)

    def _run_body(self, kernel: Kernel, thread: LogicalThread) -> None:
        """Run the body of a logical thread; never raises."""
        if thread.tid:
            kernel.note(thread, kernel.pending[thread.tid] or Operation("begin", (), NOWHERE), None, UNKNOWN)
        try:
            thread.body()
            if not kernel.is_ending:
                operation = _new(Operation, ("exit", (_new(Access, (thread.name, STATE, WRITE)),), NOWHERE, -1))
                if kernel.every or (kernel.alive == 1 and ends_the_program(kernel, thread)):
                    kernel.announce(thread, operation)
                else:
                    kernel.skip()
                if gate.is_open:
                    kernel.note(thread, operation, thread, UNKNOWN)
        except Unwind:
            pass
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                kernel.is_interrupted = True
            elif not kernel.is_ending:
                kernel.raised = (thread, error)
            kernel.is_ending = True

    def _leave(self, kernel: Kernel, thread: LogicalThread) -> Any:
        """End a logical thread and return the greenlet that goes on."""
        thread.is_finished, thread.ended = True, kernel.moment
        thread.fiber = self.thread = self.kernel = None
        following: LogicalThread | None = None
        if not kernel.is_ending:
            kernel.pending[thread.tid] = None
            kernel.enabled &= ~thread.bit
            kernel.open(thread.exit_queue)
            kernel.alive -= not thread.info.is_daemon
            following = kernel.pick_next(thread) if kernel.alive else None
        kernel.idle.append(self)
        if following is None:
            kernel.is_ending = True
            return kernel.hub
        return kernel.prepare(following)


#: Idle fibers by OS thread: a greenlet cannot move to another one.
_idle: dict[int, list[Fiber]] = {}


class Kernel:
    """One execution under control. It is also the `model.Point` that the strategy sees."""

    def __init__(self, strategy: Strategy, trace: Trace, *, steps: int, any_timeout: bool = False) -> None:
        self.choose = asked(strategy)
        self.trace, self.limit, self.any_timeout = trace, steps, any_timeout
        self.every = strategy.every_access
        #: Whether the accesses of a block are to be one event (see `blocks`), and of what the two ends are told apart (see `ends`).
        self.joins_blocks, self.parted = strategy.joins_blocks, strategy.parted
        self.enabled = self.current = self.default = self.moment = self.values = 0
        self.pending: list[Operation | None] = []
        self.threads, self.events = trace.threads, trace.events
        self.logical: list[LogicalThread] = []
        self.me: LogicalThread = None  # type: ignore[assignment]
        self.hub: Any = None
        self.ident = get_ident()
        self.idle = _idle.setdefault(self.ident, [])
        self.locals = make_locals(self.ident)
        self.clock = Clock()
        self.is_ending = self.is_interrupted = self.is_runaway = self.is_spinning = False
        #: When which thread began to run.
        self.turns: list[tuple[int, int]] = []
        #: Threads started and not joined; 0 is solo.
        self.unjoined = 0
        #: Unfinished threads that are not daemons.
        self.alive = 0
        #: Bits of threads that may time out although others could run.
        self.impatient = 0
        #: The exception that ended the execution, with its thread.
        self.raised: tuple[LogicalThread, BaseException] | None = None
        #: An error of a strategy or of our own, raised from `run`.
        self.error: BaseException | None = None
        #: Told of every step once threads are in loops that may wait (see `spinning`).
        self.watch: Any = None
        #: Told of every event in detailed runs.
        self.observer: Observer | None = None
        #: Called when only blocked threads are left; returns True if it released one (thread pools at exit).
        self.at_quiescence: Callable[[], bool] = lambda: False

    def skip(self) -> None:
        """Count an announcement at which nothing is chosen."""
        self.moment += 1
        if self.moment > self.limit:
            run_away(self)

    def announce(self, me: LogicalThread, operation: Operation, queue: WaitQueue | None = None) -> None:
        """Announce an enabled operation and return when it may happen; a blocking one has a `queue`, which is open now."""
        self.pending[me.tid] = operation
        moment = self.moment
        if moment >= self.limit:
            run_away(self)
        if self.enabled == me.bit and not self.every:
            self.moment = moment + 1
            return
        self.default = tid = me.tid
        try:
            pick = self.choose(self)
        except BaseException as error:
            self.break_off(error)
        self.moment = moment + 1
        if pick == tid:
            return
        if not self.enabled >> pick & 1:
            refuse(self, pick)
        trace = self.trace
        trace.deviations.append(_new(Deviation, (moment, pick)))
        trace.preemptions += 1
        trace.switches += 1
        if queue is not None:  # Others may take what it waits for.
            me.queue = queue
            queue.mask |= me.bit
        self.resume(self.logical[pick])
        if self.is_ending:
            raise Unwind
        if queue is not None:
            queue.mask ^= me.bit
            me.queue = None

    def block(self, me: LogicalThread, operation: Operation, queue: WaitQueue, timeout: float | None) -> bool:
        """Announce an operation that is enabled while `queue` is open; return when it may happen, False if it timed out first."""
        self.pending[me.tid] = operation
        if self.moment >= self.limit:
            run_away(self)
        bit = me.bit
        me.queue = queue
        queue.mask |= bit
        if not queue.is_open:
            self.enabled &= ~bit
        if timeout is not None:
            self.set_deadline(me, timeout)
        pick = self.pick_next(me)
        if pick is not me:
            if pick is None:
                self.stop()
            self.resume(pick)
            if self.is_ending:
                raise Unwind
        # Who was chosen is enabled.
        queue = me.queue or queue
        queue.mask ^= bit
        me.queue = None
        if self.every and not (timeout is not None and self.any_timeout):
            self.trace.guards[len(self.events)] = queue.was_open, timeout is not None
        is_in_time = queue.is_open and not me.is_timed_out
        if me.deadline is not None:
            if not is_in_time:
                # Where it fired while others could run ("any" timeouts), time is what the deadline says.
                self.clock.now = max(self.clock.now, me.deadline[0])
            self.clear_deadline(me)
        return is_in_time

    def value(self, count: int) -> int:
        """Ask for one of `count` values, as part of the operation under way."""
        moment, self.values, self.default = self.moment, count, 0
        try:
            pick = self.choose(self)
        except BaseException as error:
            self.break_off(error)
        self.moment = moment + 1
        self.values = 0
        if pick:
            self.trace.deviations.append(_new(Deviation, (moment, pick)))
        return pick

    def note(self, me: LogicalThread, operation: Operation, owner: object, value: Any) -> None:
        """Enter an operation that happens now into the trace."""
        self.events.append((me.tid, operation))
        if self.watch is not None:
            self.watch.saw(me.tid, operation.kind, operation.accesses, operation.target)
        if self.observer is not None:
            self.observer(me, operation, (owner, value.value() if type(value) is Peek else value))

    def open(self, queue: WaitQueue) -> None:
        """Make the operations waiting on `queue` enabled."""
        if not queue.is_open:
            queue.turn(len(self.events) if self.every else -1)
        self.enabled |= queue.mask

    def close(self, queue: WaitQueue) -> None:
        """Make the operations waiting on `queue` disabled."""
        if queue.is_open:
            queue.turn(len(self.events) if self.every else -1)
        self.enabled &= ~queue.mask | self.impatient

    def move(self, tid: int, queue: WaitQueue, resource: object) -> None:
        """Let a waiting thread wait on another queue, without announcing again (a notified waiter wants the lock)."""
        thread = self.logical[tid]
        if thread.queue is None or thread.is_timed_out:
            return
        thread.queue.mask &= ~thread.bit
        thread.queue, thread.resource = queue, resource
        queue.mask |= thread.bit
        self.clear_deadline(thread)
        if queue.is_open:
            self.enabled |= thread.bit
        else:
            self.enabled &= ~thread.bit

    def pick_next(self, me: LogicalThread, preferred: int = 0) -> LogicalThread | None:
        """Choose who goes on after `me` blocked or ended, by default the one of bit `preferred`; None if the execution is over."""
        moment = self.moment
        enabled = self.enabled
        if not enabled:
            enabled = pass_time(self)
            if not enabled:
                self.moment = moment + 1
                return None
        usual = enabled & preferred or enabled & me.bit or enabled & -enabled
        pick = default = usual.bit_length() - 1
        if enabled != usual or self.every:
            self.default = default
            try:
                pick = self.choose(self)
            except BaseException as error:
                self.error = error
                return None
        self.moment = moment + 1
        if pick != default:
            if not enabled >> pick & 1:
                refuse(self, pick)
            self.trace.deviations.append(_new(Deviation, (moment, pick)))
        if pick != me.tid:
            self.trace.switches += 1
            self.trace.preemptions += bool(enabled & me.bit)
        return self.logical[pick]

    def resume(self, thread: LogicalThread) -> None:
        """Switch to `thread`; return when somebody switches back here."""
        fiber = thread.fiber
        if fiber is None or thread.task is not None or self.me.task is not None:
            self.prepare(thread).switch()
            return
        # As in `enter`, for the most common case.
        if self.locals is not None:
            self.me.locals = self.locals.swap(thread.locals)
        self.me, self.current = thread, thread.tid
        self.turns.append((self.moment, thread.tid))
        fiber.greenlet.switch()

    def prepare(self, thread: LogicalThread) -> Any:
        """Make `thread` the current one and return its greenlet, which is to be switched to."""
        fiber = thread.fiber
        if fiber is None:
            fiber = self.idle.pop() if self.idle else Fiber(self.hub)
            fiber.kernel, fiber.thread, thread.fiber = self, thread, fiber
            # A new thread has an empty context; the scenario goes on with a copy of the caller's.
            fiber.greenlet.gr_context = contextvars.copy_context() if thread.tid == 0 else None
        self.enter(thread)
        return fiber.greenlet

    def enter(self, thread: LogicalThread) -> None:
        """Make `thread` the current one, with the thread-local values of its carrier."""
        if self.locals is not None and thread.carrier != self.me.carrier:
            self.logical[self.me.carrier].locals = self.locals.swap(self.logical[thread.carrier].locals)
        self.me, self.current = thread, thread.tid
        self.turns.append((self.moment, thread.tid))

    def set_deadline(self, thread: LogicalThread, timeout: float) -> None:
        self.clock.set(thread, timeout, self.moment)
        if self.any_timeout:
            self.impatient |= thread.bit
            self.enabled |= thread.bit

    def clear_deadline(self, thread: LogicalThread) -> None:
        thread.deadline = None
        thread.is_timed_out = False
        self.impatient &= ~thread.bit

    def add(self, body: Callable[[], object], name: str, *, is_daemon: bool = False) -> LogicalThread:
        """Make a logical thread, child of the current one; it is not enabled yet."""
        self.logical.append(thread := child_of(self.me, len(self.logical), name, is_daemon, body))
        self.threads.append(thread.info)
        self.pending.append(None)
        self.alive += not is_daemon
        return thread

    def interrupt(self) -> None:
        """Let the execution end at its next announcement (called from a signal handler)."""
        self.is_interrupted, self.limit = True, -1

    def break_off(self, error: BaseException) -> NoReturn:
        """End the execution because of an error that is not the program's: its code must not see it."""
        self.error = error
        self.stop()

    def stop(self) -> NoReturn:
        """End the execution from within a logical thread, which is then unwound like the others."""
        self.is_ending = True
        self.hub.switch()
        raise Unwind


def is_inside(kernel: Kernel) -> bool:
    """Tell whether a logical thread of an execution is running, as against the engine."""
    return kernel.hub is not None and getcurrent() is not kernel.hub


def run(kernel: Kernel, scenario: Callable[[], object], judge: Judge) -> None:
    """Run the scenario to its end as logical thread 0. Everything that happened is in the trace."""
    kernel.hub = getcurrent()
    main = kernel.add(scenario, "main")
    kernel.me = main
    kernel.enabled = main.bit
    kernel.resume(main)
    kernel.is_ending = True
    for thread in kernel.logical if kernel.every else ():
        if thread.queue is not None and not (thread.deadline is not None and kernel.any_timeout):
            kernel.trace.guards[~thread.tid] = thread.queue.was_open, thread.deadline is not None
    with Suspended():
        kernel.trace.outcome = judged(kernel, judge)
    unwind(kernel)
    kernel.trace.moments = kernel.moment
