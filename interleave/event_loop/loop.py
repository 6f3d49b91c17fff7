"""The event loop: `asyncio.BaseEventLoop` with a scheduler of ours in place of a selector.

No selector and no self-pipe: making those is most of what `asyncio.run` costs, and there is nothing to select on. Time is the virtual
time of the execution. What would need the operating system (sockets, subprocesses, signals) raises `NotControlled`.

An exception that nobody retrieves, in a task or a callback, is only logged by asyncio, when the garbage collector comes to it. Here it
fails the execution, with the same exceptions for the same schedule: tasks are looked at when the loop is closed.
"""

from __future__ import annotations

import asyncio
import heapq
import inspect
from asyncio import runners
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from ctypes import py_object, pythonapi
from typing import Any
from weakref import WeakSet

from interleave.errors import NotControlled
from interleave.event_loop import futures
from interleave.event_loop.callbacks import first_steps, is_numbered, task_of
from interleave.event_loop.network import Networking
from interleave.event_loop.primitives import holders_of
from interleave.event_loop.running import share
from interleave.event_loop.scheduler import Scheduler
from interleave.event_loop.sharing import OTHER_EXECUTION, Shared
from interleave.runtime import UNWOKEN, active, state
from interleave.runtime.naming import hand_over
from interleave.runtime.threads import Unwind

#: Its private parts are used here, of which type checkers know nothing.
_Base: Any = asyncio.BaseEventLoop
_cancel_all_tasks: Any = vars(runners)["_cancel_all_tasks"]


_PLAIN = (int, float, bool, type(None))
#: What a new loop has on this interpreter, besides empty containers.
_plain_attributes: dict[str, Any] = {}


class _Over:
    """Stands for the scheduler of a loop whose execution is over."""

    def __getattr__(self, name: str) -> Any:
        raise NotControlled(OTHER_EXECUTION)


_OVER: Any = _Over()


