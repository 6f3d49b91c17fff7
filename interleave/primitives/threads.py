"""Stand-ins for starting, joining and identifying threads, and for what thread pools keep about them.

`threading.Thread` stays the class it is, subclasses included; `start`, `join`, `is_alive` and `_bootstrap_inner`'s hand-shake are
replaced. A start is one
operation, and so is a join: the standard library's `_started.wait()` and limbo lock order nothing that a program can see.
After an execution every thread object it made looks finished to the real methods too.

A thread pool that lives longer than an execution (a module's global) starts each one without workers and with an empty queue, whatever
threads it has outside:
those are not under control, and those of the last execution are gone.
"""

from __future__ import annotations

import _thread
import queue
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import thread as pools
from typing import Any

from interleave.model import READ
from interleave.primitives.clocks import polls_again
from interleave.primitives.rows import Row
from interleave.runtime import active, starts, state
from interleave.runtime.naming import hand_over

Thread = threading.Thread
_real_ident = _thread.get_ident
_real_native_id = _thread.get_native_id
_real_start = _thread.start_new_thread
_real_start_joinable: Any = getattr(_thread, "start_joinable_thread", None)
_real_count = _thread._count
#: Idents of logical threads: above every tid, below every address that the real `get_ident` returns.
_FIRST_IDENT = 0x10000
_LAST_IDENT = 0x1000000
_HAS_HANDLE = sys.version_info >= (3, 13)
_active: dict[int, Any] = threading._active  # type: ignore[attr-defined]


def ident_of(tid: int) -> int:
    """Return what `get_ident` returns in a logical thread."""
    return _FIRST_IDENT + tid if tid > 0 else _real_ident()


def get_ident() -> int:
    """Return the ident of the logical thread, or of the OS thread outside an execution."""
    # As `active` and `ident_of` do: it is asked for by every thread that is made.
    ident, trap = _real_ident(), state.kernel
    if trap is None or ident != state.ident:
        return state.guise if state.guise and ident == state.ident else ident
    carrier: int = trap.kernel.me.carrier
    return _FIRST_IDENT + carrier if carrier > 0 else ident


def get_native_id() -> int:
    """Return the native id of the logical thread: its ident, except for the scenario itself."""
    kernel = active()
    return _real_native_id() if kernel is None or kernel.carrier == 0 else ident_of(kernel.carrier)


def count() -> int:
    """Stand in for `_thread._count`: the threads that have been started and have not ended."""
    kernel = active()
    if kernel is None:
        return int(_real_count()) - state.watchers
    # Tasks run in the thread of their loop.
    others = [one for one in kernel.kernel.logical[1:] if one.carrier == one.tid]
    kernel.step("alive", *others, mode=READ)
    return int(_real_count()) - state.watchers + sum(not logical.is_finished for logical in others)


def _start(self: Any) -> None:
    kernel = active()
    if kernel is None:
        _originals[Thread, "start"](self)
        return
    if not self._initialized:
        raise RuntimeError("thread.__init__() not called")
    starts.start(self)
    if self._started._flag:
        starts.ask(kernel, self)
        raise RuntimeError("threads can only be started once")
    # Marked before the announcement: a second start meanwhile must fail as it does for real.
    self._started._flag = True
    hand_over(self._target, (self, *self._args, *self._kwargs.values()))
    try:
        logical = kernel.spawn(lambda: _bootstrap(self), self._name, is_daemon=self._daemonic)
    except BaseException:
        _mark_finished(self)
        raise
    logical.handle = self
    kernel.side[id(self)] = logical
    self._ident = self._native_id = ident = _FIRST_IDENT + logical.tid
    _active[ident] = self


def _bootstrap(thread: Any) -> None:
    """Run a thread as `_bootstrap_inner` does, without its hand-shake."""
    try:
        if threading._trace_hook or threading._profile_hook:  # type: ignore[attr-defined]
            _run_traced(thread)
        else:
            thread.run()
    except SystemExit:
        pass
    except Exception as error:
        _report_uncaught(thread, error)
    finally:
        _active.pop(thread._ident, None)
        _mark_finished(thread)


def _run_traced(thread: Any) -> None:
    """Run a thread under the functions given to `threading.settrace` and `setprofile`."""
    tracing, profiling = threading.gettrace(), threading.getprofile()
    own = sys.gettrace(), sys.getprofile()
    try:
        if tracing:
            sys.settrace(tracing)
        if profiling:
            sys.setprofile(profiling)
        thread.run()
    finally:
        # A real thread takes them with it; all logical ones share an OS thread, which has to be as before.
        if tracing and sys.gettrace() == tracing:
            sys.settrace(own[0] if own[0] != tracing else None)
        if profiling and sys.getprofile() == profiling:
            sys.setprofile(own[1] if own[1] != profiling else None)


