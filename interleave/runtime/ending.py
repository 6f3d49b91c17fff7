"""The end of an execution: the judgement on it, and the unwinding of every logical thread that has not finished."""

from __future__ import annotations

from ctypes import py_object, pythonapi
from itertools import pairwise
from typing import Any, NoReturn

from interleave.errors import InternalError
from interleave.model import Outcome
from interleave.runtime.threads import Judge, LogicalThread, Unwind

#: How many steps daemons are followed when nothing else is left to do: the end of the program would stop them.
_CLOSING = 1_000
#: Into how many parts the second half of an execution is taken apart, to judge whether it is fair; and how many moments a part must
#: have for each thread that could go on, lest one is missing by chance.
_PARTS = 8
_PART = 16
#: How often a thread that catches `Unwind` gets it again.
_UNWINDS = 100
#: Operations that a thread may still perform while it is unwound, and for how many of them it counts to have caught `Unwind`.
GRACE = 100_000
_CAUGHT = 100


def ends_the_program(kernel: Any, thread: LogicalThread) -> bool:
    """Tell whether the end of a thread ends the program while daemons could go on; when it comes is a choice then."""
    if thread.info.is_daemon or kernel.alive > 1 or not kernel.enabled & ~thread.bit:
        return False
    kernel.limit = min(kernel.limit, kernel.moment + _CLOSING)
    return True


def run_away(kernel: Any) -> None:
    """End an execution that has come to its bound, from within a logical thread."""
    if not kernel.is_ending:
        kernel.trace.is_cut = _is_unfair(kernel)
        kernel.is_runaway = not kernel.is_interrupted and not kernel.trace.is_cut
        kernel.stop()


def refuse(kernel: Any, pick: int) -> None:
    """End an execution whose strategy picked a thread that is not enabled."""
    able = [tid for tid in range(len(kernel.logical)) if kernel.enabled >> tid & 1]
    kernel.break_off(InternalError(f"the strategy picked thread {pick} at moment {kernel.moment}, but only {able} are enabled"))


def _is_unfair(kernel: Any) -> bool:
    """Tell whether threads go on and on while another one that could is hardly ever chosen: no livelock, only unfair.

    Who can go on has to have done so in each part of the second half. And who came to an end only then, may have done what the others wait
    for. Nor is it a livelock if hardly anything but daemons goes on where others, were they but chosen, could come to the end.
    """
    end = kernel.moment
    middle = end // 2
    began = {tid: moment for moment, tid in reversed(kernel.turns)}
    if any(one.ended > middle > began.get(one.tid, end) for one in kernel.logical):
        return True
    able = [one for one in kernel.logical if kernel.enabled & one.bit]
    parts = max(1, min(_PARTS, (end - middle) // (_PART * max(1, len(able)))))
    size = (end - middle) // parts
    ran: list[set[int]] = [set() for _ in range(parts)]
    daemons = 0
    for (start, tid), (stop, _) in pairwise([*kernel.turns, (end, -1)]):
        start = max(start, middle)
        if start < stop:
            daemons += (stop - start) * kernel.logical[tid].info.is_daemon
            for part in range((start - middle) // size, min(parts, (stop - 1 - middle) // size + 1)):
                ran[part].add(tid)
    if any(one.tid not in tids for tids in ran for one in able):
        return True
    return 4 * daemons > 3 * (end - middle) and any(not one.info.is_daemon for one in able)


def judged(kernel: Any, judge: Judge) -> Outcome | None:
    if kernel.error is not None or kernel.is_interrupted or kernel.trace.is_cut:
        return None
    if kernel.raised is not None:
        return judge.raised(*kernel.raised)
    return judge.runaway(kernel) if kernel.is_runaway else judge.blocked(kernel)


def leave(trap: Any) -> NoReturn:
    """End a thread that is being unwound; who catches that as well, again and again, is not gone on with."""
    trap.overstayed += _CAUGHT
    if trap.overstayed > GRACE:
        trap.kernel.hub.switch()
    raise Unwind


def unwind(kernel: Any) -> None:
    """Throw `Unwind` into every unfinished logical thread until it is gone, and get back the caller's thread-local values."""
    for thread in kernel.logical:
        # A task has no greenlet of its own: what runs its event loop is unwound.
        if thread.fiber is None or thread.carrier != thread.tid:
            continue
        for _ in range(_UNWINDS):
            if thread.fiber is None:
                break
            kernel.enter(thread)
            thread.fiber.greenlet.throw(Unwind)
        else:
            # To be destroyed would let it go on, and hang.
            pythonapi.Py_IncRef(py_object(thread.fiber))
            kernel.trace.uncontrolled.append(f"thread {thread.info.name!r} could not be unwound: it catches BaseException in a loop")
    kernel.enter(kernel.logical[0])
    for thread in kernel.logical[1:]:
        if kernel.locals is not None and thread.locals is not None:
            kernel.locals.drop(thread.locals)
            thread.locals = None
