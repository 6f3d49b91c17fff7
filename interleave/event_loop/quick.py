"""The short way round the loop: steps of tasks where nobody but the strategy looks.

While only the thread of the loop is started, nothing waits for a moment in time, and neither footprints nor details are wanted, there is
little to a step: choose, run the handle, see who is ready now. Here that is done in one function, without the calls that `scheduler`
spreads it over. It does what they do, moment for moment, so that a schedule means the same on either way; as soon as anything else is
asked for it returns, and `Scheduler.run_once` does the next step.
"""

from __future__ import annotations

from typing import Any

from interleave.event_loop.actors import CALLBACK, NO_CALLBACK
from interleave.event_loop.callbacks import is_done
from interleave.event_loop.ready import Ready
from interleave.model import Deviation
from interleave.runtime.ending import refuse
from interleave.runtime.tasks import Steps
from interleave.runtime.threads import Unwind


def run_quickly(scheduler: Any, ready: Ready, steps: Steps) -> None:
    """Perform steps as long as they are simple."""
    kernel, plain, carrier = ready.kernel, ready.plain, ready.carrier
    by_tid, queue, scheduled = ready.by_tid, ready.queue, ready.loop._scheduled
    pending, events, trace, logical = kernel.pending, kernel.events, kernel.trace, kernel.logical
    while True:
        mask = ready.mask
        if not mask or scheduled or ready.patient or kernel.unjoined or kernel.enabled or kernel.watch is not None:
            return
        if scheduler.stopped_by >= 0 or scheduler.timers.thread.deadline is not None or kernel.moment >= kernel.limit or kernel.is_ending:
            return
        carrier.queue, carrier.resource = queue, scheduler.waiting
        me = scheduler.running
        if mask & (mask - 1):
            pending[carrier.tid] = CALLBACK if mask & carrier.bit else NO_CALLBACK
            thread = logical[_choose(kernel, mask, ready.first_bit(), me.bit)]
        else:
            kernel.moment += 1
            thread = logical[mask.bit_length() - 1]
        if thread is not me:
            kernel.turns.append((kernel.moment, thread.tid))
            trace.switches += 1
            trace.preemptions += bool(mask & me.bit)
        kernel.me, kernel.current = scheduler.running, tid = thread, thread.tid
        bit = kernel.enabled = thread.bit
        thread.queue = None
        ready.actor = actor = by_tid.get(tid, plain)
        ready.mask, ready.barrier = ready.mask & ~bit, ready.done
        if not actor.is_named:
            actor.is_named, thread.info.name = True, actor.task.get_name()
        operation = CALLBACK if actor is plain else pending[tid]
        events.append((tid, operation if operation.kind != "yield" else operation._replace(kind="step")))
        position, handles = len(events), actor.handles
        scheduler.current, handle, context, step, arguments = handles.popleft()
        if handle is None:
            try:
                context.run(step, *arguments)
            except Exception as error:
                scheduler.report(error)
        elif not handle._cancelled:
            scheduler.batch = context
            handle._run()
        if kernel.is_ending:
            raise Unwind
        if len(events) != position:
            steps.end(thread)
        kernel.enabled &= ~bit
        task = actor.task
        if task is None:
            ready.end()
            ready.settle()
        elif ready.unseen or ready.patient or is_done(task):
            ready.settle()
        else:
            thread.queue, thread.resource = actor.queue, actor
            if not handles:
                actor.yields = 0
            elif actor.barrier <= ready.done:
                ready.mask |= bit
            pending[tid] = actor.announce_step()


def _choose(kernel: Any, mask: int, first: int, mine: int) -> int:
    """Choose one of several that are ready, as `Kernel.pick_next` does."""
    kernel.enabled = mask
    kernel.default = default = (mask & first or mask & mine or mask & -mask).bit_length() - 1
    try:
        pick: int = kernel.choose(kernel)
    except BaseException as error:
        kernel.break_off(error)
    moment = kernel.moment
    kernel.moment = moment + 1
    if pick != default:
        if not mask >> pick & 1:
            refuse(kernel, pick)
        kernel.trace.deviations.append(Deviation(moment, pick))
    return pick
