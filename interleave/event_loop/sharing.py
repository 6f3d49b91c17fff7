"""What threads do to an event loop that another one runs: they give it something, look at it, close it.

asyncio allows little of it. But a program that does it has an outcome for every order, so each of these is an operation. For the thread
that runs the loop its steps are operations, which touch the loop, and that it begins to run and is closed. What this thread does besides,
before and after, is seen by nobody. So there is no proof where two threads run a loop one after the other, with others beside them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from interleave.errors import NotControlled
from interleave.model import READ, WRITE
from interleave.runtime import UNWOKEN, active, state

OTHER_EXECUTION = (
    "an event loop is used in another execution than the one that made it.\nMake the loop inside the scenario: asyncio.run(...)"
)


class Shared:
    """The part of an event loop that other threads see."""

    # Set by the loop; its own constructor looks whether it runs.
    _trap: Any = None
    _kernel: Any
    _closed: bool
    _check_closed: Callable[[], None]
    _thread_id: int | None
    _scheduled: list[Any]
    _default_executor: Any
    #: The tid of the thread that runs it, or was the last to do so; -1 before.
    _home = -1
    #: Whether that thread has said that it is about to run it.
    _has_moved_in = False

    def meet(self, kind: str = "put", mode: int = WRITE, *, wakes: bool = False) -> None:
        """Announce that another thread than the loop's own is about to give it something, or to look at it."""
        trap = active()
        if trap is not None and trap is self._trap and trap.kernel.me.carrier != self._home:
            if mode and not wakes and self._thread_id is not None:
                state.learn(UNWOKEN)
            trap.step(kind, self, mode=mode)

    def is_running(self) -> bool:
        """Tell whether a thread runs it."""
        self.meet("look", READ)
        return self._thread_id is not None

    def is_closed(self) -> bool:
        """Tell whether it was closed."""
        self.meet("look", READ)
        return bool(self._closed)

    def _move_in(self) -> None:
        """Announce that this thread is about to run the loop: what it does to it from now on others see in steps and at the end only."""
        if active() is not self._trap:
            raise NotControlled(OTHER_EXECUTION)
        kernel = self._kernel
        if kernel.unjoined:
            self._trap.step("run", self)
        self._check_closed()
        self._check_running()
        if self._home not in (-1, kernel.me.tid):
            # What the other one does to it, and to futures, was announced by nobody.
            kernel.trace.is_bounded = True
        self._home = kernel.me.tid
        self._has_moved_in = True

    def _move_out(self) -> None:
        """Forget whose it is if nobody is there who could have seen anything."""
        if not self._kernel.unjoined:
            self._home = -1

    def _check_running(self) -> None:
        # As its own does, without a point of its own: `_move_in` has it.
        if self._thread_id is not None:
            raise RuntimeError("This event loop is already running")
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("Cannot run the event loop while another loop is running")

    def _shut(self) -> bool:
        """Announce that the loop is about to be closed, and close it; return whether it was not before."""
        if (trap := self._trap) is not None and active() is trap:
            trap.step("close", self)
        if self._closed:
            return False
        if self._thread_id is not None:
            raise RuntimeError("Cannot close a running event loop")
        # As its own does, which would look whether it runs, at another point before the effect.
        self._closed = self._executor_shutdown_called = True
        self._scheduled.clear()
        executor, self._default_executor = self._default_executor, None
        if executor is not None:
            executor.shutdown(wait=False)
        return True
