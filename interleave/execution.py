"""One execution of a scenario under control, and the judgement on how it ended.

The kernel knows nothing of detectors, and detectors nothing of greenlets; this module turns what the kernel holds at the end into
the data that detectors judge. It is also the only importer of the kernel above the runtime.
"""

from __future__ import annotations

import re
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Any, NamedTuple, Protocol

from interleave.detectors import deadlock, runaway
from interleave.model import Blocked, FailureKind, Frame, Held, Operation, Outcome, Strategy, Trace
from interleave.primitives import entropy
from interleave.primitives.threads import forget, release_pools
from interleave.recording import Recorder
from interleave.runtime import gate, state
from interleave.runtime.counting import is_counting
from interleave.runtime.fulfilling import fulfillers
from interleave.runtime.kernel import Kernel, is_inside
from interleave.runtime.sites import USER, is_ours, outwards, rank, site_of, stack_of
from interleave.runtime.suspension import aside
from interleave.runtime.threads import Judge, LogicalThread, Unwind
from interleave.runtime.trap import Trap
from interleave.witnessing import Watcher

#: An address, as in the default `repr`: other in every process, so that it is left out of what is said of a failure.
_ADDRESS = re.compile(r"(?<= at )0x[0-9a-fA-F]{6,}")
#: Methods of the standard library that wait on a primitive inside: what a reader knows that by, and what releases who waits.
_BUILT_ON = {
    "Barrier.wait": ("Barrier", "the wait() of a missing party"),
    "Future.result": ("Future", "a set_result() or set_exception()"),
    "Future.exception": ("Future", "a set_result() or set_exception()"),
}


class Standing(NamedTuple):
    """Where a logical thread stands while an execution is looked at: `doing` is "runs", "ready", "ended" or "waits for ..."."""

    tid: int
    name: str
    frame: FrameType | None
    doing: str


class Onlooker(Protocol):
    """What is called in the midst of an execution, for a debugger: after step number `step`, and before threads are unwound."""

    step: int | None

    def at_step(self, standing: Sequence[Standing]) -> None: ...

    def at_end(self, outcome: Outcome, standing: Sequence[Standing]) -> None: ...


@dataclass(slots=True)
class Controls:
    """What stays the same over the executions of one exploration.

    `steps` bounds the operations of an execution; `any_timeout` lets deadlines fire while others could run; with `is_fifo` tasks of
    asyncio step in the order in which they became ready; with `has_gil` threads are switched between only where CPython does so with
    the GIL; `is_holding_visible` is learned (see `primitives.locks`); `is_engine_shared`
    says that code of the standard library is in scope, which the engine calls too; `executions` counts; `hang` is what the watchdog
    allows; `running` is the kernel at work, for the signal handler; `onlooker` is told of executions; `isolate` is how they are kept from
    each other (see `isolation`).
    """

    steps: int = 20_000
    any_timeout: bool = False
    is_fifo: bool = False
    has_gil: bool = False
    is_holding_visible: bool = False
    #: Whether the first Ctrl-C lets the execution under way come to its end, because the exploration is to be continued.
    ends_executions: bool = False
    is_engine_shared: bool = False
    executions: int = 0
    hang: float | None = None
    isolate: str = "off"
    running: Kernel | None = field(default=None, repr=False)
    onlooker: Onlooker | None = None

    def give_up(self) -> None:
        """Leave the code of the program, where an execution hangs. To be called by the signal handler."""
        if self.running is not None and self.running.error is not None and is_inside(self.running):
            raise Unwind


def execute(
    scenario: Callable[[], object], strategy: Strategy, controls: Controls, *, detailed: bool = False, watched: bool = False
) -> Trace:
    """Run the scenario once, with choices by `strategy`, whose `begin` has been called; return the trace, filled in.

    With `detailed`, values, stacks and names are recorded as well (several times slower), with `watched` what race detection
    needs. Raises what the strategy raises (`ReplayMismatch`), and InternalError.
    """
    trace = Trace()
    controls.executions += 1
    kernel = Kernel(strategy, trace, steps=controls.steps, any_timeout=controls.any_timeout)
    trap = Trap(kernel, is_holding_visible=controls.is_holding_visible, has_gil=controls.has_gil)
    if controls.is_engine_shared:
        kernel.choose = aside(strategy.choose)
    kernel.at_quiescence = lambda: release_pools() or trap.spinning.release()
    trap.excepthook = threading.excepthook
    trap.ledger.notes_imports = controls.executions > 1
    recorder = Recorder() if detailed else None
    if recorder is not None:
        kernel.observer = trap.teller = recorder.observe
    if watched:
        watcher = Watcher(trap.places.name_of, recorder)
        kernel.observer, trace.witness = watcher.observe, watcher.witness
        if recorder is not None:
            trap.teller, trap.on_wake = watcher.observe, watcher.woke
    if kernel.observer is not None and controls.is_engine_shared:
        kernel.observer = aside(kernel.observer)
    judge: Judge = _Judge(trap, recorder)
    if controls.onlooker is not None:
        judge = _Shown(judge, kernel, controls.onlooker)
    gate.is_detailed = detailed
    controls.running = kernel
    state.is_fifo = controls.is_fifo
    entropy.renew()
    try:
        trap.run(scenario, judge)
    finally:
        gate.is_detailed = False
        controls.running = None
        controls.is_holding_visible = trap.is_holding_visible
        trace.has_new_points = trap.places.has_new_points
        trace.has_tasks = trap.steps is not None
        trace.has_blocks = controls.has_gil and kernel.joins_blocks
        forget(kernel.logical)
        trap.close_books()
    if recorder is not None:
        trace.steps = recorder.steps()
    if kernel.is_interrupted:
        raise KeyboardInterrupt
    return trace


