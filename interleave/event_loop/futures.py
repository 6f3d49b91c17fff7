"""Tasks and futures of a controlled loop.

They are asyncio's own, with one difference: their hash is a number, in the order in which they were first asked for it. Sets of tasks
are everywhere in asyncio (`TaskGroup`, `wait`, `all_tasks`), and are gone through in the order of hashes, which would be that of addresses.

Where a strategy asks for footprints, the noted variants say when somebody looks at or changes what others can see of them. What
only concerns the next step of a task (being made ready, being cancelled) touches its mailbox, and its end touches its result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from interleave.event_loop.callbacks import owner_of
from interleave.event_loop.scheduler import COUNT, RESULT
from interleave.model import READ, STATE, WRITE
from interleave.runtime import active, gate


class _Numbers:
    """Hands out numbers, from 1 in every execution."""

    epoch: Any = None
    last = 0


def renew(trap: Any) -> None:
    """Begin to count anew if the execution is another one."""
    if _Numbers.epoch is not trap.epoch:
        _Numbers.epoch, _Numbers.last = trap.epoch, 0


def _number_of(future: Any) -> int:
    """Return the number of a task or future, which it gets when it is first asked for its hash."""
    try:
        number: int = future._number
    except AttributeError:
        _Numbers.last = future._number = number = _Numbers.last + 1
    return number


_Task: Any = asyncio.Task
_Future: Any = asyncio.Future


def meet(obj: Any, mode: int) -> None:
    """Announce what a thread does to a future of a loop that another one runs: it is in conflict with all that this loop does."""
    loop = getattr(obj, "_loop", None)
    if isinstance(loop, asyncio.BaseEventLoop) and (announce := getattr(loop, "meet", None)) is not None:
        announce("put" if mode else "look", mode)


def _shared(original: Any, mode: int) -> Callable[..., Any]:
    """Return a method that other threads call, too: they may not, but for those that look."""

    def method(self: Any, *args: Any, **options: Any) -> Any:
        if gate.is_open:
            meet(self, mode)
        return original(self, *args, **options)

    method.__name__ = original.__name__
    return method


#: What threads call on futures of loops that are not theirs. What makes somebody go on is announced by `loop.call_soon`, too.
_SHARED = {
    **dict.fromkeys(("done", "cancelled", "exception", "result", "__repr__"), READ),
    **dict.fromkeys(("cancel", "set_result", "set_exception", "add_done_callback"), WRITE),
}


class Task(_Task):  # type: ignore[misc]
    """A task with a hash that is the same in every execution."""

    #: `_actor` is what its loop knows of it while it has not ended.
    __slots__ = ("_actor", "_number")

    def __hash__(self) -> int:
        return _number_of(self)


class Future(_Future):  # type: ignore[misc]
    """A future with a hash that is the same in every execution."""

    __slots__ = ("_number",)

    def __hash__(self) -> int:
        return _number_of(self)


def enter(obj: Any, mode: int, *fields: Any) -> None:
    """Add accesses to an object to the footprint of the step under way."""
    trap = active()
    if trap is not None and trap.steps is not None and trap.steps.touched is not None:
        for field in fields:
            trap.steps.enter_object(obj, mode, field)


def noted(original: Any, mode: int, *fields: Any) -> Callable[..., Any]:
    """Return a method that notes accesses, to the result if no fields are given, before it does what the original does."""
    fields = fields or (RESULT,)

    def method(self: Any, *args: Any, **options: Any) -> Any:
        enter(self, mode, *fields)
        return original(self, *args, **options)

    method.__name__ = getattr(original, "__name__", "method")
    return method


def noted_methods(real: Any, *, is_task: bool) -> dict[str, Callable[..., Any]]:
    """Return noted variants of the methods of a class of futures: of those that look at one, and of those that change it."""
    found = {name: noted(getattr(real, name), READ) for name in ("result", "exception", "done", "cancelled", "__repr__")}
    found |= {name: noted(getattr(real, name), WRITE) for name in ("remove_done_callback", "__await__", "__iter__")}
    # That it is done is also seen by the steps that count for it, of which `asyncio.wait` has some.
    done = (RESULT,) if is_task else (RESULT, COUNT)
    found |= {name: noted(getattr(real, name), WRITE, *done) for name in ("cancel", "set_result", "set_exception")}
    if is_task:
        found |= {"cancel": _noted_cancel(real.cancel), "add_done_callback": _noted_add(real.add_done_callback)}
        found |= {"cancelling": noted(real.cancelling, READ, STATE), "uncancel": noted(real.uncancel, WRITE, STATE)}
        found |= {"get_name": noted(real.get_name, READ, "name"), "set_name": noted(real.set_name, WRITE, "name")}
    else:
        found["add_done_callback"] = noted(real.add_done_callback, WRITE)
    return found | {name: _shared(found[name], mode) for name, mode in _SHARED.items()}


def _noted_cancel(original: Any) -> Callable[..., Any]:
    """Return a method that asks a task to end, noted: it concerns the next step of the task, if it has not ended."""

    def cancel(self: Any, msg: Any = None) -> bool:
        enter(self, WRITE, STATE)
        enter(self, READ, RESULT)
        if (trap := active()) is not None and trap.steps is not None:
            trap.steps.tell("cancel", self)
        return bool(original(self, msg))

    return cancel


def _noted_add(original: Any) -> Callable[..., Any]:
    """Return a method that has a function called when a task has ended, noted."""

    def add_done_callback(self: Any, fn: Any, /, *, context: Any = None) -> None:
        enter(self, WRITE, RESULT)
        group = owner_of(fn)
        if group is not None:
            # It gets its name from whoever waits for the task, not from the task that ends first.
            enter(group, READ, COUNT)
        original(self, fn, context=context)

    return add_done_callback


class NotedFuture(Future):
    """A future that notes who looks at it."""

    __slots__ = ()


class NotedTask(Task):
    """A task that notes who looks at it and who cancels it."""

    __slots__ = ()


for _noted, _real in ((NotedFuture, asyncio.Future), (NotedTask, asyncio.Task)):
    for _name, _mode in _SHARED.items():
        setattr(_noted.__base__, _name, _shared(getattr(_real, _name), _mode))
    for _name, _method in noted_methods(_real, is_task=_noted is NotedTask).items():
        setattr(_noted, _name, _method)
