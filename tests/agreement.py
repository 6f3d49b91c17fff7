"""What a program of tasks comes to, by full search and by reduction: both have to reach the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import interleave

#: What a program adds its outcome to.
Seen = set[Any]


def outcomes(program: Callable[[Seen], Any], strategy: str, **options: Any) -> Seen:
    """Return the outcomes of all schedules of a program; a search that does not end, or an execution that fails, is an error."""
    seen: Seen = set()

    async def scenario() -> None:
        await program(seen)

    budget = interleave.Budget(executions=20_000)
    result = interleave.explore(scenario, strategy=strategy, budget=budget, races="off", **options)
    assert result.verdict == "proven", result
    return seen


def agreed(program: Callable[[Seen], Any], **options: Any) -> Seen:
    """Return the outcomes of a program on which full search and reduction agree."""
    expected = outcomes(program, "dfs", **options)
    assert outcomes(program, "dpor", **options) == expected
    return expected
