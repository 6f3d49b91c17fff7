"""`loop.stop` lets the current batch of callbacks run: those that were registered together with the one that stops among them.

anyio stops its worker threads in a callback of the main task. The loop had ended before, and the threads waited for ever.
"""

from __future__ import annotations

import asyncio

import pytest

import interleave


@pytest.mark.parametrize("strategy", ["random", "dpor"])
def test_callback_of_the_main_task_runs(strategy: str) -> None:
    def scenario() -> None:
        seen = []

        async def main() -> None:
            task = asyncio.current_task()
            assert task is not None
            task.add_done_callback(lambda _: seen.append("done"))

        asyncio.run(main())
        assert seen == ["done"]

    assert interleave.explore(scenario, strategy=strategy, budget=interleave.Budget(executions=20)).failure is None
