"""The scheduler of one event loop: it asks the kernel whose step is next, and performs it.

It runs in the greenlet of the loop's thread, the carrier. Where the choice falls on another thread it switches there, and goes on
when somebody chooses one of its own actors: no task has a greenlet, so a step costs no switch. While a step is under way, all
actors of the loop are disabled; if the step blocks, so does the loop, as it does in real programs.

**The end.** `stop` lets the loop end as soon as everything that was registered before the callback that called it has run. The rest of
what the carrier does, until the loop runs again, is no step: it is ordered with all that was and all that will be.
"""

from __future__ import annotations

from typing import Any

from interleave.event_loop.actors import CALLBACK, NO_CALLBACK, Actor, Carrier
from interleave.event_loop.callbacks import calls_unseen, group_of, is_done, is_noted, is_stop, touched_by
from interleave.event_loop.quick import run_quickly
from interleave.event_loop.ready import Ready, release_patient
from interleave.event_loop.timers import Timers
from interleave.model import READ, STATE, WAKE, WHOLE, WRITE
from interleave.outcome import GROUP
from interleave.runtime.ending import run_away
from interleave.runtime.tasks import steps_of
from interleave.runtime.threads import LogicalThread, Unwind

#: Field of what the end of a task changes.
RESULT = "result"
#: Field of what a group counts (see `callbacks`).
COUNT = "count"


