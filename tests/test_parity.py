"""Programs whose results do not depend on the order of tasks give the same here as on the interpreter's own event loop."""

from __future__ import annotations

import asyncio
import os

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


@pytest.mark.parametrize("part", range(PARTS))
def test_two_thousand_programs(part: int) -> None:
    # Not shrunk: a program is small, and the message names it.
    @seed(part)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.lists(programs, min_size=BATCH, max_size=BATCH))
    def check(batch: list[Program]) -> None:
        async def natively() -> list[object]:
            return [await result_of(program) for program in batch]

        expected = asyncio.run(natively())

        def scenario() -> None:
            for program, result in zip(batch, expected, strict=True):
                assert asyncio.run(result_of(program)) == result, program

        result = interleave.explore(scenario, strategy="random", budget=interleave.Budget(executions=1, steps=1_000_000), races="off")
        assert result.failure is None, result.failure.report()

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
    made = [generate(number) for number in range(int(os.environ.get("INTERLEAVE_EXAMPLES", "10")) * 3)]

    async def natively() -> list[object]:
        return [await answers_of(program) for program in made]

    expected = asyncio.run(natively())

    def scenario() -> None:
        for program, answers in zip(made, expected, strict=True):
            assert asyncio.run(answers_of(program)) == answers, program

    result = interleave.explore(
        scenario, strategy="random", budget=interleave.Budget(executions=2, steps=1_000_000), races="off", task_order=order
    )
    assert result.failure is None, result.failure.report()
