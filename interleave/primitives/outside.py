"""The ledger of what cannot be controlled: calls into the operating system that may wait for something outside the process.

They run for real, in the order of the schedule, and are noted, with the line, in `Trace.uncontrolled`: an exploration with such an entry
proves nothing. Sockets, selectors, other processes and locks on files are listed here, clocks and random numbers that are not pinned
too. What blocks for good is found by the watchdog (`interleave.watchdog`).

Modules that few programs use have their methods exchanged when they are loaded, see `late_methods`.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os
import queue
import select
import selectors
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable
from typing import Any

from interleave.primitives.rows import Row
from interleave.runtime import active
from interleave.runtime.sites import site_of

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class _Noted:
    """Stand in for a function that is noted and then called; an object, as a closure over the real one would be exchanged itself."""

    __slots__ = ("__name__", "_name", "_real")

    def __init__(self, real: Callable[..., Any], name: str) -> None:
        self.__name__ = name.rpartition(".")[2]
        self._name = name
        self._real = real

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        _note(self._name)
        return self._real(*arguments, **options)


def _noted_method(cls: type, name: str) -> Callable[..., Any]:
    real = getattr(cls, name)

    def method(self: Any, *arguments: Any, **options: Any) -> Any:
        _note(f"{cls.__module__.lstrip('_')}.{cls.__name__}.{name}")
        return real(self, *arguments, **options)

    method.__name__ = name
    return method


def _note(name: str) -> None:
    kernel = active()
    if kernel is not None:
        # Who asks again gets another answer, whatever the program has done meanwhile.
        kernel.spinning.saw(kernel.current, "outside", None)
        kernel.ledger.note(f"{name} ran for real at {site_of(sys._getframe(2))}: what it waits for or reads is outside the program")


def _methods_of(cls: type, *names: str) -> dict[tuple[type, str], Callable[..., Any]]:
    return {(cls, name): _noted_method(cls, name) for name in names if hasattr(cls, name)}


METHODS: dict[tuple[type, str], Callable[..., Any]] = {
    **_methods_of(
        socket.socket, "accept", "connect", "connect_ex", "recv", "recv_into", "recvfrom", "recvmsg", "send", "sendall", "sendto"
    ),
    **_methods_of(subprocess.Popen, "__init__"),
}
for _name in ("SelectSelector", "PollSelector", "EpollSelector", "DevpollSelector", "KqueueSelector"):
    if hasattr(selectors, _name):
        METHODS |= _methods_of(getattr(selectors, _name), "select")


def _rows(module: Any, *names: str) -> list[Row]:
    found = [(name, getattr(module, name, None)) for name in names]
    return [Row(real, _Noted(real, f"{module.__name__.lstrip('_')}.{name}")) for name, real in found if real is not None]


_set_handler: Callable[..., Any] = _signal.signal


def _set_handler_in_main(number: int, handler: Any, /) -> Any:
    """Stand in for what `signal.signal` calls, which asks which OS thread it is called in: here, all logical threads have one."""
    trap = active()
    if trap is not None and trap.kernel.me.tid:
        raise ValueError("signal only works in main thread of the main interpreter")
    return _set_handler(number, handler)


OBJECTS: tuple[Row, ...] = (
    Row(_set_handler, staticmethod(_set_handler_in_main)),
    *_rows(select, "select", "poll"),
    *_rows(os, "system", "fork", "lockf"),
    *_rows(fcntl, "flock", "lockf"),
    *_rows(uuid, "_generate_time_safe"),
)


def late_methods() -> dict[tuple[type, str], Any]:
    """Return the stand-ins for methods of modules that are loaded, but need not be."""
    found: dict[tuple[type, str], Any] = {}
    pools: Any = sys.modules.get("multiprocessing.pool")
    locks: Any = sys.modules.get("multiprocessing.synchronize")
    if hasattr(pools, "ThreadPool"):
        found[pools.ThreadPool, "_setup_queues"] = _setting_up(pools.ThreadPool._setup_queues)
        # Its threads are those of the base class, so that this one is asked about pools of threads and of processes.
        found[pools.Pool, "_wait_for_updates"] = staticmethod(_waiting(pools.Pool._wait_for_updates))
    if hasattr(locks, "SemLock"):
        found |= _methods_of(locks.SemLock, "_make_methods", "__enter__")
    return found


# --- multiprocessing.pool.ThreadPool: its handlers wait on a pipe, which nobody but they themselves writes ---------------------


class _Notifier:
    """What tells a pool of threads that something changed, and what a pool takes for the context that makes it."""

    def __init__(self) -> None:
        self._queue: Any = queue.Queue()
        self._reader = self
        self.put, self.empty, self.get = self._queue.put, self._queue.empty, self._queue.get

    def SimpleQueue(self) -> _Notifier:  # noqa: N802
        return self

    def close(self) -> None:
        """Do nothing: there is no pipe to close."""


def _setting_up(real: Callable[[Any], object]) -> Callable[[Any], None]:
    def _setup_queues(pool: Any) -> None:
        real(pool)
        if active() is not None:
            pool._ctx = _Notifier()

    return _setup_queues


def _waiting(real: Callable[..., Any]) -> Callable[..., Any]:
    def _wait_for_updates(sentinels: Any, change_notifier: Any, timeout: float | None = None) -> None:
        if not isinstance(change_notifier, _Notifier):
            real(sentinels, change_notifier, timeout)
            return
        try:
            change_notifier.get(timeout=timeout)
            while not change_notifier.empty():
                change_notifier.get()
        except queue.Empty:
            pass

    return _wait_for_updates
