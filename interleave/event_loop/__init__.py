"""asyncio under control: an event loop of ours, on which all of asyncio runs unmodified.

    takeover    puts the loop where programs ask for one, for the time of an exploration
    loop        the event loop: what asyncio calls, and what it does instead of real input and output
    sharing     what other threads see of it
    scheduler   whose step is next, and performing it
    ready       which tasks and callbacks are ready, and in what order
    timers      when time goes on, and what is due then
    actors      what is scheduled: one actor for each task, one for all plain callbacks
    callbacks   which callbacks are steps of tasks, and which commute
    futures     futures and tasks that say when they are looked at
    plain       the same for those that the program makes by itself
    primitives  the same for locks, queues and the rest of asyncio, and who holds them

**Which executions there are.** With `task_order="any"` every task that is ready may step next. That is what real programs can meet: when a
task becomes ready depends on sockets, timers and other processes, so two tasks that are ready in one order here are ready in
the other order on another day. Plain callbacks keep the order in which they were registered, which `loop.call_soon` documents, and a step
of a task comes after the plain callbacks that were registered before it in the same step: nobody can have
put anything in between. With `task_order="fifo"` all callbacks, steps of tasks included, run in the order in which they were registered, as
they do in CPython when no input or output is in play; what is left open then is the order of threads, of timers that
are due at the same time, and what executors deliver when.

Nothing here is imported before a program uses asyncio.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def as_function(scenario: Callable[[], Any]) -> Callable[[], object]:
    """Return a scenario as a plain function: an `async def` one is run to its end on an event loop."""
    if not is_asynchronous(scenario):
        return scenario
    from interleave.event_loop.loop import run

    return lambda: run(scenario)


def is_asynchronous(scenario: object) -> bool:
    """Tell whether calling a scenario makes a coroutine."""
    return inspect.iscoroutinefunction(scenario) or inspect.iscoroutinefunction(vars(type(scenario)).get("__call__"))
