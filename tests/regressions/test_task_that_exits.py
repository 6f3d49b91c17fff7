"""A task that raises SystemExit ends the loop, as in CPython: its thread goes on after that, and the loop can be run again.

The thread of the loop was left standing as the task, whose step never ended, and the engine broke down when the loop was closed.
"""

from __future__ import annotations

import _thread
import asyncio
import threading

import pytest

import interleave


@pytest.mark.parametrize("strategy", ["random", "dfs", "dpor"])
def test_thread_of_the_loop_goes_on(strategy: str) -> None:
    def scenario() -> None:
        ended: list[str] = []

        async def leave() -> None:
            await asyncio.sleep(0)
            raise SystemExit(3)

        async def stay() -> None:
            try:
                await asyncio.sleep(1)
            finally:
                ended.append("stay")

        async def main() -> None:
            task = asyncio.create_task(stay())
            await leave()
            await task

        with pytest.raises(SystemExit):
            asyncio.run(main())
        thread = threading.Thread(target=ended.append, args=("thread",))
        thread.start()
        thread.join()
        assert ended in (["stay", "thread"], ["thread"])

    result = interleave.explore(scenario, strategy=strategy, budget=interleave.Budget(executions=50))
    assert result.failure is None, result.failure.report()
    assert result.verdict in ("passed", "proven")


def test_tasks_are_no_threads() -> None:
    async def scenario() -> None:
        before = _thread._count()
        task = asyncio.create_task(asyncio.sleep(1))
        await asyncio.sleep(0)
        assert _thread._count() == before
        await task

    result = interleave.explore(scenario, strategy="random", budget=interleave.Budget(executions=5))
    assert result.failure is None, result.failure.report()


def test_step_that_raises_by_itself_is_told_to_the_loop() -> None:
    async def scenario() -> None:
        told: list[str] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(type(context["exception"]).__name__))
        coro = asyncio.sleep(1)
        task = loop.create_task(coro)
        asyncio.Future.set_result(task, None)
        await asyncio.sleep(2)
        coro.close()
        assert told == ["InvalidStateError"]

    for strategy in ("random", "dpor"):
        result = interleave.explore(scenario, strategy=strategy, budget=interleave.Budget(executions=20))
        assert result.failure is None, result.failure.report()
