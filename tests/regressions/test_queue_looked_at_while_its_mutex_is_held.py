"""`qsize`, `empty`, `full` and attempts that do not block saw a queue in the middle of what another thread did holding its mutex."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest

from interleave.explore import explore
from interleave.result import Budget


def _attempt(q: Any) -> object:
    try:
        return q.get_nowait()
    except queue.Empty:
        return None


@pytest.mark.parametrize(
    "look",
    [lambda q: q.qsize() in (0, 2), lambda q: not q.full(), lambda q: q.empty() or q.qsize(), _attempt],
    ids=["qsize", "full", "empty", "get"],
)
@pytest.mark.parametrize("strategy", ["random", "dfs", "dpor"])
def test_looking_waits(look: Callable[[Any], object], strategy: str) -> None:
    def scenario() -> None:
        q: Any = queue.Queue(1)
        seen: list[object] = []
        step = threading.Lock()

        def changer() -> None:
            with q.mutex:
                # Full for a moment only; the lock makes room for a switch.
                q.queue.append("one")
                with step:
                    pass
                q.queue.clear()

        threads = [
            threading.Thread(target=changer),
            threading.Thread(target=lambda: seen.append((look(q), step.acquire(), step.release()))),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen[0][0] in (True, None)  # type: ignore[index]

    result = explore(scenario, strategy=strategy, budget=Budget(executions=200))
    assert not result.failures, result.failures[0].report()
