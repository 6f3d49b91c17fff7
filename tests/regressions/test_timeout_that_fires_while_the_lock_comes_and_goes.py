"""A timeout that fired because somebody read the clock was forgotten when the lock was freed and taken again before its thread ran."""

from __future__ import annotations

import threading
import time

from interleave.explore import explore
from interleave.runtime import yield_point


def scenario() -> None:
    """Give up on a lock that is freed and taken again for good, after the time to give up has come."""
    lock = threading.Lock()
    given_up = threading.Event()

    def impatient() -> None:
        if not lock.acquire(timeout=1.0):
            given_up.set()
        else:
            lock.release()
            given_up.set()

    def taker() -> None:
        lock.acquire()
        given_up.wait()
        lock.release()

    lock.acquire()
    threads = [threading.Thread(target=impatient), threading.Thread(target=taker)]
    for thread in threads:
        thread.start()
    yield_point()
    started = time.monotonic()
    while time.monotonic() - started < 2.0:
        pass
    lock.release()
    for thread in threads:
        thread.join()


def test_whoever_is_late_gives_up_in_the_end() -> None:
    result = explore(scenario, strategy="dfs", preemptions=1)
    assert result.failures == (), result.failures[0].report()
    assert result.exhausted
