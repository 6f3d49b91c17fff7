"""Items of a priority queue may compare themselves with code that is itself scheduled: the heap must not be seen half ordered."""

from __future__ import annotations

import queue
import threading
from typing import Any

import pytest

from interleave.explore import explore
from interleave.result import Budget


class Job:
    """Compares by reading and writing what others read and write."""

    compared = 0

    def __init__(self, rank: int) -> None:
        self.rank = rank

    def __lt__(self, other: Any) -> bool:
        Job.compared += 1
        return self.rank < other.rank


@pytest.mark.parametrize("strategy", ["random", "dfs", "dpor"])
def test_order_holds(strategy: str) -> None:
    def scenario() -> None:
        Job.compared = 0
        q: Any = queue.PriorityQueue()
        q.put(Job(5))
        threads = [threading.Thread(target=q.put, args=(Job(rank),)) for rank in (3, 1)]
        threads.append(threading.Thread(target=lambda: Job.compared))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [q.get().rank for _ in range(3)] == [1, 3, 5]
        assert q.unfinished_tasks == 3

    result = explore(scenario, strategy=strategy, budget=Budget(executions=300))
    assert not result.failures, result.failures[0].report()
