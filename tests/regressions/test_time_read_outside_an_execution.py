"""The clock could not be read by code of the process that is not explored: the stand-in called itself for ever.

The search for holders of `time.monotonic` had found the closure in which the stand-in kept the real one.
"""

from __future__ import annotations

import time

from interleave.explore import Progress, explore
from interleave.model import Budget


def test_clock_in_a_progress_callback() -> None:
    readings: list[float] = []

    def progress(_: Progress) -> None:
        readings.extend([time.monotonic(), time.time(), time.perf_counter(), time.process_time()])

    start = time.monotonic()
    explore(lambda: None, budget=Budget(seconds=0.4, executions=None), strategy="random", progress=progress)
    assert readings
    assert start <= readings[0] <= time.monotonic()
