"""Programs whose results do not depend on the order of tasks give the same here as on the interpreter's own event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from parity import Program, programs, result_of
from parity_streams import answers_of, generate

import interleave

#: Programs of one exploration, which are run one after another, and explorations of one part; all parts are 2,000 programs.
BATCH = 50
EXAMPLES = int(os.environ.get("INTERLEAVE_EXAMPLES", "10"))
PARTS = 4


def compare(made: list[Any], run: Callable[[Any], Coroutine[Any, Any, object]], *, executions: int, **options: Any) -> None:
    """Run programs natively, and then under control, where they have to give the same."""

    async def natively() -> list[object]:
        return [await run(program) for program in made]

    expected = asyncio.run(natively())

    def scenario() -> None:
        for program, result in zip(made, expected, strict=True):
            assert asyncio.run(run(program)) == result, program

    budget = interleave.Budget(executions=executions, steps=1_000_000)
    found = interleave.explore(scenario, strategy="random", budget=budget, races="off", **options)
    assert found.failure is None, found.failure.report()


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.thorough) for part in range(1, PARTS))])
def test_two_thousand_programs(part: int) -> None:
    # Not shrunk: a program is small, and the message names it.
    @seed(part)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.lists(programs, min_size=BATCH, max_size=BATCH))
    def check(batch: list[Program]) -> None:
        compare(batch, result_of, executions=1)

    check()


@pytest.mark.parametrize("order", ["any", "fifo"])
def test_every_order_of_one_program(order: str) -> None:
    program: Program = ((("add", 1), ("give", 2)), (("cancelled", 0),))
    expected = asyncio.run(result_of(program))

    async def scenario() -> None:
        assert await result_of(program) == expected

    result = interleave.explore(scenario, strategy="random", budget=interleave.Budget(executions=100), task_order=order)
    assert result.failure is None, result.failure.report()


@pytest.mark.parametrize("order", ["any", "fifo"])
def test_streams(order: str) -> None:
    compare([generate(number) for number in range(EXAMPLES * 3)], answers_of, executions=2, task_order=order)
