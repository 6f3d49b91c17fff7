"""`include=["random"]` instrumented the generator that the strategies draw from: a strategy that was asked announced, and asked itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from interleave.explore import explore
from interleave.result import Budget


@pytest.mark.parametrize("strategy", ["random", "surw", "pos", "pct", "auto"])
def test_strategies_are_not_explored(strategy: str) -> None:
    def scenario() -> None:
        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(abs, [-1, -2])) == [1, 2]

    include = ["concurrent.futures", "random", "functools", "collections", "bisect", "heapq"]
    result = explore(scenario, strategy=strategy, budget=Budget(executions=40), include=include)
    assert not result.failures, result.failures[0].report()
    assert result.executions == 40
