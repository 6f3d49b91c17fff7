"""Stand-ins for the clock: `time.sleep` and the functions that read the time.

Time is virtual and starts at the same values in every execution. It moves to the next deadline when nothing else can run,
and by a little whenever it is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from interleave.primitives.rows import Row
from interleave.runtime import WaitQueue, active

#: What `time.time()` says at the beginning of every execution, in seconds since 1970.
_EPOCH = 1_700_000_000.0
#: What the kernel's clock says then.
_START = 1_000.0

_real_sleep = time.sleep


def sleep(seconds: float) -> None:
    """Stand in for `time.sleep`."""
    kernel = active()
    if kernel is None:
        _real_sleep(seconds)
        return
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    kernel.wait("sleep", None, WaitQueue(), float(seconds))


class _Reader:
    """Stand in for one function that reads the time; an object, as a closure over the real one would be exchanged itself."""

    __slots__ = ("__name__", "_is_ns", "_offset", "_real")

    def __init__(self, real: Callable[[], Any], offset: float = 0.0) -> None:
        self.__name__ = real.__name__
        self._real = real
        self._offset = offset
        self._is_ns = real.__name__.endswith("_ns")

    def __call__(self) -> Any:
        kernel = active()
        if kernel is None:
            return self._real()
        now = kernel.read_clock() + self._offset
        return int(now * 1_000_000_000) if self._is_ns else now


OBJECTS: tuple[Row, ...] = (
    Row(time.sleep, staticmethod(sleep)),
    Row(time.monotonic, _Reader(time.monotonic)),
    Row(time.perf_counter, _Reader(time.perf_counter)),
    Row(time.process_time, _Reader(time.process_time)),
    Row(time.thread_time, _Reader(time.thread_time)),
    Row(time.time, _Reader(time.time, _EPOCH - _START)),
    Row(time.monotonic_ns, _Reader(time.monotonic_ns)),
    Row(time.perf_counter_ns, _Reader(time.perf_counter_ns)),
    Row(time.process_time_ns, _Reader(time.process_time_ns)),
    Row(time.thread_time_ns, _Reader(time.thread_time_ns)),
    Row(time.time_ns, _Reader(time.time_ns, _EPOCH - _START)),
)
