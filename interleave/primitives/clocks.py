"""Stand-ins for the clock: `time.sleep` and the functions that read the time.

Time is virtual and starts at the same values in every execution. It moves to the next deadline when nothing else can run,
and by a little whenever it is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

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


def _reader(real: Callable[[], Any], offset: float, *, is_ns: bool) -> Callable[[], Any]:
    def read() -> Any:
        kernel = active()
        if kernel is None:
            return real()
        now = kernel.read_clock() + offset
        return int(now * 1_000_000_000) if is_ns else now

    read.__name__ = read.__qualname__ = real.__name__
    read.__doc__ = f"Stand in for `time.{real.__name__}`."
    return read


#: By the function it stands for.
FUNCTIONS: dict[Any, Callable[..., Any]] = {
    time.sleep: sleep,
    time.monotonic: _reader(time.monotonic, 0.0, is_ns=False),
    time.perf_counter: _reader(time.perf_counter, 0.0, is_ns=False),
    time.time: _reader(time.time, _EPOCH - _START, is_ns=False),
    time.monotonic_ns: _reader(time.monotonic_ns, 0.0, is_ns=True),
    time.perf_counter_ns: _reader(time.perf_counter_ns, 0.0, is_ns=True),
    time.time_ns: _reader(time.time_ns, _EPOCH - _START, is_ns=True),
}
