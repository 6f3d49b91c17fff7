"""limits 5.8.0: two first hits at once are counted as one, so that a limit lets one call too many through.

What breaks. `MemoryStorage` is the default storage of limits, and of Flask-Limiter, whose requests come from many threads; it keeps a lock
for every key. `MemoryStorage.get`, which every `incr` calls first, takes none (limits/storage/memory.py, lines 119 to 122): where the key
has no time of expiry yet, or one that is past, it drops the counter.

The interleaving. Thread A finds no time of expiry (119). Thread B does all of its hit: it counts 1, sets the time of expiry and is let
through. Thread A drops both (120, 121), counts 1 itself and is let through as well.

The consequence. A limit of one call a minute lets two through, at the first calls for a key and again each time that its window has ended.
It happens under the GIL too.

Searched in the project's tracker and that of Flask-Limiter for "MemoryStorage", "thread safety", "race" and "more requests than the limit".
The nearest are #26, #70, #71 and #352 (a timer started twice, a dictionary changed while it is iterated) and #277 (the asyncio storage).
"""

from __future__ import annotations

import threading
import time
from unittest import mock

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from examples.case_studies.together import together


def scenario() -> None:
    limiter = FixedWindowRateLimiter(MemoryStorage())
    once = RateLimitItemPerMinute(1)
    passed: list[bool] = []
    together(lambda: passed.append(limiter.hit(once, "client")), lambda: passed.append(limiter.hit(once, "client")))
    assert sorted(passed) == [False, True]


def reproduce() -> None:
    """Hold thread A where it compares with the time, until thread B has had its hit."""
    limiter = FixedWindowRateLimiter(MemoryStorage())
    once, passed = RateLimitItemPerMinute(1), {}
    compares, counted = threading.Event(), threading.Event()
    now = time.time

    def slow_time() -> float:
        if threading.current_thread().name == "A" and not counted.is_set():
            compares.set()
            counted.wait()
        return now()

    def hit() -> None:
        passed[threading.current_thread().name] = limiter.hit(once, "client")

    with mock.patch("time.time", slow_time):
        first = threading.Thread(target=hit, name="A")
        first.start()
        compares.wait()
        second = threading.Thread(target=hit, name="B")
        second.start()
        second.join()
        counted.set()
        first.join()
    assert passed == {"A": True, "B": True}, passed


if __name__ == "__main__":
    reproduce()
