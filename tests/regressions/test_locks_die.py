"""A lock that the program had dropped lived on to the end of the execution, with whatever waits for its death."""

from __future__ import annotations

import threading
import weakref

import pytest

from interleave.explore import explore
from interleave.result import Budget


@pytest.mark.parametrize("make", [threading.Lock, threading.RLock, threading.Condition])
@pytest.mark.parametrize("is_held", [False, True])
def test_weak_reference_dies(make: type, is_held: bool) -> None:
    def scenario() -> None:
        died: list[int] = []

        def worker() -> None:
            lock = make()
            weakref.finalize(lock, died.append, 1)
            if is_held:
                lock.acquire()
            del lock
            assert died == [1]

        thread = threading.Thread(target=worker)
        thread.start()
        thread.join()

    result = explore(scenario, budget=Budget(executions=3), strategy="random")
    assert not result.failures, result.failures[0].report()
