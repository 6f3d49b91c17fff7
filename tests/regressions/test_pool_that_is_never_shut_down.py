"""Idle workers of a pool that nobody shuts down were told to stop while the pool was open, went on to wait, and were called stuck."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import thread as pools

from interleave.explore import explore
from interleave.result import Budget

KEPT: list[ThreadPoolExecutor] = []


def test_the_program_ends() -> None:
    def scenario() -> None:
        KEPT[:] = [ThreadPoolExecutor(2)]
        KEPT[0].submit(abs, -1)

    result = explore(scenario, strategy="random", budget=Budget(executions=20))
    assert not result.failures, result.failures[0].report()
    assert not pools._shutdown


def test_a_program_that_is_stuck_is_still_stuck() -> None:
    def scenario() -> None:
        KEPT[:] = [ThreadPoolExecutor(2)]
        KEPT[0].submit(abs, -1)
        threading.Event().wait()

    result = explore(scenario, strategy="random", budget=Budget(executions=5))
    assert [failure.kind for failure in result.failures] == ["stuck"]
