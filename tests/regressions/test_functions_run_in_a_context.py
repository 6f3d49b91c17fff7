"""`Context.run(f, ...)`, which is what `asyncio.to_thread` does, touches what `f` touches: a method of a list is one step, not several."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

from interleave import Budget, explore


def _in_threads(*functions: Any) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_method_run_in_a_context_is_one_step() -> None:
    orders: set[tuple[int, ...]] = set()

    def scenario() -> None:
        numbers: list[int] = []
        contexts = [contextvars.copy_context() for _ in range(2)]
        _in_threads(lambda: contexts[0].run(numbers.append, 0), lambda: contexts[1].run(numbers.append, 1))
        orders.add(tuple(numbers))

    result = explore(scenario, strategy="dpor")
    assert (result.verdict, result.executions) == ("proven", 2)
    assert orders == {(0, 1), (1, 0)}


def test_a_method_called_by_to_thread_is_one_step() -> None:
    async def scenario() -> None:
        numbers: list[int] = []
        await asyncio.gather(asyncio.to_thread(numbers.append, 0), asyncio.to_thread(numbers.append, 1))
        assert len(numbers) == 2

    result = explore(scenario, strategy="random", budget=Budget(executions=50))
    assert (result.verdict, result.uncontrolled) == ("passed", ())


def test_two_threads_that_enter_one_context_are_not_proven() -> None:
    def scenario() -> None:
        context = contextvars.copy_context()
        _in_threads(*[lambda: context.run(list)] * 2)

    assert explore(scenario, strategy="dpor").verdict == "inconclusive"
