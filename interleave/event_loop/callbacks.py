"""What a callback is: the step of a task, one that commutes with its like, or a plain one.

`gather`, `wait` and `TaskGroup` have a callback called when each of their tasks ends. As long as none has failed these only count, and
the last one wakes whoever waits: their order means nothing. If they were run in the order of registration, as plain callbacks are, every
order in which independent tasks can end would be another schedule. So such a callback is run as one more step of the task that has ended.
Steps of this kind touch the group that they count for, by reading; the step of the task that the last one wakes writes it. So they are in
no conflict with each other, and all of them happen before what follows.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Iterator
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, MethodWrapperType, ModuleType
from typing import Any

from interleave.model import READ, WRITE
from interleave.runtime import state
from interleave.runtime.sites import USER, rank

_STEPS = frozenset({"task_wakeup", "__step", "__wakeup", "_Task__step", "_Task__wakeup"})
# Not in a tuple, which would be copied for the time of an exploration, by another pass over the heap (see `plain`).
_Task: Any = asyncio.Task
_PyTask: Any = vars(asyncio.tasks)["_PyTask"]
#: Types written in C, whose objects do not say when they are looked at.
_MUTE = frozenset({asyncio.Future, asyncio.Task})
#: The type of the first step of a task written in C, once one was seen: nothing else is of that type.
first_steps: set[type] = set()

#: What `run_until_complete` has called when its future is done.
_end_of_run: Any = vars(asyncio.base_events)["_run_until_complete_cb"]


def is_stop(handle: Any, loop: Any) -> bool:
    """Tell whether a handle is known to stop a loop.

    What was entered before it, or in the same step, is run before the loop ends, and the rest is not. So whoever enters it is in conflict
    with all who enter something else (see `ready`).
    """
    callback = getattr(handle, "_callback", None)
    return callback is _end_of_run or (type(callback) is MethodType and callback == loop.stop)


def _is_task(one: Any) -> bool:
    return isinstance(one, _Task) or isinstance(one, _PyTask)  # noqa: SIM101


def task_of(callback: Any) -> Any:
    """Return the task whose next step a callback is, or None."""
    if type(callback) in first_steps:
        return callback.__self__
    owner = getattr(callback, "__self__", None)
    if owner is None or not _is_task(owner):
        return None
    if getattr(callback, "__name__", "") in _STEPS:
        return owner
    if type(callback).__name__ == "TaskStepMethWrapper":
        first_steps.add(type(callback))
        return owner
    return None


def touched_by(callback: Any, arguments: tuple[Any, ...]) -> Iterator[tuple[Any, int]]:
    """Yield what a callback written in C changes and reads: nobody announces that for it, as its caller would."""
    while type(callback) is partial:
        callback, arguments = callback.func, (*callback.args, *arguments)
    if type(callback) in (BuiltinFunctionType, MethodWrapperType) and type(callback.__self__) not in (ModuleType, type(None)):
        yield callback.__self__, WRITE
    if type(callback) not in (FunctionType, MethodType):
        for one in arguments:
            if type(one) in (list, dict, set, deque):
                yield one, READ


def is_unseen(code: CodeType) -> bool:
    """Tell whether code is the program's, an installed package's for instance, and says nothing of what it touches."""
    # What makes a task of an awaitable steps that.
    return (rank(code) == USER and id(code) not in state.instrumented) or code.co_name == "_wrap_awaitable"


def calls_unseen(callback: Any) -> bool:
    """Tell whether nobody knows what a callback touches."""
    while type(callback) is partial:
        callback = callback.func
    function = getattr(callback, "__func__", callback)
    code = getattr(function, "__code__", None) or getattr(type(callback).__call__, "__code__", None)
    return type(code) is CodeType and is_unseen(code)


def is_done(task: Any) -> bool:
    """Tell whether a task has ended, without that being noted."""
    return bool(task._state != "PENDING")


def is_noted(future: Any) -> bool:
    """Tell whether a future says when it is looked at (see `plain`)."""
    return type(future) not in _MUTE


def is_numbered(task: Any) -> bool:
    """Tell whether a task has the name that asyncio gives to those that are made without one."""
    return re.fullmatch(r"Task-\d+", task.get_name()) is not None


def _nested(function: Any, name: str) -> CodeType:
    found = [one for one in function.__code__.co_consts if isinstance(one, CodeType) and one.co_name == name]
    return found[0]


#: By id of the code of a counting callback: the closure variable that tells its group. The code lives as long as asyncio.
_COUNTERS: dict[int, str] = {
    id(_nested(asyncio.gather, "_done_callback")): "outer",
    id(_nested(asyncio.tasks._wait, "_on_completion")): "waiter",  # type: ignore[attr-defined]
}
_of_group: Any = vars(asyncio.TaskGroup)["_on_task_done"]


def group_of(callback: Any, arguments: tuple[Any, ...]) -> Any:
    """Return the group that a callback counts for, if it does nothing but count for a task that has ended well, else None."""
    if not arguments or not _is_task(arguments[0]) or not has_ended_well(arguments[0]):
        return None
    return owner_of(callback)


def owner_of(callback: Any) -> Any:
    """Return the group that a callback counts for, or None if it is not one that counts."""
    kind = type(callback)
    if kind is MethodType:
        return callback.__self__ if callback.__func__ is _of_group else None
    if kind is FunctionType and id(callback.__code__) in _COUNTERS:
        cells = dict(zip(callback.__code__.co_freevars, callback.__closure__, strict=True))
        try:
            # The first one wakes whoever waits for any: that is not only counting.
            is_any = "return_when" in cells and cells["return_when"].cell_contents == asyncio.FIRST_COMPLETED
            return None if is_any else cells[_COUNTERS[id(callback.__code__)]].cell_contents
        except ValueError:
            return None
    return None


def has_ended_well(task: Any) -> bool:
    """Tell whether a task has a result, without marking an exception as seen."""
    return task._state == "FINISHED" and task._exception is None