class Scheduler:
    """Runs one loop."""

    def __init__(self, loop: Any, trap: Any, *, is_fifo: bool) -> None:
        self._loop = loop
        self._trap = trap
        self._kernel = trap.kernel
        self._steps = steps_of(trap)
        self._is_fifo = is_fifo
        self._name = trap.name(loop)
        self.ready = Ready(loop, trap, is_fifo=is_fifo)
        self.timers = Timers(loop, self.ready, trap, is_fifo=is_fifo)
        #: Who is performing a step, or was the last one.
        self.running: LogicalThread = self.ready.carrier
        #: The task that the loop runs for, if it runs for one.
        self.main: Any = None
        #: The number of the handle that called `stop`, -1 before.
        self.stopped_by = -1
        self.current = 0
        #: Whether the running handle was known to stop the loop when it was entered.
        self._is_stop = False
        #: The last handle of those that were registered together with the running one.
        self.batch = [0]
        self.waiting = Carrier(loop)
        self.enter = self.ready.enter

    def tid_of(self, task: Any) -> int:
        """Return the tid of a task, -1 if it is none of this loop's or has ended."""
        actor = self.ready.actor_of(task)
        return actor.thread.tid if actor is not None else -1

    def pending(self) -> list[Any]:
        """Return the tasks that have not ended, in the order in which they were first ready."""
        return [actor.task for actor in self.ready.by_tid.values() if actor.queue is not None and not is_done(actor.task)]

    def start(self) -> None:
        """Begin to run the loop, in the thread that calls."""
        kernel = self._kernel
        if kernel.is_ending:
            # What is cleaned up with a loop's help when a step was unwound is not: whose thread it is would not be known.
            raise Unwind
        self.running = carrier = kernel.me
        self.timers.move_to(carrier)
        carrier.held |= self.ready.bit
        kernel.enabled &= ~carrier.bit

    def finish(self) -> None:
        """End to run the loop: its thread goes on as any other."""
        kernel, carrier, ready = self._kernel, self.ready.carrier, self.ready
        ready.is_idle = False
        self.stopped_by = -1
        ready.mask &= ~carrier.bit
        self.timers.rest(None)
        self._steps.turn_back()
        carrier.queue = carrier.resource = None
        carrier.held &= ~ready.bit
        if not kernel.is_ending:
            kernel.enabled |= carrier.bit

    def stop(self) -> None:
        """Let the loop end when everything has run that was registered before the running handle, or together with it."""
        if self.stopped_by < 0:
            self.stopped_by = max(self.current, self.batch[0] + 1)
            # Nor does it wait for time to go on.
            release_patient(self.ready)
            if self._steps.touched is not None and not self._is_stop and len(self._kernel.trace.threads) > 2 + self.timers.may_be_early:
                # Not every order was noted in which the running handle and those of other tasks were entered (see `is_stop`).
                self._kernel.trace.is_bounded = True

    def run(self) -> None:
        """Have steps performed until the loop is to end."""
        is_quick = not (self._kernel.every or self._is_fifo or self._trap.teller is not None or self._kernel.observer is not None)
        go_on = True
        try:
            while go_on:
                if is_quick:
                    run_quickly(self, self.ready, self._steps)
                go_on = self.run_once()
        except (SystemExit, KeyboardInterrupt):
            self._leave()
            raise

    def _leave(self) -> None:
        """Let the carrier go on where a step has ended by an exception that ends the loop; what it does now belongs to that step."""
        kernel, ready = self._kernel, self.ready
        if kernel.is_ending or ready.is_idle or self.running is ready.carrier:
            return
        self._steps.break_up()
        self._end(ready.actor)
        kernel.enter(ready.carrier)
        ready.actor, self.running = ready.plain, ready.carrier

    def run_once(self) -> bool:
        """Have one step performed; return whether the loop is to go on."""
        ready = self.ready
        if self._kernel.is_ending:
            raise Unwind
        if self.stopped_by >= 0 and not ready.has_before(self.stopped_by):
            if self.running is ready.carrier and ready.actor is ready.plain:
                return False
            # The carrier has to be chosen to go on.
            ready.mask |= ready.carrier.bit
        self._pick()
        self._perform(ready.by_tid.get(self.running.tid, ready.plain))
        return True

    def _pick(self) -> None:
        """Have the kernel choose who is next; return when it is an actor of this loop, which is `running` then."""
        kernel, ready = self._kernel, self.ready
        carrier = ready.carrier
        self.timers.wind()
        carrier.queue, carrier.resource = ready.queue, self.waiting
        kernel.pending[carrier.tid] = CALLBACK if ready.mask & carrier.bit or carrier.deadline is not None else NO_CALLBACK
        first = ready.first_bit()
        mask = ready.mask
        if self._is_fifo:
            # Timers that are due have no place in the order yet.
            mask = first | mask & ready.wires | (0 if ready.plain.handles else mask & carrier.bit)
        kernel.enabled |= mask
        if kernel.moment >= kernel.limit:
            run_away(kernel)
        ready.is_idle = True
        pick = kernel.pick_next(self.running, first)
        if pick is None:
            kernel.stop()
        if pick.carrier == carrier.tid:
            kernel.enter(pick)
        else:
            kernel.resume(pick)
        ready.is_idle = False
        if kernel.is_ending:
            raise Unwind
        me = self.running = kernel.me
        if me is not self.timers.thread:
            # Nothing fires while a step is under way: if that blocks, so does the loop.
            self.timers.rest()
        kernel.enabled = kernel.enabled & ~(ready.mask | carrier.bit) | me.bit
        me.queue = None

    def _perform(self, actor: Actor) -> None:
        """Perform the step of an actor that was chosen."""
        kernel, steps, ready, thread = self._kernel, self._steps, self.ready, self.running
        is_plain = actor is ready.plain
        ready.begin(actor)
        if not actor.is_named:
            # Whoever makes a task may name it after it was made ready.
            actor.is_named = True
            thread.info.name = actor.task.get_name()
        steps.begin(thread, CALLBACK if thread is ready.carrier else kernel.pending[thread.tid], self._name)
        is_late = is_plain and self.timers.take(may_pass=self.stopped_by < 0)
        if steps.touched is not None:
            self._touch_first(actor)
        if actor.handles:
            self.current, handle, context, step, arguments = actor.handles.popleft()
            if steps.touched is not None:
                steps.numbers[steps.begun] = self.current
                self._is_stop = is_plain and is_stop(handle, self._loop)
            if is_plain:
                steps.enter_object(handle, READ)
                if steps.touched is not None and not handle._cancelled:
                    if calls_unseen(handle._callback):
                        steps.lose_track()
                    for obj, mode in touched_by(handle._callback, handle._args):
                        steps.enter_object(obj, mode, WHOLE)
            elif self._loop.contexts and any(context is one for one in self._loop.contexts):
                steps.enter_object(context, WRITE)
            if handle is None:
                try:
                    context.run(step, *arguments)
                except Exception as error:
                    self.report(error)
            elif not handle._cancelled:
                self.batch = context
                if is_plain or not is_done(actor.task):
                    handle._run()
                else:
                    self._run_counting(handle)
        if kernel.is_ending:
            raise Unwind
        if is_late:
            steps.pass_time()
        self._end(actor)

    def _touch_first(self, actor: Actor) -> None:
        """Note what a step touches by being one, whatever it does."""
        steps = self._steps
        is_unseen, generators = actor.begun()
        if is_unseen:
            steps.lose_track()
        steps.enter_object(actor.mailbox(), WRITE)
        if self._is_fifo:
            # Whose step is next depends on the order in which all were entered.
            steps.enter_object(self.ready.plain.mailbox(), WRITE)
        for group in actor.groups:
            steps.enter_object(group, WRITE, WAKE)
        for resource in actor.resources:
            steps.enter_object(resource, WRITE)
        for generator in generators:
            if self._trap.places.name_of(generator) is not None:
                steps.enter_object(generator, WRITE)
        actor.groups.clear()

    def report(self, error: Exception) -> None:
        """Have the loop told of an exception of a step itself, and not of what it steps through, as `Handle` does."""
        self._loop.call_exception_handler({"message": "Exception in the step of a task", "exception": error})

    def _run_counting(self, handle: Any) -> None:
        """Run a callback that only counts for its group: nothing else that it looks at matters to anybody."""
        group = self.ready.group = group_of(handle._callback, handle._args)
        self._steps.enter_object(group, READ, COUNT)
        self._steps.enter_object(group, READ, WAKE)
        # Any of them may be the one that enters the step of who waits (see `is_stop`).
        self._steps.enter(self._name, STATE, READ)
        if (waited_for := getattr(group, "_on_completed_fut", None)) is not None:
            # Of a `TaskGroup`: the last one does nothing if who waits was cancelled before.
            self._steps.enter_object(waited_for, READ, COUNT)
        if (on_wake := self._steps.on_wake) is not None:
            on_wake(self.running.tid, GROUP)
        self._steps.close(True)
        try:
            handle._run()
        finally:
            self.ready.group = None
            self._steps.close(False)

    def _end(self, actor: Actor) -> None:
        """End a step: whoever is ready now may be next."""
        steps, ready, thread = self._steps, self.ready, self.running
        ready.end()
        if steps.touched is not None:
            if actor.task is not None and is_done(actor.task):
                steps.enter_object(actor.task, WRITE, RESULT)
            elif not is_noted(getattr(actor.task, "_fut_waiter", None)):
                self._kernel.trace.is_bounded = True
            if thread is ready.carrier and self.stopped_by >= 0 and not ready.has_before(self.stopped_by):
                # What the carrier goes on with belongs to this event.
                steps.end_loop(self.stopped_by)
        steps.end(thread)
        self._kernel.enabled &= ~thread.bit
        ready.settle()
