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
from interleave.runtime.sites import current_site

#: What `time.time()` says at the beginning of every execution, in seconds since 1970.
_EPOCH = 1_700_000_000.0
#: What the kernel's clock says then, and by how much the clock of the day is ahead of it.
_START = 1_000.0
_OF_DAY = _EPOCH - _START

#: How often a thread may look whether it can go on, at one place, before it lets others go first.
_POLLS = 2

_real_sleep = time.sleep


def sleep(seconds: float) -> None:
    """Stand in for `time.sleep`."""
    kernel = active()
    if kernel is None:
        _real_sleep(seconds)
        return
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    if seconds == 0 and not polls_again(kernel):
        kernel.step("yield")
    else:
        kernel.wait("sleep", None, WaitQueue(), float(seconds))


def polls_again(kernel: Any) -> bool:
    """Tell whether a call that need not wait (a sleep or a timeout of zero) is repeated by a thread at one place.

    The first few times it goes on when it is chosen, like any other step. After that it lets all others go first: it is in a
    loop that waits for one of them, and a search that prefers to go on with the current thread would go round for ever.
    """
    key = ("polls", kernel.current, current_site())
    count = kernel.side.get(key, 0)
    kernel.side[key] = count + 1
    return bool(count >= _POLLS)


def present(kernel: Any) -> float:
    """Return the virtual time, in seconds since 1970."""
    now: float = kernel.read_clock() + _OF_DAY
    return now


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


class _Gettime:
    """Stand in for `time.clock_gettime` or its sibling: all clocks but the one of the day agree."""

    __slots__ = ("__name__", "_of_day", "_others", "_real")

    def __init__(self, real: Callable[..., Any]) -> None:
        self.__name__ = real.__name__
        self._real = real
        self._of_day, self._others = _Reader(real, _OF_DAY), _Reader(real)

    def __call__(self, *arguments: Any) -> Any:
        if active() is None or len(arguments) != 1 or type(arguments[0]) is not int:
            return self._real(*arguments)
        return (self._of_day if arguments[0] == time.CLOCK_REALTIME else self._others)()


class _Calendar:
    """Stand in for a function that takes a time to convert, and the present one if none is given."""

    __slots__ = ("__name__", "_convert", "_position", "_real")

    def __init__(self, real: Callable[..., Any], convert: Callable[[float], Any] = float, position: int = 0) -> None:
        self.__name__ = real.__name__
        self._real = real
        self._convert = convert
        self._position = position

    def __call__(self, *arguments: Any) -> Any:
        kernel = active()
        if kernel is not None and (len(arguments) == self._position or arguments[self._position :] == (None,)):
            arguments = (*arguments[: self._position], self._convert(present(kernel)))
        return self._real(*arguments)


_TICKS = (time.monotonic, time.perf_counter, time.process_time, time.thread_time)
_TICKS_IN_NS = (time.monotonic_ns, time.perf_counter_ns, time.process_time_ns, time.thread_time_ns)
OBJECTS: tuple[Row, ...] = (
    *(Row(real, _Calendar(real)) for real in (time.localtime, time.gmtime, time.ctime)),
    Row(time.asctime, _Calendar(time.asctime, time.localtime)),
    Row(time.strftime, _Calendar(time.strftime, time.localtime, 1)),
    Row(time.sleep, staticmethod(sleep)),
    *(Row(real, _Reader(real)) for real in (*_TICKS, *_TICKS_IN_NS)),
    *(Row(real, _Reader(real, _OF_DAY)) for real in (time.time, time.time_ns)),
    *(Row(real, _Gettime(real)) for real in filter(None, map(vars(time).get, ("clock_gettime", "clock_gettime_ns")))),
)
