"""Locks older than the exploration were named after the thread that touched them first, which is another one in another schedule.

A search that remembers what an operation touched compares names from different executions.
"""

from __future__ import annotations

import queue
import threading
from typing import Any

import pytest

from interleave.explore import explore
from interleave.model import Point, Strategy, Trace
from interleave.result import Budget
from tests.threads import together

LOCK, RLOCK, EVENT, SEMAPHORE = threading.Lock(), threading.RLock(), threading.Event(), threading.Semaphore()
CONDITION, QUEUE, SIMPLE = threading.Condition(), queue.Queue[int](), queue.SimpleQueue[int]()


class _Ends(Strategy):
    """A strategy that takes the lowest or the highest thread, and keeps the names of what was touched."""

    every_access = True

    def __init__(self) -> None:
        self.touched: list[set[Any]] = []

    def begin(self) -> bool:
        return len(self.touched) < 6

    def choose(self, point: Point) -> int:
        if point.values:
            return 0
        lowest = (point.enabled & -point.enabled).bit_length() - 1
        return lowest if len(self.touched) % 2 else point.enabled.bit_length() - 1

    def end(self, trace: Trace) -> None:
        self.touched.append({access.owner for _, operation in trace.events for access in operation.accesses or ()})


def _use(where: Any) -> None:
    if hasattr(where, "notify"):
        with where:
            where.notify()
    elif hasattr(where, "acquire"):
        with where:
            pass
    elif hasattr(where, "is_set"):
        where.set()
    else:
        where.put(1)
        where.get()


def _make_and_use() -> list[Any]:
    return [threading.Semaphore(), threading.Event(), threading.Condition(), queue.Queue()]


@pytest.mark.parametrize("old", [LOCK, RLOCK, EVENT, SEMAPHORE, CONDITION, QUEUE, SIMPLE, None], ids=lambda one: type(one).__name__)
def test_names_do_not_depend_on_the_schedule(old: Any) -> None:
    strategy = _Ends()

    def scenario() -> None:
        places = [old] if old is not None else _make_and_use()

        def worker() -> None:
            for place in places:
                _use(place)

        together(worker, worker)

    explore(scenario, strategy=strategy, budget=Budget(executions=6))
    assert len(strategy.touched) > 2
    assert all(one == strategy.touched[0] for one in strategy.touched[1:]), strategy.touched
