"""A semaphore at the address of a thread pool that was dropped: an execution remembered pools by address, and took it for one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from interleave.explore import explore
from interleave.result import Budget


def _pools_then_semaphores() -> None:
    for _ in range(20):
        ThreadPoolExecutor(1)
    semaphores = [threading.Semaphore(1) for _ in range(200)]
    assert all(semaphore.acquire() for semaphore in semaphores)


def test_an_address_used_again() -> None:
    # Whose address an object gets depends on what is free.
    for _ in range(3):
        result = explore(_pools_then_semaphores, budget=Budget(executions=3))
        assert result.verdict == "proven", result.failures
