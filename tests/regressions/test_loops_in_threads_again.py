"""A loop in a thread lost its tasks where the module of loops had been imported before control was taken.

It asked for the ident of the OS thread by a name of its own, which control exchanges in every module but those of the runtime.
"""

from __future__ import annotations

import asyncio

import interleave
import interleave.event_loop.loop
from tests.threads import together


def test_loops_in_threads_step() -> None:
    def scenario() -> None:
        ended = []

        async def work() -> None:
            await asyncio.sleep(0)
            ended.append(1)

        together(lambda: asyncio.run(work()), lambda: asyncio.run(work()))
        assert len(ended) == 2

    for _ in range(2):
        result = interleave.explore(scenario, strategy="random", budget=interleave.Budget(executions=20))
        assert result.failure is None