class _Judge:
    """Turns the kernel's state at the end of an execution into data for the detectors."""

    def __init__(self, trap: Trap, recorder: Recorder | None) -> None:
        self._trap = trap
        self._recorder = recorder

    def raised(self, thread: LogicalThread, error: BaseException) -> Outcome:
        """Judge an exception that nobody caught."""
        is_assertion = isinstance(error, AssertionError) or (is_test_outcome(error) and type(error).__name__ == "Failed")
        where = _origin(error.__traceback__)
        text = _ADDRESS.sub("0x...", str(error).strip())
        name = type(error).__name__
        first = text.splitlines()[0] if text else ""
        message = (first or "assertion failed") if is_assertion else f"{name}: {first}" if first else name
        if thread.task is not None:
            message += f" (in task {thread.info.name!r}, whose exception nobody retrieved)"
        elif thread.tid:
            message += f" (in thread {thread.info.name!r})"
        place = f"{where.file}:{where.line}" if where else ""
        kind: FailureKind = "assertion" if is_assertion else "exception"
        text = _ADDRESS.sub("0x...", trimmed_traceback(error))
        return Outcome(kind, message, (kind, name, place), tid=thread.tid, where=where, error=error, traceback=text)

    def blocked(self, kernel: Kernel) -> Outcome | None:
        """Judge an execution in which nothing can go on, or only daemons are left."""
        blocked = [self._describe(kernel, thread) for thread in kernel.logical if not thread.is_finished and thread.queue is not None]
        if not blocked:
            return None
        return deadlock.judge(blocked, is_over=kernel.alive == 0)

    def runaway(self, kernel: Kernel) -> Outcome | None:
        """Judge an execution that reached the step bound: it is none of ours to tell how long a loop over something may be."""
        # A task that only yields may have to let others go first.
        ready = [one for one in kernel.logical if kernel.enabled & one.bit or (one.task is not None and one.task.handles)]
        able = [one for one in ready if one.fiber is not None]
        if any(_is_counting(thread) for thread in able):
            kernel.trace.is_cut = True
            return None
        runners = [runaway.Runner(thread.tid, thread.info.name, _stack_of(thread)) for thread in able]
        return runaway.judge(kernel.events, runners, kernel.current, None if kernel.is_spinning else kernel.limit)

    def _describe(self, kernel: Kernel, thread: LogicalThread) -> Blocked:
        operation = kernel.pending[thread.tid] or Operation("wait", (), site_of(None))
        stack = stack_of(thread.fiber.greenlet.gr_frame) if thread.fiber is not None else ()
        if thread.task is not None and thread.resource is thread.task:
            stack = thread.task.frames()
        site = operation.site
        resource, holders, needs = _explain(thread, operation.kind)
        if self._recorder is not None:
            resource = self._recorder.label(thread.resource, resource)
        called = next((frame.function for frame in stack if not frame.is_user and frame.function in _BUILT_ON), None)
        if called is not None and not holders:
            resource, needs = _BUILT_ON[called]
            holders = fulfillers(self._trap, [_awaited(thread)])
        where = Frame(site.file, site.line, site.function)
        if not site.line and not holders:
            # It runs an event loop.
            where = next((frame for frame in reversed(stack) if frame.is_user), where)
        kind, holders = getattr(thread.resource, "waits_as", operation.kind), tuple(tid for tid in holders if tid >= 0)
        flags = thread.info.is_daemon, thread.task is not None
        return Blocked(thread.tid, thread.info.name, kind, resource, holders, needs, where, stack, self._held_by(thread.tid), *flags)

    def _held_by(self, tid: int) -> tuple[Held, ...]:
        """Return what a thread holds, in the order in which the locks were first used."""
        held: list[Held] = []
        by_tasks = self._trap.steps.held.values() if self._trap.steps is not None else ()
        for one in [*self._trap.side.values(), *(one for several in by_tasks for one in several)]:
            if getattr(one, "holder", None) is None or one.holder() != tid:
                continue
            site = one.taken_at()
            # What holds for a primitive of asyncio is kept beside it.
            held_object = getattr(one, "condition", one)
            name = type(held_object).__name__
            label = self._recorder.label(held_object, name) if self._recorder is not None else name
            held.append(Held(label, Frame(site.file, site.line, site.function) if site is not None else None))
        return tuple(held)


