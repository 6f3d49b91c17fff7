"""Lets debuggers of the pydevd family, which are debugpy's (VS Code) and PyCharm's, stop in logical threads.

Such a debugger traces the program in the program's own thread: there it tells its other threads, by queues, that it has stopped, and waits
on an event until they tell it to go on. Under control both would be operations of the logical thread, and what it waits for would never
come; an expression evaluated meanwhile would be a part of the schedule. So for the time of an exploration the methods of the debugger
(`PyDB`), and what `breakpoint()` calls, run with control suspended, as a strategy does, but still see themselves in the logical thread. In
the debugger's own threads stand-ins act on the real things anyway.

What unwinds the threads of an execution that is over is no exception of the program, and no reason to stop.
"""

from __future__ import annotations

import sys
import threading
from functools import wraps
from types import FunctionType
from typing import Any

from interleave.runtime import active, gate, state
from interleave.runtime.suspension import Suspended
from interleave.runtime.threads import Unwind


def _aside(method: FunctionType) -> Any:
    """Have a function of a debugger run with control suspended where a logical thread calls it."""

    @wraps(method)
    def wrapper(*arguments: Any, **keywords: Any) -> Any:
        trap = active()
        if trap is None:
            return method(*arguments, **keywords)
        is_open, is_naming = gate.is_open, gate.is_naming
        if len(arguments) > 1 and isinstance(arguments[1], threading.Thread):
            # Where it takes one for another (PyCharm's does), it waits for what is sent to that one.
            state.guise = arguments[1].ident or 0
        else:
            # Between two logical threads it is in none.
            state.guise = threading.get_ident() if trap.kernel.me is not None else 0
        try:
            with Suspended():
                return method(*arguments, **keywords)
        finally:
            gate.is_open, gate.is_naming, state.guise = is_open, is_naming, 0

    # The debugger shows no frames of its own, and does not stop in them.
    run_aside: Any = wrapper
    run_aside.__code__ = run_aside.__code__.replace(co_filename=method.__code__.co_filename)
    return run_aside


class Debuggers:
    """Has a debugger that is there run aside, between `part` and `rejoin`."""

    def __init__(self) -> None:
        #: What was replaced, in order: who has it, its name, and what it was.
        self._replaced: list[tuple[Any, str, Any]] = []

    def part(self) -> None:
        """Begin. Where there is no debugger this costs one look."""
        module: Any = sys.modules.get("pydevd")
        if not hasattr(module, "PyDB") or not hasattr(module, "get_global_debugger"):
            return
        for owner, names in (module, ["_locked_settrace"]), (module.PyDB, [name for name in vars(module.PyDB) if name[:2] != "__"]):
            for name in names:
                if isinstance(function := vars(owner).get(name), FunctionType):
                    self._replace(owner, name, _aside(function))
        # Before 3.12 it warns of a trace function that is not its own, and we lead its own to threads (`tracing`).
        holder: Any = getattr(sys.modules.get("pydevd_tracing"), "TracingFunctionHolder", None)
        if getattr(holder, "_original_tracing", None) is not None:
            self._replace(sys, "settrace", holder._original_tracing)
        debugger = module.get_global_debugger()
        search = getattr(debugger, "get_exception_breakpoint", None)
        if search is not None:
            self._replace(debugger, "get_exception_breakpoint", lambda kind, known: None if kind is Unwind else search(kind, known))

    def rejoin(self) -> None:
        """End, and put everything back."""
        while self._replaced:
            setattr(*self._replaced.pop())

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        self._replaced.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)
