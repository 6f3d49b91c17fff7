"""Which actors of a loop are ready, and with what.

A task becomes ready when a handle for it is entered, and stays ready until it has stepped. That is the one place where steps of
different tasks enable each other, so whoever enters a handle touches the mailbox of the actor, and so does the actor's step.

A step of a task comes after the plain callbacks that were registered before it in the same step (`held`). A task that only yields, again
and again at one place, lets everything else go first (`patient`): for real every other task would have had its turn in between. And
what another thread enters without waking the loop is `unseen` until the loop does something for another reason: that is the mistake
of calling `call_soon` where it takes `call_soon_threadsafe`.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from interleave.event_loop.actors import Actor, Entry
from interleave.event_loop.callbacks import group_of, is_done, is_stop, task_of
from interleave.model import READ, WRITE
from interleave.runtime import WaitQueue
from interleave.runtime.tasks import steps_of
from interleave.runtime.threads import LogicalThread


class Ready:
    """The actors of one loop and their handles."""

    __slots__ = (
        "_batch", "_batch_moment", "_held", "_is_fifo", "_order", "_registered", "_steps", "actor", "barrier", "bit", "by_task",
        "by_tid", "carrier", "count", "done", "group", "is_idle", "kernel", "loop", "mask", "patient", "plain", "queue", "unseen", "wires",
    )  # fmt: skip

    def __init__(self, loop: Any, trap: Any, *, is_fifo: bool) -> None:
        self.loop, self.kernel = loop, trap.kernel
        self._steps = steps_of(trap)
        self._is_fifo = is_fifo
        #: The loop counts as a lock that all its actors hold: only one of them runs.
        self.bit = trap.number_lock()
        #: The thread that runs the loop, and the actor for its plain callbacks.
        self.carrier: LogicalThread = trap.kernel.me
        self.plain = Actor(loop, self.carrier, None)
        #: Whose step is under way, or was the last one.
        self.actor = self.plain
        #: The tasks that are of another class than those of our loop.
        self.by_task: dict[Any, Actor] = {}
        self.by_tid: dict[int, Actor] = {}
        #: Mask of the tids of ready actors.
        self.mask = 0
        #: Mask of the tids of wires: when they deliver is open even where the order of tasks is not.
        self.wires = 0
        #: Whether the loop runs and no step is under way; and how many handles there were.
        self.is_idle, self.count = False, 0
        #: How many plain ones, how many of those have run, and the last one registered in the step under way.
        self._registered = self.done = self.barrier = 0
        #: The number of the last handle entered in the step under way: an asyncio loop runs those entered together in one go.
        self._batch, self._batch_moment = [0], -1
        self._held: list[Actor] = []
        self.patient: list[Actor] = []
        self.unseen: list[tuple[Actor, Entry]] = []
        #: The group that the step under way counts for (see `callbacks`).
        self.group: Any = None
        #: All handles in order; what has run is left in it for a while.
        self._order: deque[tuple[int, Actor]] = deque()
        #: Where tasks wait: for nothing that a queue could tell.
        self.queue = WaitQueue()

    def enter(self, handle: Any, *, wakes: bool = False) -> None:
        """Enter a handle; `wakes` says that the loop learns of it at once, from whatever thread it comes."""
        self.count += 1
        task = task_of(handle._callback)
        actor = self.plain
        if task is not None:
            actor = self.actor_of(task) or self._add(task)
        elif not self._is_fifo and group_of(handle._callback, handle._args) is not None:
            actor = self.actor_of(handle._args[0]) or actor
        if self._batch_moment == self.kernel.moment:
            self._batch[0] = self.count
        else:
            self._batch_moment, self._batch = self.kernel.moment, [self.count]
        self.note_wake(actor.thread)
        entry = self.count, handle, self._batch, None, ()
        if not wakes and self.kernel.me.carrier != self.carrier.tid:
            self.unseen.append((actor, entry))
            return
        self._put(actor, entry)

    def enter_step(self, task: Any, step: Any, arguments: tuple[Any, ...], context: Any) -> None:
        """Enter the next step of a task: nobody asks for its handle, so there is none."""
        try:
            actor = task._actor or self._add(task)
        except AttributeError:
            actor = self.by_task.get(task) or self._add(task)
        if self.kernel.observer is not None:
            self.note_wake(actor.thread)
        self.count = count = self.count + 1
        entry = count, None, context, step, arguments
        if self.kernel.me.carrier != self.carrier.tid:
            self.unseen.append((actor, entry))
        elif self.barrier > self.done or self.is_idle or self.kernel.every:
            self._put(actor, entry)
        else:
            # As `_put` does, for the most common case.
            actor.handles.append(entry)
            self._order.append((count, actor))
            if actor is self.actor and actor.is_spinning():
                self._hold_back(actor)
            else:
                self.mask |= actor.thread.bit

    def note_wake(self, thread: LogicalThread) -> None:
        """Note that what a thread does next comes after the step under way, for whoever looks for races."""
        if (on_wake := self._steps.on_wake) is not None:
            on_wake(self.kernel.me.tid, thread.tid)

    def enter_delivery(self, wire: Any, deliver: Any, context: Any) -> None:
        """Enter a delivery: a step of its wire."""
        self.count += 1
        actor = wire._actor or self._add(wire, is_wire=True)
        self.wires |= actor.thread.bit
        self.note_wake(actor.thread)
        self._put(actor, (self.count, None, context, deliver, ()))

    def actor_of(self, task: Any) -> Actor | None:
        """Return the actor of a task that has not ended, None if it has none yet."""
        actor: Actor | None = getattr(task, "_actor", None) or self.by_task.get(task)
        return actor

    def enter_due(self, handle: Any) -> None:
        """Enter a timer that is due."""
        self.count += 1
        barrier = self.barrier
        self._put(self.plain, (self.count, handle, [self.count], None, ()))
        # Whoever is woken by the first need not wait for the others: for real they are hardly due at once.
        self.barrier = barrier

    def _put(self, actor: Actor, entry: Entry) -> None:
        if self._steps.touched is not None:
            if self.group is not None:
                actor.groups.append(self.group)
            else:
                self._steps.enter_object(actor.mailbox(), WRITE)
                self._steps.enter_object(self.loop, WRITE if is_stop(entry[1], self.loop) else READ)
        actor.handles.append(entry)
        if actor.queue is not None or actor is self.plain:
            self._order.append((entry[0], actor))
        if actor is self.plain:
            self._registered += 1
            if not self.is_idle:
                self.barrier = self._registered
        elif self.barrier > self.done and not self._is_fifo:
            actor.barrier = self.barrier
            self._held.append(actor)
            return
        elif actor is self.actor and not self.is_idle and actor.is_spinning():
            self._hold_back(actor)
            return
        self._make_ready(actor)

    def _hold_back(self, actor: Actor) -> None:
        """Have a task wait that yields again and again: schedules in which it goes on meanwhile are not explored, so there is no proof."""
        self.kernel.trace.is_bounded = True
        self.patient.append(actor)

    def _make_ready(self, actor: Actor) -> None:
        """Let an actor be chosen for its next handle; what its step will touch is not known."""
        thread, kernel = actor.thread, self.kernel
        self.mask |= thread.bit
        if (kernel.every and actor is not self.actor) or self.is_idle:
            kernel.pending[thread.tid] = actor.announce_ready(kernel.pending[thread.tid])
        if self.is_idle:
            if actor is self.plain:
                self.loop.scheduler.timers.rest()
            kernel.enabled |= thread.bit if not self._is_fifo or actor.queue is None else self.first_bit()

    def _add(self, task: Any, *, is_wire: bool = False) -> Actor:
        """Make the logical thread of a task: a child of whose step made it ready first."""
        kernel = self.kernel
        thread = add_thread(self, task.get_name(), is_daemon=is_wire)
        actor = self.by_tid[thread.tid] = Actor(self.loop, thread, task)
        try:
            task._actor = actor
        except AttributeError:
            # A task of another class has no place for it.
            self.by_task[task] = actor
            self.loop.rename(task)
        thread.task = thread.resource = actor
        thread.queue = actor.queue = None if is_wire else self.queue
        kernel.pending[thread.tid] = actor.announce_blocked() if kernel.every else actor.announce_step()
        return actor

    def clear(self) -> None:
        """Forget all actors: the execution is over."""
        for task in [actor.task for actor in self.by_tid.values()]:
            self._forget(task)
        for several in (self.by_tid, self._order, self._held, self.patient, self.unseen, self.plain.handles):
            several.clear()
        self.actor = self.plain

    def _forget(self, task: Any) -> None:
        if self.by_task.pop(task, None) is None:
            task._actor = None

    def move_to(self, carrier: LogicalThread) -> None:
        """Let another thread run the loop, which takes in what others have registered meanwhile."""
        self.mask &= ~self.carrier.bit
        self.carrier = self.plain.thread = carrier
        self.actor = self.plain
        for actor in self.by_tid.values():
            actor.thread.carrier, actor.thread.fiber = carrier.tid, carrier.fiber
        while self.unseen:
            self._put(*self.unseen.pop(0))
        if self.plain.handles:
            self.mask |= carrier.bit

    # -- steps -----------------------------------------------------------------------------------------------

    def begin(self, actor: Actor) -> None:
        """Note that an actor was chosen."""
        self.actor = actor
        self.mask &= ~actor.thread.bit
        self.barrier = self.done

    def end(self) -> None:
        """Note that the step under way has run its handle, before its footprint is complete."""
        if self.actor is self.plain:
            self.done = self._registered - len(self.plain.handles)
            held, self._held = self._held, []
            for actor in held:
                if actor.barrier > self.done:
                    self._held.append(actor)
                else:
                    self.release(actor)

    def release(self, actor: Actor) -> None:
        """Make an actor ready that had to let others go first."""
        self._steps.enter_object(actor.mailbox(), WRITE)
        self._make_ready(actor)

    def settle(self) -> None:
        """Announce what the actor does next whose step is over."""
        actor, kernel = self.actor, self.kernel
        thread, task = actor.thread, actor.task
        while self.unseen:
            self._put(*self.unseen.pop(0))
        if task is None:
            self.mask = self.mask | thread.bit if actor.handles else self.mask & ~thread.bit
        elif not actor.handles and is_done(task):
            thread.is_finished = True
            kernel.pending[thread.tid] = None
            thread.queue = thread.resource = thread.fiber = None
            del self.by_tid[thread.tid]
            self._forget(task)
            self.loop.note_end(actor)
        else:
            thread.queue, thread.resource = actor.queue, actor
            if not actor.handles:
                actor.yields = 0
            elif actor.barrier <= self.done and actor not in self.patient:
                self.mask |= thread.bit
            if actor.handles or not kernel.every:
                kernel.pending[thread.tid] = actor.announce_ready(None) if is_done(task) else actor.announce_step()
            else:
                kernel.pending[thread.tid] = actor.announce_blocked()

    def first_bit(self) -> int:
        """Return the bit of the ready actor whose handle was entered first, 0 if none is ready."""
        return _first_bit(self._order, self.mask)

    def has_before(self, number: int) -> bool:
        """Tell whether a handle entered before the one of this number has yet to run."""
        if self.plain.handles and self.plain.handles[0][0] < number:
            return True
        return any(one.handles and one.handles[0][0] < number for one in self.by_tid.values() if one.queue is not None)


def release_patient(ready: Ready) -> None:
    """Make all ready that let everything else go first."""
    while ready.patient:
        ready.release(ready.patient.pop(0))


def add_thread(ready: Ready, name: str, *, is_daemon: bool = False) -> LogicalThread:
    """Make a logical thread whose steps the carrier performs: it has no greenlet of its own."""
    kernel, carrier = ready.kernel, ready.carrier
    thread: LogicalThread = kernel.add(list, name, is_daemon=is_daemon)
    # The kernel counts who keeps the execution going: the carrier does.
    kernel.alive -= not is_daemon
    thread.carrier, thread.fiber, thread.held = carrier.tid, carrier.fiber, ready.bit
    return thread


def _first_bit(order: deque[tuple[int, Actor]], mask: int) -> int:
    while order:
        number, actor = order[0]
        if actor.handles and actor.handles[0][0] <= number:
            break
        order.popleft()
    for _, actor in order:
        if actor.thread.bit & mask and actor.handles:
            return actor.thread.bit
    return 0
