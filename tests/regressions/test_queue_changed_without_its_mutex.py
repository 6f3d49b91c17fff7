"""A queue whose items the program changes directly looked to `get` as it had been before: a `get` was stuck, or raised Empty."""

from __future__ import annotations

import queue
from typing import Any

from interleave.explore import explore
from interleave.result import Budget


def test_get_and_put_see_it() -> None:
    def scenario() -> None:
        q: Any = queue.Queue(2)
        q.put(1)
        q.put(2)
        q.queue.clear()
        q.put(3, timeout=1)
        q.queue.append(4)
        assert [q.get(), q.get()] == [3, 4]
        q.queue.append(5)
        assert q.get() == 5
        q.maxsize = 1
        q.put(6)
        assert q.full()
        q.maxsize = 2
        q.put(7)

    result = explore(scenario, budget=Budget(executions=3))
    assert not result.failures, result.failures[0].report()
