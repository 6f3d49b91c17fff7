"""A thread pool that is a global: its second execution counted the workers of the first, started none, and was stuck."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from interleave.explore import explore
from interleave.result import Budget

POOL = ThreadPoolExecutor(2)


def test_every_execution_has_workers() -> None:
    def scenario() -> None:
        assert list(POOL.map(abs, [-1, -2, -3])) == [1, 2, 3]

    before = dict(vars(POOL))
    result = explore(scenario, strategy="random", budget=Budget(executions=20))
    assert not result.failures, result.failures[0].report()
    assert vars(POOL) == before
    assert POOL.submit(abs, -1).result() == 1
