"""Control of the process for the time of an exploration, and giving it back as it was.

Five things change: functions in scope run instrumented code, primitives are taken over, the garbage collector runs between executions
only, the first Ctrl-C asks the exploration to end instead of interrupting whatever runs, and tools that trace the program see its
logical threads apart. All five are undone on leaving, in reverse order, whatever happened.
"""

from __future__ import annotations

import gc
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType, TracebackType
from typing import Any

from interleave.errors import UsageError
from interleave.execution import Controls
from interleave.instrument import Instrumentation
from interleave.instrument.scope import Scope
from interleave.isolation.forked import Forks
from interleave.isolation.loggers import fill_caches
from interleave.isolation.snapshot import Snapshot
from interleave.primitives.entropy import Saved
from interleave.primitives.takeover import Takeover
from interleave.runtime import state
from interleave.runtime.debuggers import Debuggers
from interleave.runtime.heap import Heap, Past, survey
from interleave.runtime.tracing import Tracers
from interleave.watchdog import Watchdog

#: Objects allocated since the last collection that make the next one due.
_GARBAGE = 50_000
#: Growth of the heap since the last collection of all of it that makes the next one due: in parts, and in blocks of memory.
_GROWTH, _GROWTH_LEAST = 0.2, 50_000
#: Fewer frozen objects than this are the interpreter's own (375 in 3.12): nobody has frozen the heap.
_FROZEN_AT_START = 1_000


#: What is known of this process from the last time.
_past = Past(Takeover.kinds, Takeover.owners)


class _LastCollection:
    """How many blocks of memory were in use after the last full collection."""

    blocks = 0

    @classmethod
    def repeat_if_due(cls) -> None:
        """Collect garbage before everything that is there is searched through and frozen, if much has come together.

        Failures and their traces are cycles as a rule, and what was frozen is old to the collector, which hardly looks at it again.
        """
        if sys.getallocatedblocks() > cls.blocks * (1 + _GROWTH) + _GROWTH_LEAST:
            gc.collect()
            cls.blocks = sys.getallocatedblocks()


class Control:
    """A context manager that can be entered once."""

    def __init__(self, include: tuple[str, ...], scenario: Callable[[], object], controls: Controls) -> None:
        self.scope = Scope(include)
        controls.is_engine_shared = bool(include) and self.scope.has_library
        self._instrumentation = Instrumentation(self.scope, has_gil=controls.has_gil)
        self._controls = controls
        self._scenario = scenario
        self._snapshot: Snapshot | None = None
        self._stack = ExitStack()
        self._tracers = Tracers()
        self._is_frozen = False
        self.is_interrupted = False

    def __enter__(self) -> Control:
        if state.is_controlled:
            raise UsageError("one exploration at a time: another one is running in this process")
        state.is_controlled = True
        stack = self._stack
        try:
            stack.callback(setattr, state, "is_controlled", False)
            stack.callback(self._unfreeze)
            stack.callback(Saved().restore)
            _LastCollection.repeat_if_due()
            if gc.isenabled():
                gc.disable()
                stack.callback(gc.enable)
            takeover = Takeover()
            stack.callback(takeover.uninstall)
            heap = self._survey(takeover)
            takeover.install(heap, _past.made_since)
            self._take_over_asyncio(stack)
            stack.callback(self._instrumentation.uninstall)
            self._instrumentation.install(heap)
            _past.remember(heap.functions)
            # And what was made meanwhile: the collector is stopped.
            _past.remember_kinds(gc.get_objects(0))
            del heap
            stack.callback(self._forget_state)
            self._freeze()
            self._catch_interrupt(stack)
            watchdog = Watchdog(self._controls)
            stack.callback(watchdog.stop)
            watchdog.start()
            debuggers = Debuggers()
            stack.callback(debuggers.rejoin)
            debuggers.part()
        except BaseException:
            stack.close()
            raise
        # Directly in these two methods: see there.
        self._tracers.part()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._tracers.rejoin()
        self._stack.close()

    def _survey(self, takeover: Takeover) -> Heap:
        """Find what is to be exchanged, among everything or among what was made since the last time."""
        sought, include = takeover.sought(), self.scope.include
        heap = (None if sought else _past.recall(include)) or survey(takeover.kinds, sought, takeover.owners)
        _past.begin(include)
        _past.remember(heap.caches)
        _past.remember(heap.instances)
        return heap

    def _take_over_asyncio(self, stack: ExitStack) -> None:
        """Have programs run our event loop: at once if asyncio is there, else as soon as the program imports it."""

        def take_over(name: str) -> None:
            if name.partition(".")[0] == "asyncio" and "asyncio.runners" in sys.modules and state.on_import is not None:
                from interleave.event_loop.takeover import AsyncioTakeover

                state.on_import = None
                stack.callback(AsyncioTakeover(_past.made_since).undo)

        state.on_import = take_over
        stack.callback(setattr, state, "on_import", None)
        take_over("asyncio")

    @property
    def skipped(self) -> list[str]:
        """Functions that ran without being instrumented, one sentence each."""
        return [f"{name} is not instrumented: its bytecode could not be rewritten ({why})" for name, why in self._instrumentation.skipped]

    def forks(self) -> Forks:
        """Return what runs executions in children of this process."""
        return Forks(self._instrumentation, self._controls)

    def prepare(self) -> None:
        """Do what is due before an execution: where they are kept from each other, put back what the last one changed."""
        if self._snapshot is not None:
            self._snapshot.put_back()
            return
        fill_caches()
        if self._controls.isolate == "globals":
            self._snapshot = Snapshot(self.scope, self._scenario)

    def _forget_state(self) -> None:
        """Put everything back a last time, while locks are still those that were there in the beginning."""
        snapshot, self._snapshot = self._snapshot, None
        if snapshot is not None:
            snapshot.put_back()

    def settle(self) -> bool:
        """Do what is due after an execution; return whether more code is in scope now than while it ran."""
        self._instrumentation.forget()
        return self._instrumentation.update()

    def collect(self) -> None:
        """Collect garbage if enough has come together. To be called when the trace of the last execution is gone."""
        if gc.get_count()[0] > _GARBAGE:
            gc.collect()

    def _freeze(self) -> None:
        """Keep what exists now out of collections, and out of the searches for what was made since: both become cheap."""
        if gc.get_freeze_count() < _FROZEN_AT_START:
            gc.freeze()
            self._is_frozen = True

    def _unfreeze(self) -> None:
        """Undo it, last of all: putting things back looks only at what was made during the exploration."""
        if self._is_frozen:
            _past.remember_kinds(gc.get_objects())
            gc.unfreeze()
            self._is_frozen = False
            _past.end()
        else:
            _past.forget()

    def _catch_interrupt(self, stack: ExitStack) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        previous = signal.getsignal(signal.SIGINT)
        if previous is None:
            # Set by code in C: it could not be put back.
            return

        def ask_to_end(number: int, frame: FrameType | None) -> Any:
            # The watchdog uses the signal where it is ignored, too, as it is in background jobs.
            self._controls.give_up()
            if previous is signal.SIG_IGN:
                return None
            if self.is_interrupted:
                return previous(number, frame) if callable(previous) else signal.default_int_handler(number, frame)
            self.is_interrupted = True
            if self._controls.running is not None and not self._controls.ends_executions:
                self._controls.running.interrupt()
            return None

        signal.signal(signal.SIGINT, ask_to_end)
        stack.callback(signal.signal, signal.SIGINT, previous)
