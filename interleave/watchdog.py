"""The watchdog: an OS thread outside control that only looks whether the execution under way still makes steps.

All logical threads share one OS thread. If one of them waits for real (a lock that is not controlled, a socket, a loop in code out of
scope), nothing goes on and nobody is left to say so. After `hang` seconds of wall time without a step the watchdog takes the Python stack
of every logical thread and asks the OS thread to give up: by a signal where that is the main thread, which also ends calls that block,
else by an exception that arrives when the call returns. The exploration then ends as inconclusive, with the stacks: that a call takes long
is no proof that it would never return.
"""

from __future__ import annotations

import _thread
import ctypes
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from interleave.errors import NotControlled
from interleave.execution import Controls
from interleave.runtime import state
from interleave.runtime.sites import stack_of
from interleave.runtime.threads import Unwind

# The real things, whatever takeover does to modules meanwhile.
_start, _allocate, _now = _thread.start_new_thread, _thread.allocate_lock, time.monotonic
#: How often it looks, as a part of the time it allows.
_PART = 0.25


class Watchdog:
    """Watches the executions of one exploration, between `start` and `stop`."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._stopped = _allocate()
        self._begun = _allocate()
        #: Waits for the end of the thread, as the interpreter counts threads.
        self._join: Callable[[], object] = lambda: None
        self._ident = _thread.get_ident()
        self._is_main = threading.current_thread() is threading.main_thread()

    def start(self) -> None:
        """Begin to look."""
        if self._controls.hang is None:
            return
        self._stopped.acquire()
        self._begun.acquire()
        if sys.version_info >= (3, 13):
            self._join = _thread.start_joinable_thread(self._watch, daemon=True).join
        else:
            _start(self._watch, ())
        # Whoever counts threads must not see it come or go.
        self._begun.acquire()
        state.watchers += 1

    def stop(self) -> None:
        """Stop looking, and return when nothing of it is left."""
        if self._stopped.locked():
            self._stopped.release()
            self._join()
            state.watchers -= 1

    def _watch(self) -> None:
        if sys.version_info < (3, 13):
            # Released by the interpreter after the last step of this thread.
            sentinel = getattr(_thread, "_set_sentinel")()  # noqa: B009
            sentinel.acquire()
            self._join = sentinel.acquire
        hang = self._controls.hang or 0.0
        self._begun.release()
        last: Any = None
        since = _now()
        while not self._stopped.acquire(timeout=hang * _PART):
            kernel = self._controls.running
            seen = None if kernel is None else (id(kernel), kernel.moment, len(kernel.events), kernel.is_ending)
            if seen is None or seen != last:
                last, since = seen, _now()
            elif _now() - since >= hang:
                since = _now()
                self._give_up(kernel, hang)

    def _give_up(self, kernel: Any, hang: float) -> None:
        """End the execution. Asks again where the program goes on waiting while it is unwound."""
        if kernel.error is None:
            kernel.error = NotControlled(self._report(kernel, hang))
        kernel.is_ending = True
        if self._is_main and callable(signal.getsignal(signal.SIGINT)) and hasattr(signal, "pthread_kill"):
            signal.pthread_kill(self._ident, signal.SIGINT)
        else:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._ident), ctypes.py_object(Unwind))

    def _report(self, kernel: Any, hang: float) -> str:
        lines = [f"no step for {hang:g} s of wall time: something blocks that is not controlled, or a call takes very long"]
        lines += [f"before that, {entry}" for entry in kernel.trace.uncontrolled]
        for thread in list(kernel.logical):
            if thread.is_finished or thread.fiber is None:
                continue
            is_running = thread.tid == kernel.current
            frame = sys._current_frames().get(self._ident) if is_running else thread.fiber.greenlet.gr_frame
            lines.append(f"thread {thread.info.name!r} " + ("is in:" if is_running else "stands at:"))
            lines += [f"  {one.file}:{one.line} in {one.function}" for one in stack_of(frame)[-12:]]
        return "\n".join(lines)