def _awaited(thread: LogicalThread) -> Any:
    """Return the `concurrent.futures.Future` that a thread waits for."""
    innermost = thread.fiber.greenlet.gr_frame if thread.fiber is not None else None
    frame = next((one for one in outwards(innermost) if one.f_code.co_qualname in _BUILT_ON), None)
    return frame.f_locals.get("self") if frame is not None else None


def _stack_of(thread: LogicalThread) -> tuple[Frame, ...]:
    frames: tuple[Frame, ...] = thread.task.frames() if thread.task is not None else stack_of(thread.fiber.greenlet.gr_frame)
    return frames


def _is_counting(thread: LogicalThread) -> bool:
    return bool(thread.task.is_counting()) if thread.task is not None else is_counting(outwards(thread.fiber.greenlet.gr_frame))


class _Shown:
    """A judge that shows an execution to an onlooker before its threads are unwound, and at one step."""

    def __init__(self, judge: Judge, kernel: Kernel, onlooker: Onlooker) -> None:
        self._judge = judge
        self._kernel = kernel
        self._onlooker = onlooker
        if onlooker.step is not None:
            self._observe, kernel.observer = kernel.observer, self._observed

    def raised(self, thread: LogicalThread, error: BaseException) -> Outcome | None:
        return self._show(self._judge.raised(thread, error))

    def blocked(self, kernel: Kernel) -> Outcome | None:
        return self._show(self._judge.blocked(kernel))

    def runaway(self, kernel: Kernel) -> Outcome | None:
        return self._show(self._judge.runaway(kernel))

    def _show(self, outcome: Outcome | None) -> Outcome | None:
        if outcome is None:
            return None
        # Nobody is at work: what the onlooker evaluates announces nothing.
        was_open, gate.is_open = gate.is_open, False
        trap, state.kernel = state.kernel, None
        self._kernel.enter(self._kernel.logical[0])
        try:
            self._onlooker.at_end(outcome, self._standing(None))
        finally:
            state.kernel, gate.is_open = trap, was_open
        return outcome

    def _observed(self, thread: LogicalThread, operation: Operation, seen: tuple[Any, Any]) -> None:
        if self._observe is not None:
            self._observe(thread, operation, seen)
        if len(self._kernel.events) - 1 == self._onlooker.step:
            self._onlooker.at_step(self._standing(thread))

    def _standing(self, current: LogicalThread | None) -> list[Standing]:
        found = []
        for one in self._kernel.logical:
            pending = self._kernel.pending[one.tid]
            if one is current:
                found.append(Standing(one.tid, one.info.name, sys._getframe(1), "runs"))
                continue
            frame = one.fiber.greenlet.gr_frame if one.fiber is not None else None
            is_ready = self._kernel.enabled & one.bit
            doing = (
                "ended" if one.is_finished else "ready" if is_ready or pending is None else f"waits for {_explain(one, pending.kind)[0]}"
            )
            found.append(Standing(one.tid, one.info.name, frame, doing))
        return found


def is_test_outcome(error: BaseException) -> bool:
    """Tell whether an exception is a test runner's way to say how a test ended (pytest's fail, skip, exit)."""
    return any(cls.__name__ == "OutcomeException" for cls in type(error).__mro__)


def _explain(thread: LogicalThread, kind: str) -> tuple[str, tuple[int, ...], str]:
    resource: Any = thread.resource
    if resource is None:
        return "nothing", (), "anything"
    name, holders, needs = resource.explain(kind)
    return name, holders, needs


def _frames(trace: TracebackType | None) -> list[TracebackType]:
    """Return the entries of a traceback that are not ours."""
    entries = []
    while trace is not None:
        if not is_ours(trace.tb_frame.f_code.co_filename):
            entries.append(trace)
        trace = trace.tb_next
    return entries


def _origin(trace: TracebackType | None) -> Frame | None:
    """Return the innermost line of the user's that the exception passed through."""
    entries = _frames(trace)
    if not entries:
        return None
    chosen = next((one for one in reversed(entries) if rank(one.tb_frame.f_code) == USER), entries[-1])
    code = chosen.tb_frame.f_code
    return Frame(code.co_filename, chosen.tb_lineno, code.co_qualname)


def trimmed_traceback(error: BaseException) -> str:
    """Return the traceback as text, without frames of ours and without those of the standard library around the user's."""
    summary = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
    kept = [(entry, rank(entry.tb_frame.f_code) == USER) for entry in _frames(error.__traceback__)]
    users = [index for index, (_, is_user) in enumerate(kept) if is_user]
    if users:
        kept = kept[users[0] :]
    lines = {(entry.tb_frame.f_code.co_filename, entry.tb_lineno) for entry, _ in kept}
    summary.stack = traceback.StackSummary.from_list([one for one in summary.stack if (one.filename, one.lineno) in lines])
    others = [summary]
    while others:
        one = others.pop()
        one.stack = traceback.StackSummary.from_list([frame for frame in one.stack if not is_ours(frame.filename)])
        others += [inner for inner in (one.__cause__, one.__context__, *(one.exceptions or ())) if inner is not None]
    return "".join(summary.format(chain=error.__cause__ is not None)).rstrip()
