"""Who is to give a future its result, for reports of deadlocks: as far as callbacks and frames tell."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from interleave.runtime.sites import outwards
from interleave.runtime.threads import LogicalThread


def fulfillers(trap: Any, futures: Sequence[object]) -> tuple[int, ...]:
    """Return the tids of those for whom futures wait.

    That are tasks at whose end one is set; who keeps an event loop from calling what sets it; and the workers of a pool that have to do it.
    """
    futures = [one for one in futures if one is not None]
    living = [one for one in trap.kernel.logical if not one.is_finished]
    loops = [one for one in (trap.steps.loops if trap.steps is not None else ()) if one._thread_id is not None]
    found = [one.tid for one in living if one.task is not None and any(map(one.task.provides, futures))]
    found += [loop.scheduler.running.tid for loop in loops if _is_to_call(loop.scheduler.ready.plain.handles, futures)]
    found += [one.tid for one in living if one.task is None and _is_to_work(one, futures)]
    return tuple(dict.fromkeys(found))


def leads_to(callback: Any, arguments: Sequence[object], future: object) -> bool:
    """Tell whether a callback seems to set a future: it is a method of it, or has it at hand."""
    while type(callback) is partial:
        callback, arguments = callback.func, (*callback.args, *arguments)
    owner = getattr(callback, "__self__", None)
    # The last: of a `TaskGroup`.
    known = [owner, *arguments, *contents_of(callback), getattr(owner, "_on_completed_fut", None)]
    return any(one is future for one in known)


def contents_of(callback: object) -> list[object]:
    """Return what the closure variables of a function hold."""
    found = []
    for cell in getattr(callback, "__closure__", None) or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:
            continue
    return found


def _is_to_call(handles: Any, futures: Sequence[object]) -> bool:
    return any(leads_to(handle._callback, handle._args or (), future) for _, handle, *_ in handles for future in futures)


def _is_to_work(thread: LogicalThread, futures: Sequence[object]) -> bool:
    """Tell whether a worker of a thread pool executes what gives a future its result, or has it before it."""
    innermost = thread.fiber.greenlet.gr_frame if thread.fiber is not None else None
    frame = next((one for one in outwards(innermost) if one.f_code.co_name == "_worker"), None)
    if frame is None:
        return False
    items = [frame.f_locals.get("work_item"), *getattr(frame.f_locals.get("work_queue"), "_items", ())]
    return any(getattr(item, "future", None) is future for item in items for future in futures)
