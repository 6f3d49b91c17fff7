"""Stand-ins for starting, joining and identifying threads.

`threading.Thread` stays the class it is, subclasses included; `start`, `join`, `is_alive` and `_bootstrap_inner`'s hand-shake are replaced. A start is one
operation, and so is a join: the standard library's `_started.wait()` and limbo lock order nothing that a program can see.
After an execution every thread object it made looks finished to the real methods too.
"""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.thread import _threads_queues
from typing import Any

from interleave.runtime import active

Thread = threading.Thread
_real_ident = _thread.get_ident
#: Idents of logical threads: above every tid, below every address that the real `get_ident` returns.
_FIRST_IDENT = 0x10000
_IS_HANDLE = sys.version_info >= (3, 13)


def get_ident() -> int:
    """Return the ident of the logical thread, or of the OS thread outside an execution."""
    kernel = active()
    if kernel is None or kernel.current == 0:
        return _real_ident()
    return _FIRST_IDENT + int(kernel.current)


def get_native_id() -> int:
    """Return the native id of the logical thread: its ident, except for the scenario itself."""
    kernel = active()
    if kernel is None or kernel.current == 0:
        return _real_native_id()
    return _FIRST_IDENT + int(kernel.current)


_real_native_id = _thread.get_native_id


def _logical(kernel: Any, thread: Any) -> Any:
    """Return the logical thread that stands for a `Thread` in this execution, or None."""
    return kernel.side.get(id(thread))


def _start(self: Any) -> None:
    kernel = active()
    if kernel is None:
        _originals[Thread, "start"](self)
        return
    if not self._initialized:
        raise RuntimeError("thread.__init__() not called")
    if self._started._flag:
        raise RuntimeError("threads can only be started once")
    # Marked before the announcement: a second start meanwhile must fail as it does for real.
    self._started._flag = True
    logical = kernel.spawn(lambda: _bootstrap(self), self._name, is_daemon=self.daemon)
    logical.handle = self
    kernel.side[id(self)] = logical
    self._ident = _FIRST_IDENT + logical.tid
    self._native_id = self._ident
    threading._active[self._ident] = self  # type: ignore[attr-defined]


def _bootstrap(thread: Any) -> None:
    """Run a thread as `_bootstrap_inner` does, without its hand-shake."""
    try:
        if threading._trace_hook:  # type: ignore[attr-defined]
            sys.settrace(threading._trace_hook)  # type: ignore[attr-defined]
        thread.run()
    except SystemExit:
        pass
    except Exception as error:
        _report_uncaught(thread, error)
    finally:
        threading._active.pop(thread._ident, None)  # type: ignore[attr-defined]
        _mark_finished(thread)


def _report_uncaught(thread: Any, error: Exception) -> None:
    """Fail the execution, unless the program has set an excepthook of its own since the execution began."""
    kernel = active()
    if kernel is None or threading.excepthook is kernel.excepthook:
        raise error
    thread._invoke_excepthook(thread)


def _mark_finished(thread: Any) -> None:
    """Make the real methods see a thread that has ended."""
    if not _IS_HANDLE:
        thread._is_stopped = True
        thread._tstate_lock = None
    elif not thread._handle.is_done():
        # The handle made by `Thread.__init__` was never started; only a running one can be done.
        thread._handle = _thread._make_thread_handle(thread._ident)  # type: ignore[attr-defined]
        thread._handle._set_done()


def _join(self: Any, timeout: float | None = None) -> None:
    kernel = active()
    if kernel is None:
        _originals[Thread, "join"](self, timeout)
        return
    if not self._initialized:
        raise RuntimeError("Thread.__init__() not called")
    if not self._started._flag:
        raise RuntimeError("cannot join thread before it is started")
    logical = _logical(kernel, self)
    if logical is None:
        _join_foreign(self, timeout)
        return
    if logical.tid == kernel.current:
        raise RuntimeError("cannot join current thread")
    kernel.join(logical, None if timeout is None else max(timeout, 0))


def _join_foreign(thread: Any, timeout: float | None) -> None:
    """Join a thread that is not part of this execution: the main thread, or one that ended with an earlier one."""
    if thread is threading.main_thread() and active().current == 0:
        raise RuntimeError("cannot join current thread")
    _originals[Thread, "join"](thread, timeout)


def _is_alive(self: Any) -> bool:
    kernel = active()
    logical = _logical(kernel, self) if kernel is not None else None
    if logical is None:
        return bool(_originals[Thread, "is_alive"](self))
    kernel.look("alive", logical)
    return not logical.is_finished


def start_new_thread(function: Callable[..., object], args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> int:
    """Stand in for `_thread.start_new_thread`."""
    kernel = active()
    if kernel is None:
        return int(_real_start(function, args, kwargs) if kwargs is not None else _real_start(function, args))
    if not callable(function):
        raise TypeError("first arg must be callable")
    if not isinstance(args, tuple):
        raise TypeError("2nd arg must be a tuple")

    def body() -> None:
        try:
            function(*args, **(kwargs or {}))
        except SystemExit:
            pass

    name = getattr(function, "__name__", "thread")
    return _FIRST_IDENT + int(kernel.spawn(body, name, is_daemon=True).tid)


_real_start = _thread.start_new_thread


class _Ordered(dict[Any, None]):
    """A set that keeps the order of insertion: that of a real one depends on addresses."""

    def add(self, item: Any) -> None:
        """Add an item."""
        self[item] = None


def _init_pool(self: Any, *args: Any, **options: Any) -> None:
    _originals[ThreadPoolExecutor, "__init__"](self, *args, **options)
    if active() is not None:
        # `shutdown` joins the workers in the order of this set.
        self._threads = _Ordered()


def release_pools() -> bool:
    """Tell idle workers of thread pools to stop, as the interpreter does at exit; return whether there were any."""
    kernel = active()
    if kernel is None:
        return False
    waiting = [
        (thread, work) for thread, work in _threads_queues.items()
        if (logical := _logical(kernel, thread)) is not None and not logical.is_finished and logical.queue is not None
    ]
    asked = kernel.side.setdefault("pools", {})
    fresh = [(thread, work) for thread, work in waiting if id(thread) not in asked]
    for thread, work in fresh:
        asked[id(thread)] = thread
        work._items.append(None)
        kernel.open(work._ready)
    return bool(fresh)


def forget(handles: Iterable[Any]) -> None:
    """Make the thread objects of an execution that is over look finished to the real methods, whether or not they ever ran."""
    for thread in handles:
        threading._active.pop(thread._ident, None)  # type: ignore[attr-defined]
        _threads_queues.pop(thread, None)  # type: ignore[attr-defined]
        _mark_finished(thread)


METHODS: dict[tuple[type, str], Callable[..., Any]] = {
    (Thread, "start"): _start,
    (Thread, "join"): _join,
    (Thread, "is_alive"): _is_alive,
    (ThreadPoolExecutor, "__init__"): _init_pool,
}

_originals: dict[tuple[type, str], Any] = {key: vars(key[0])[key[1]] for key in METHODS}
