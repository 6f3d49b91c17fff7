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
from interleave.runtime import active


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


def enter(obj: Any, field: Any, mode: int) -> None:
    """Add an access to a future to the footprint of the step under way."""
    trap = active()
    if trap is not None and trap.steps is not None and trap.steps.touched is not None:
        trap.steps.enter_object(obj, mode, field)


def noted(original: Any, mode: int, field: Any = RESULT) -> Callable[..., Any]:
    """Return a method that notes an access before it does what the original does."""

    def method(self: Any, *args: Any, **options: Any) -> Any:
        enter(self, field, mode)
        return original(self, *args, **options)

    method.__name__ = getattr(original, "__name__", "method")
    return method


#: Field of what a gathering future has counted.
COUNTED = COUNT

#: What looks at a future, and what changes it.
LOOKS = ("result", "exception", "done", "cancelled")
CHANGES = ("remove_done_callback", "set_result", "set_exception")


def note_all(cls: Any, real: Any) -> None:
    """Give a class noted variants of the methods of futures."""
    for name in LOOKS:
        setattr(cls, name, noted(getattr(real, name), READ))
    for name in CHANGES:
        setattr(cls, name, noted(getattr(real, name), WRITE))
    for name in ("__await__", "__iter__"):
        setattr(cls, name, noted(getattr(real, name), WRITE))


def noted_change(original: Any) -> Callable[..., Any]:
    """Return a method that notes that a future is done, also to the steps that count for it, of which `asyncio.wait` has some."""

    def method(self: Any, *args: Any, **options: Any) -> Any:
        enter(self, RESULT, WRITE)
        enter(self, COUNT, WRITE)
        return original(self, *args, **options)

    return method


class NotedFuture(Future):
    """A future that notes who looks at it."""

    __slots__ = ()


def noted_cancel(original: Any) -> Callable[..., Any]:
    """Return a method that asks a task to end, noted: it concerns the next step of the task, if it has not ended."""

    def cancel(self: Any, msg: Any = None) -> bool:
        enter(self, STATE, WRITE)
        enter(self, RESULT, READ)
        return bool(original(self, msg))

    return cancel


def noted_add(original: Any) -> Callable[..., Any]:
    """Return a method that has a function called when a task has ended, noted."""

    def add_done_callback(self: Any, fn: Any, /, *, context: Any = None) -> None:
        enter(self, RESULT, WRITE)
        group = owner_of(fn)
        if group is not None:
            # It gets its name from whoever waits for the task, not from the task that ends first.
            enter(group, COUNT, READ)
        original(self, fn, context=context)

    return add_done_callback


class NotedTask(Task):
    """A task that notes who looks at it and who cancels it."""

    __slots__ = ()
    cancel = noted_cancel(asyncio.Task.cancel)
    add_done_callback = noted_add(asyncio.Task.add_done_callback)
    cancelling = noted(asyncio.Task.cancelling, READ, STATE)
    uncancel = noted(asyncio.Task.uncancel, WRITE, STATE)
    get_name = noted(asyncio.Task.get_name, READ, "name")
    set_name = noted(asyncio.Task.set_name, WRITE, "name")


note_all(NotedFuture, asyncio.Future)
for _name in ("cancel", "set_result", "set_exception"):
    setattr(NotedFuture, _name, noted_change(getattr(asyncio.Future, _name)))
NotedFuture.add_done_callback = noted(asyncio.Future.add_done_callback, WRITE)
note_all(NotedTask, asyncio.Task)
