"""Keeps apart what tools that trace a program know of its logical threads: coverage.py above all.

A trace function (`sys.settrace`) belongs to an OS thread, and whoever set it keeps a stack of the frames it was told of. Logical threads
share one OS thread, so their calls and returns would meet on one stack, and lines would be counted in the wrong file, or nowhere. What
`threading.settrace` asks to be called in new threads would make it worse: each would replace the trace function of all.

* A tracer written in C gets every event, and cannot be led around. That of coverage.py keeps a stack for each whatever-it-is that its
  `concur_id_func` returns: for the time of an exploration, that is the greenlet.
* A trace function written in Python is asked at calls only; what it returns is asked for everything else in that frame. So it is enough to
  lead calls to the right one: the one that is there anyway for the scenario, and for each other logical thread what the function for
  new threads makes. Frames of ours are passed over. They are what stays open in greenlets between executions, and what is called while
  a thread stands still; without them each stack is empty when its thread has ended, and the thread of the same number goes on with it
  in the next execution.
* Tools that use `sys.monitoring` are told of code, not of threads; there is nothing to do. Instrumented code has the file and the lines
  of its original, and what a tool does not know yet is counted from its first call on.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from interleave.runtime import state
from interleave.runtime.kernel import getcurrent  # type: ignore[attr-defined]
from interleave.runtime.sites import is_ours

#: Called with a frame, an event and its argument; returns what is to be called for everything else in the frame.
Trace = Callable[[Any, Any, Any], Any]


class Tracers:
    """Keeps them apart between `part` and `rejoin`.

    Both have to be called from the same depth of the same caller: the frames that are open when the C tracer is told to look at
    greenlets return on a stack that has none of them, and as many as that must return when it has been told to stop.
    """

    def __init__(self) -> None:
        #: What traces this OS thread, and what is to trace new ones.
        self._own: Any = None
        self._for_threads: Any = None
        self._is_told = False
        self._by_tid: dict[int, Trace] = {}

    def part(self) -> None:
        """Begin: whatever traces this OS thread, as it is now, is told or led around."""
        self._own, self._for_threads = sys.gettrace(), threading.gettrace()
        if self._for_threads is not None:
            threading.settrace(None)
        if hasattr(self._own, "concur_id_func"):
            if self._own.concur_id_func is None:
                self._own.concur_id_func = getcurrent
                self._is_told = True
        elif self._for_threads is not None:
            self._by_tid[0] = self._own or _ignore
            sys.settrace(self._lead)

    def rejoin(self) -> None:
        """End, and put everything back that is still as it was left."""
        if self._is_told:
            self._own.concur_id_func = None
            self._is_told = False
        elif sys.gettrace() == self._lead:
            sys.settrace(self._own)
        if self._for_threads is not None and threading.gettrace() is None:
            threading.settrace(self._for_threads)
        self._by_tid.clear()
        self._own = self._for_threads = None

    def _lead(self, frame: Any, event: str, argument: Any) -> Any:
        """Trace a call: lead it to the trace function of its logical thread, and return what is to trace the frame."""
        if is_ours(frame.f_code.co_filename):
            return None
        running = state.kernel
        tid = 0 if running is None else running.current
        known = self._by_tid.get(tid)
        if known is not None:
            return known(frame, event, argument)
        result = self._for_threads(frame, event, argument)
        # It may have set another one in its place, as it would have done in a thread.
        made: Any = sys.gettrace()
        self._by_tid[tid] = self._for_threads if made is None or made == self._lead else made
        sys.settrace(self._lead)
        return result


def _ignore(*_: object) -> None:
    """Trace nothing: only threads that are started are to be traced."""
