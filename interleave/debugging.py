"""Replay under a debugger: stand in the frames of logical threads where an execution fails, blocks, or comes to a step.

At the end of an execution, before its threads are unwound, each of them still stands where it stopped. The debugger begins at the thread
that the failure is about; `threads` lists all, `thread 2` or `thread worker-1` goes to the innermost frame of another. At a step, and at a
`breakpoint()` in the program, one can go on with `next` and `step`, and sees the threads take turns as the seed has them; `quit` leaves
the debugger and lets the execution end. What is evaluated at the end of an execution runs outside of control: it announces nothing.

Other debuggers, debugpy and PyCharm's, see one OS thread whose stack is that of the logical thread at work; `runtime.debuggers` lets them
wait there. They are asked for by `breakpoint()`, as always (PYTHONBREAKPOINT, `debugpy.breakpoint`).
"""

from __future__ import annotations

import pdb
import sys
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Any

from interleave.execution import Standing
from interleave.model import Outcome
from interleave.runtime.sites import is_ours, outwards


class Debugger(pdb.Pdb):
    """The standard debugger without frames of ours, with commands that go from thread to thread."""

    def __init__(self, standing: Sequence[Standing] = (), **options: Any) -> None:
        super().__init__(skip=["interleave.*"], **options)
        self._standing = standing

    def get_stack(self, f: FrameType | None, t: TracebackType | None) -> tuple[list[tuple[FrameType, int]], int]:
        """Return the frames of the program, and the number of the one to begin with."""
        stack, index = super().get_stack(f, t)
        own = [entry for entry in stack if not is_ours(entry[0].f_code.co_filename)]
        current = stack[index] if stack else None
        return (own, own.index(current)) if current in own else (own or stack, max(len(own or stack) - 1, 0))

    def do_threads(self, _: str) -> None:
        """threads: list the logical threads, with where they stand and what they wait for."""
        for one in self._standing:
            where = _innermost(one.frame)
            place = f"{where.f_code.co_filename}:{where.f_lineno}" if where is not None else "no frame of the program"
            self.message(f"{one.tid}  {one.name}  {one.doing}  {place}")

    def do_thread(self, argument: str) -> None:
        """thread NUMBER|NAME: go to the innermost frame of another logical thread."""
        wanted = argument.strip()
        for one in self._standing:
            if wanted in (str(one.tid), one.name):
                frame = _innermost(one.frame)
                if frame is None:
                    self.error(f"{one.name} has no frame: it has not begun, or has ended.")
                    return
                self.setup(frame, None)
                self.print_stack_entry(self.stack[self.curindex])
                return
        self.error(f"There is no thread {wanted!r}; `threads` lists them.")

    def do_quit(self, arg: str) -> bool:
        """quit: leave the debugger; the execution goes on to its end."""
        self.clear_all_breaks()
        self.set_continue()
        return True

    do_q = do_exit = do_quit


def _innermost(frame: FrameType | None) -> FrameType | None:
    """Return the innermost frame of the program, from one outwards."""
    return next((one for one in outwards(frame) if not is_ours(one.f_code.co_filename)), None)


class Session:
    """What a replay calls for its user: after step number `step`, else at the end of the execution."""

    def __init__(self, step: int | None = None) -> None:
        self.step = step

    def at_step(self, standing: Sequence[Standing]) -> None:
        """Stop in the frame of the thread that made the step; tracing begins with the next line of it."""
        current = next((one for one in standing if one.doing == "runs"), None)
        frame = _innermost(current.frame) if current is not None else None
        if frame is not None:
            Debugger(standing).set_trace(frame)

    def at_end(self, outcome: Outcome, standing: Sequence[Standing]) -> None:
        """Stop where an execution failed, or where the thread stands that the failure is about."""
        if self.step is not None:
            return
        sys.settrace(None)
        debugger = Debugger(standing)
        debugger.reset()
        if outcome.error is not None and outcome.error.__traceback__ is not None:
            debugger.interaction(None, outcome.error.__traceback__)
            return
        frame = next((_innermost(one.frame) for one in standing if one.tid == outcome.tid), None)
        frame = frame or next((inner for one in standing if (inner := _innermost(one.frame)) is not None), None)
        if frame is not None:
            debugger.message("threads, thread NUMBER: look at the frames of other logical threads")
            debugger.interaction(frame, None)
