"""What the stress tests expect of the first versions."""

from __future__ import annotations

import re
from collections.abc import Callable

import interleave
from interleave.model import Failure, FailureKind


def expect_failure(
    scenario: Callable[[], None], *, kind: FailureKind, because: str = "", executions: int = 300, strategy: str = "auto"
) -> Failure:
    """Explore a scenario and return its failure of the given kind, whose message matches the pattern `because`.

    A scenario may fail in other ways too. It is an error if it does not in this way within the budget, or if the seed
    does not bring the same failure back.
    """
    budget = interleave.Budget(executions=executions)
    result = interleave.explore(scenario, strategy=strategy, budget=budget, stop_on_failure=False)
    assert result.verdict == "failed", f"{result.verdict} after {result.executions} executions"
    for failure in result.failures:
        if failure.kind == kind and re.search(because, failure.message):
            replayed = interleave.replay(scenario, failure.seed).failure
            assert replayed is not None, f"seed {failure.seed} does not fail"
            assert (replayed.kind, replayed.message) == (failure.kind, failure.message)
            return failure
    raise AssertionError(f"failed in other ways only: {[(failure.kind, failure.message) for failure in result.failures]}")