def _report_uncaught(thread: Any, error: Exception) -> None:
    """Fail the execution, unless the program has set an excepthook of its own since the execution began."""
    kernel = active()
    if kernel is None or kernel.is_ending or threading.excepthook is kernel.excepthook:
        raise error
    thread._invoke_excepthook(thread)


def _mark_finished(thread: Any) -> None:
    """Make the real methods see a thread that has ended."""
    if not _HAS_HANDLE:
        thread._is_stopped = True
        thread._tstate_lock = None
    elif not thread._handle.is_done():
        # The handle made by `Thread.__init__` was never started; only a running one can be done.
        thread._handle = _thread._make_thread_handle(thread._ident or _FIRST_IDENT)  # type: ignore[attr-defined]
        thread._handle._set_done()


def forget(threads: Iterable[Any]) -> None:
    """Make the thread objects of the logical threads of an execution that is over look finished to the real methods."""
    for logical in threads:
        thread = logical.handle
        if thread is None:
            continue
        if pools._threads_queues:
            pools._threads_queues.pop(thread, None)  # type: ignore[attr-defined]
        if not logical.is_finished:
            # It never ran. Others have done this themselves.
            _active.pop(thread._ident, None)
            _mark_finished(thread)
    for ident in [ident for ident in _active if _FIRST_IDENT <= ident < _LAST_IDENT]:
        # Made by `current_thread()` in a thread that is no `Thread`.
        _mark_finished(_active.pop(ident))
    if _shut.is_over:
        _shut.is_over = pools._shutdown = False


def _join(self: Any, timeout: float | None = None) -> None:
    kernel = active()
    if kernel is None:
        _originals[Thread, "join"](self, timeout)
        return
    if not self._initialized:
        raise RuntimeError("Thread.__init__() not called")
    starts.ask(kernel, self)
    if not self._started._flag:
        raise RuntimeError("cannot join thread before it is started")
    logical = kernel.side.get(id(self))
    if logical is None:
        _join_foreign(self, timeout)
        return
    if logical.tid == kernel.carrier:
        raise RuntimeError("cannot join current thread")
    if timeout is not None and timeout <= 0 and not polls_again(kernel):
        kernel.look("alive", logical)
        if not logical.is_finished:
            return
    kernel.join(logical, None if timeout is None else max(timeout, 0))


def _join_foreign(thread: Any, timeout: float | None) -> None:
    """Join a thread that is not part of this execution: the main thread, or one that ended with an earlier one."""
    if thread is threading.current_thread():
        raise RuntimeError("cannot join current thread")
    _originals[Thread, "join"](thread, timeout)


def _is_alive(self: Any) -> bool:
    kernel = active()
    if kernel is not None:
        starts.ask(kernel, self)
        if self._initialized and (not self._started._flag or self._ident is None):
            # Not started, or being started.
            return False
    logical = kernel.side.get(id(self)) if kernel is not None else None
    if logical is None:
        return bool(_originals[Thread, "is_alive"](self))
    kernel.look("alive", logical)
    return not logical.is_finished


def _spawn(kernel: Any, function: Callable[[], object], name: str, *, is_daemon: bool) -> Any:
    def body() -> None:
        try:
            function()
        except SystemExit:
            pass
        finally:
            # Listed if it asked for its `current_thread()`.
            _active.pop(ident_of(logical.tid), None)

    logical = kernel.spawn(body, name, is_daemon=is_daemon)
    return logical


def start_new_thread(
    function: Callable[..., object],
    args: tuple[Any, ...],
    kwargs: dict[str, Any] = {},  # noqa: B006 (as the original, and never changed)
    /,
) -> int:
    """Stand in for `_thread.start_new_thread`."""
    kernel = active()
    if kernel is None or not callable(function) or not isinstance(args, tuple) or not isinstance(kwargs, dict):
        # Wrong arguments: the real one says so.
        return int(_real_start(function, args, kwargs))
    name = getattr(function, "__name__", "thread")
    hand_over(function, (*args, *kwargs.values()))
    return ident_of(_spawn(kernel, lambda: function(*args, **kwargs), name, is_daemon=True).tid)