class EventLoop(Shared, Networking, _Base):  # type: ignore[misc]
    """The event loop of a logical thread. It belongs to the execution in which it was made."""

    def __init__(self) -> None:
        trap = active()
        if trap is None:
            raise NotControlled("an event loop of interleave was asked for outside an exploration.")
        if not _plain_attributes:
            super().__init__()
            _plain_attributes.update({name: value for name, value in vars(self).items() if type(value) in _PLAIN})
        # As its constructor does, which costs four times as much.
        self.__dict__.update(_plain_attributes, _ready=deque(), _scheduled=[], _asyncgens=WeakSet())
        self._trap = trap
        self._kernel = trap.kernel
        self._is_over = False
        self._is_stopped_early = False
        self._names = 0
        #: Contexts that tasks were given, and may share.
        self.contexts: list[Any] = []
        #: Tasks that ended with an exception that nobody has retrieved yet, with their logical threads.
        self._unretrieved: list[tuple[Any, Any]] = []
        # Whoever asks for footprints needs to know when a future is looked at.
        futures.renew(trap)
        self._task_class, self._future_class = (
            (futures.NotedTask, futures.NotedFuture) if trap.kernel.every else (futures.Task, futures.Future)
        )
        self.scheduler = Scheduler(self, trap, is_fifo=state.is_fifo)
        self._enter: Any
        self._enter_step: Any
        self._enter, self._enter_step = self.scheduler.enter, self.scheduler.ready.enter_step
        trap.steps.loops.append(self)

    # -- scheduling ------------------------------------------------------------------------------------------

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        """Register a callback."""
        if self._closed or self._debug:
            self._check_closed()
            self._check_thread()
            self._check_callback(callback, "call_soon")
        is_inside = active() is self._trap
        if is_inside and self._kernel.me.carrier != self._home:
            self.meet()
        if context is not None and is_inside:
            task = callback.__self__ if type(callback) in first_steps else task_of(callback)
            if task is not None:
                self._enter_step(task, callback, args, context)
                return None
        handle = asyncio.Handle(callback, args, self, context)
        if is_inside:
            self._name(handle)
            self._enter(handle)
        # Else it is called by what is left of an execution that is over, while it is destroyed.
        return handle

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> Any:
        """Register a callback, from any thread, and wake the loop."""
        self.meet(wakes=True)
        self._check_closed()
        handle = asyncio.Handle(callback, args, self, context)
        self._name(handle)
        self.scheduler.enter(handle, wakes=True)
        return handle

    def _name(self, handle: Any) -> None:
        """Name what is registered, and what it is going to touch, where footprints are gathered."""
        if self._kernel.every:
            self._trap.steps.settle(handle)
            hand_over(handle._callback, handle._args)

    def enter_delivery(self, wire: Any, deliver: Any, context: Any) -> None:
        """Make a delivery a choice."""
        if active() is self._trap and not self._closed and not self._is_over:
            self.scheduler.ready.enter_delivery(wire, deliver, context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        """Register a callback for a point in virtual time."""
        if when is None:
            raise TypeError("when cannot be None")
        self._check_closed()
        if self._debug:
            self._check_thread()
            self._check_callback(callback, "call_at")
        timer: Any = asyncio.TimerHandle(when, callback, args, self, context)
        self._name(timer)
        self.scheduler.ready.note_wake(self.scheduler.timers.thread)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    def time(self) -> float:
        """Return the virtual time, in seconds."""
        return self.scheduler.timers.read_clock()

    def create_task(self, coro: Any, *, name: Any = None, context: Any = None, **options: Any) -> Any:
        """Make a task; names are given in the order of creation in this loop."""
        if name is None:
            name = self.next_name()
        if context is not None:
            self.contexts.append(context)
        if self._task_factory is not None:
            return super().create_task(coro, name=name, context=context, **options)
        if self._closed:
            self._check_closed()
        task = self._task_class(coro, loop=self, name=name, context=context, **options)
        if task._source_traceback:
            del task._source_traceback[-1]
        if self._kernel.every:
            hand_over(None, coro.cr_frame.f_locals.values() if inspect.iscoroutine(coro) and coro.cr_frame else ())
        return task

    def next_name(self) -> str:
        """Return the name of the next task that has none."""
        self._names += 1
        return f"Task-{self._names}"

    def rename(self, task: Any) -> None:
        """Number a task anew that asyncio has numbered: its numbers go on from execution to execution."""
        if is_numbered(task):
            task.set_name(self.next_name())

    def create_future(self) -> Any:
        """Make a future of this loop."""
        future = self._future_class(loop=self)
        self._trap.steps.settle(future)
        return future

    # -- running ---------------------------------------------------------------------------------------------

    def run_forever(self) -> None:
        """Run until `stop` is called."""
        if not self._has_moved_in:
            self._move_in()
        self._has_moved_in = False
        share(self._kernel)
        self.scheduler.start()
        if self._is_stopped_early:
            self._is_stopped_early = False
            self.scheduler.stopped_by = self.scheduler.ready.count + 1
        try:
            super().run_forever()
        except Unwind:
            self._discard()
            raise
        finally:
            self.scheduler.finish()
            self._move_out()

    def run_until_complete(self, future: Any) -> Any:
        """Run until a future is done, and return its result."""
        self._move_in()
        try:
            future = asyncio.ensure_future(future, loop=self)
            future._log_destroy_pending = False
            self.scheduler.main = future if isinstance(future, asyncio.Task) else None
            return super().run_until_complete(future)
        finally:
            self._has_moved_in = False

    def stop(self) -> None:
        """Let the loop end; every callback registered before this one still runs."""
        if self.is_running():
            if self._kernel.me.carrier != self._home:
                state.learn(UNWOKEN)
            self.scheduler.stop()
        else:
            self._is_stopped_early = True

    def _run_once(self) -> None:
        self.scheduler.run()
        self._stopping = True

    def _write_to_self(self) -> None:
        """Do nothing: there is no selector to wake."""

    def _process_events(self, event_list: Any) -> None:
        """Do nothing: there is no selector."""

    def _discard(self) -> None:
        """Unwind the tasks that have not ended, when the execution has."""
        was_running = asyncio._get_running_loop()
        # What they await then suspends them, and does not fail again and again where everything is caught.
        asyncio._set_running_loop(self)
        is_closed, self._closed = self._closed, False
        for task in self.scheduler.pending():
            task._log_destroy_pending = False
            with suppress(BaseException):
                task.get_coro().close()
            if getattr(task.get_coro(), "cr_frame", None) is not None:
                # To be destroyed would let it go on, and hang.
                pythonapi.Py_IncRef(py_object(task.get_coro()))
        asyncio._set_running_loop(was_running)
        self._closed = is_closed

    def close(self) -> None:
        """Close the loop, and report what nobody has looked at."""
        if not self._shut() or self._is_over or self._kernel.is_ending:
            # The last: while the execution is unwound.
            return
        for task in self.scheduler.pending():
            if task._log_destroy_pending:
                self._report(self._kernel.me, RuntimeError(f"Task was destroyed but it is pending: {task.get_name()!r}"))
        self._discard()
        for thread, task in self._unretrieved:
            if task._log_traceback:
                task._log_traceback = False
                self._report(thread, task._exception)
        self._unretrieved.clear()

    def dissolve(self) -> None:
        """Let go of the execution, which is over."""
        self._is_over = True
        self.scheduler.ready.clear()
        self._unretrieved.clear()
        self._scheduled.clear()
        self.scheduler = _OVER
        self._enter = self._enter_step = self._trap = self._kernel = None

    # -- what goes wrong -------------------------------------------------------------------------------------

    def note_end(self, actor: Any) -> None:
        """Note that a task has ended."""
        task = actor.task
        if task._log_traceback:
            self._unretrieved.append((actor.thread, task))

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Fail the execution because of an exception that nobody handles."""
        trap = active()
        if trap is None or trap is not self._trap or self._kernel.is_ending:
            return
        error = context.get("exception")
        if error is None:
            error = RuntimeError(context.get("message") or "Unhandled exception in event loop")
        if not isinstance(error, Unwind):
            # Of a task that has ended, where `asyncio.run` says so when it shuts down.
            of_tasks = (thread for thread, task in self._unretrieved if task is context.get("task"))
            self._report(next(of_tasks, self._kernel.me), error)

    def _report(self, thread: Any, error: BaseException) -> None:
        if self._kernel.raised is None:
            self._kernel.raised = (thread, error)

    def holders_of(self, resource: Any) -> tuple[int, ...]:
        """Return the tids of the tasks that hold a primitive of asyncio, as far as that is known."""
        return holders_of(self._trap, resource)


def _refuse(name: str, instead: str) -> Callable[..., Any]:
    def refuse(self: Any, *_: Any, **__: Any) -> Any:
        raise NotControlled(f"loop.{name}() needs the operating system, which is not controlled.\n{instead}")

    return refuse


_REFUSED = {
    "subprocess_exec subprocess_shell": "Put what the subprocess would do into a function, and await that.",
    "add_signal_handler remove_signal_handler": "Call the handler from a task: the moment of the call is then explored.",
    "add_reader remove_reader add_writer remove_writer sock_recv sock_recv_into sock_recvfrom sock_recvfrom_into sock_sendall sock_sendto "
    "sock_connect sock_accept sock_sendfile sendfile start_tls create_datagram_endpoint connect_accepted_socket connect_read_pipe "
    "connect_write_pipe getaddrinfo getnameinfo":
        "Let both ends run in the scenario, with asyncio.start_server and open_connection: that network is simulated.",
}  # fmt: skip
for _names, _instead in _REFUSED.items():
    for _name in _names.split():
        setattr(EventLoop, _name, _refuse(_name, _instead))


def run(function: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine function to its end on a new loop, as `asyncio.run` does; what there is nothing of is not shut down."""
    loop = EventLoop()
    try:
        return loop.run_until_complete(loop.create_task(function()))
    finally:
        try:
            if loop.scheduler.pending():
                _cancel_all_tasks(loop)
            if loop._asyncgens:
                loop.run_until_complete(loop.shutdown_asyncgens())
            if loop._default_executor is not None:
                loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()
