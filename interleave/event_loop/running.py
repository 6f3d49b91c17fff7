"""What CPython keeps of event loops per OS thread, and each thread of a program must have for itself.

All logical threads share one OS thread. The running loop and the hooks for asynchronous generators are exchanged when the kernel
switches from one thread to another, together with thread-local values; before any loop has run there is nothing to
exchange. (Which task runs is kept per loop, and only one step of a loop is under way.)
"""

from __future__ import annotations

import sys
from asyncio import events
from typing import Any


class LoopLocals:
    """Exchanges the running loop besides what `inner` exchanges (see `runtime.thread_state.Locals`)."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def swap(self, theirs: Any) -> Any:
        """Put `theirs` in place (None: those of a new thread) and return what was there."""
        loop, hooks = events._get_running_loop(), sys.get_asyncgen_hooks()
        inner = self._inner.swap(theirs[0] if theirs is not None else None) if self._inner is not None else None
        if theirs is None:
            events._set_running_loop(None)
            sys.set_asyncgen_hooks(None, None)
        else:
            events._set_running_loop(theirs[1])
            sys.set_asyncgen_hooks(*theirs[2])
        return inner, loop, hooks

    def drop(self, saved: Any) -> None:
        """Destroy the values of a logical thread that has ended."""
        if self._inner is not None and saved[0] is not None:
            self._inner.drop(saved[0])


def share(kernel: Any) -> None:
    """Have the running loop exchanged from now on, for the rest of the execution."""
    if type(kernel.locals) is LoopLocals:
        return
    inner, kernel.locals = kernel.locals, LoopLocals(kernel.locals)
    for thread in kernel.logical:
        # What stands still meanwhile has no running loop.
        if thread.locals is not None and inner is not None:
            thread.locals = thread.locals, None, (None, None)


class Hidden:
    """Makes this OS thread forget the loop that runs in it: an exploration may be made from within one."""

    def __init__(self) -> None:
        self._loop = events._get_running_loop()
        self._hooks = sys.get_asyncgen_hooks()
        events._set_running_loop(None)
        sys.set_asyncgen_hooks(None, None)

    def restore(self) -> None:
        """Remember it again."""
        events._set_running_loop(self._loop)
        sys.set_asyncgen_hooks(*self._hooks)
