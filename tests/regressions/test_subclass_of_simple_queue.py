"""A class derived from `queue.SimpleQueue` before the exploration blocked the process: its methods are those of the C class."""

from __future__ import annotations

import queue
import threading
from typing import Any

from interleave.explore import explore, replay
from interleave.result import Budget


class Inbox(queue.SimpleQueue):  # type: ignore[type-arg]
    pass


def test_get_waits_under_control() -> None:
    def scenario() -> None:
        inbox: Any = Inbox()
        got: list[int] = []
        threads = [threading.Thread(target=lambda: got.append(inbox.get())), threading.Thread(target=inbox.put, args=(1,))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == [1]
        inbox.get()

    result = explore(scenario, strategy="random", budget=Budget(executions=5))
    assert [failure.kind for failure in result.failures] == ["stuck"]
    again = replay(scenario, result.failures[0].seed)
    assert again.failure is not None
    assert again.failure.message == result.failures[0].message
    assert vars(Inbox).keys().isdisjoint({"get", "put"})