class Handle:
    """Stand in for the handle that `_thread.start_joinable_thread` returns (3.13)."""

    __slots__ = ("_is_set", "_logical", "_tid")

    def __init__(self, logical: Any) -> None:
        self._logical = logical
        self._tid = logical.tid
        self._is_set = False

    @property
    def ident(self) -> int:
        """The ident of the thread."""
        return ident_of(self._tid)

    def is_done(self) -> bool:
        """Return whether the thread has ended."""
        kernel = active()
        if kernel is not None:
            kernel.look("alive", self._logical)
        return self._is_set or bool(self._logical.is_finished)

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end of the thread."""
        kernel = active()
        if kernel is not None and self._tid == kernel.carrier:
            raise RuntimeError("Cannot join current thread")
        if kernel is not None and not self._is_set:
            kernel.join(self._logical, timeout if timeout is None or timeout >= 0 else None)

    def _set_done(self) -> None:
        self._is_set = True


def start_joinable_thread(function: Callable[[], object], handle: Any = None, daemon: bool = True) -> Any:
    """Stand in for `_thread.start_joinable_thread` (3.13)."""
    kernel = active()
    if kernel is None or handle is not None or not callable(function):
        return _real_start_joinable(function, handle=handle, daemon=daemon)
    return Handle(_spawn(kernel, function, getattr(function, "__name__", "thread"), is_daemon=daemon))


# -- thread pools -----------------------------------------------------------------------------------------------------


class _Shut:
    """Whether the end of the program was announced to the thread pools of this execution."""

    is_over = False


_shut = _Shut()
_POOL_STATE = ("_threads", "_work_queue", "_idle_semaphore", "_broken", "_shutdown")
#: Thread pools that an execution met and that were not made in it, by id, with the state to give back.
_outer_pools: dict[int, tuple[Any, dict[str, Any]]] = {}


class _Ordered(dict[Any, None]):
    """A set that keeps the order of insertion: that of a real one depends on addresses."""

    def add(self, item: Any) -> None:
        """Add an item."""
        self[item] = None


def _init_pool(self: Any, *args: Any, **options: Any) -> None:
    _originals[ThreadPoolExecutor, "__init__"](self, *args, **options)
    kernel = active()
    if kernel is not None:
        # `shutdown` joins the workers in the order of this set.
        self._threads = _Ordered()
        kernel.side[_made(self)] = True


def _made(pool: Any) -> tuple[str, int]:
    """Return the key under which an execution notes that a pool is its own. Nothing else has it, as pools end when they are dropped."""
    return "pool", id(pool)


def _renew_pool(pool: Any) -> None:
    """Start an execution with a pool that has no workers, if it was not made in this execution."""
    kernel = active()
    if kernel is None or _made(pool) in kernel.side:
        return
    kernel.side[_made(pool)] = True
    _, before = _outer_pools.setdefault(id(pool), (pool, {name: getattr(pool, name) for name in _POOL_STATE}))
    pool._threads = _Ordered()
    pool._work_queue = queue.SimpleQueue()
    pool._idle_semaphore = threading.Semaphore(0)
    pool._broken, pool._shutdown = before["_broken"], before["_shutdown"]


def give_back_pools() -> None:
    """Give thread pools that are older than the exploration their own threads and queues back."""
    while _outer_pools:
        pool, before = _outer_pools.popitem()[1]
        vars(pool).update(before)


def _submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
    _renew_pool(self)
    return _originals[ThreadPoolExecutor, "submit"](self, fn, *args, **kwargs)


def _shutdown(self: Any, wait: bool = True, *, cancel_futures: bool = False) -> None:
    _renew_pool(self)
    _originals[ThreadPoolExecutor, "shutdown"](self, wait, cancel_futures=cancel_futures)


def release_pools() -> bool:
    """Tell idle workers of thread pools to stop, as the interpreter does when the main thread has ended; return whether there were any."""
    kernel = active()
    if kernel is None or _shut.is_over or not kernel.kernel.logical[0].is_finished:
        return False
    waiting = [work for thread, work in list(pools._threads_queues.items()) if _is_blocked(kernel, thread)]
    _shut.is_over = pools._shutdown = True
    for work in waiting:
        work._items.append(None)
        kernel.open(work._ready)
    return bool(waiting)


def _is_blocked(kernel: Any, thread: Any) -> bool:
    logical = kernel.side.get(id(thread))
    return logical is not None and not logical.is_finished and logical.queue is not None


METHODS: dict[tuple[type, str], Callable[..., Any]] = {
    (Thread, "start"): _start,
    (Thread, "join"): _join,
    (Thread, "is_alive"): _is_alive,
    (ThreadPoolExecutor, "__init__"): _init_pool,
    (ThreadPoolExecutor, "submit"): _submit,
    (ThreadPoolExecutor, "shutdown"): _shutdown,
}
OBJECTS: list[Row] = [
    Row(_thread.start_new_thread, staticmethod(start_new_thread)),
    Row(_thread.start_new, staticmethod(start_new_thread)),
    Row(_thread.get_ident, staticmethod(get_ident)),
    Row(_thread.get_native_id, staticmethod(get_native_id)),
    Row(_real_count, staticmethod(count)),
]
if _real_start_joinable is not None:
    OBJECTS.append(Row(_real_start_joinable, staticmethod(start_joinable_thread)))

_originals: dict[tuple[type, str], Any] = {key: vars(key[0])[key[1]] for key in METHODS}
