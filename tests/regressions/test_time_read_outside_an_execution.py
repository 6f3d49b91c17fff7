"""The clock could not be read by code of the process that is not explored: the stand-in called itself for ever.

The search for holders of `time.monotonic` had found the closure in which the stand-in kept the real one.
"""

from __future__ import annotations

import time

from interleave.explore import Progress, explore
from interleave.result import Budget


def test_clock_in_a_progress_callback() -> None:
    readings: list[float] = []

    def progress(_: Progress) -> None:
        readings.extend([time.monotonic(), time.time(), time.perf_counter(), time.process_time()])
        raise KeyboardInterrupt

    start = time.monotonic()
    result = explore(lambda: None, budget=Budget(seconds=600, executions=None), strategy="random", progress=progress)
    assert result.stopped_by == "interrupt"
    assert start <= readings[0] <= time.monotonic()
