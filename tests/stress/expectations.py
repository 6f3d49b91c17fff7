"""What the stress tests expect of the first versions."""

from __future__ import annotations

import re
from collections.abc import Callable

import interleave
from interleave.model import FailureKind
from interleave.result import Failure


def expect_failure(
    scenario: Callable[[], None], *, kind: FailureKind, because: str = "", executions: int = 300, strategy: str = "auto"
) -> Failure:
    """Explore a scenario and return its failure of the given kind, whose message matches the pattern `because`.

    The first failure found may be another one; then the exploration is repeated to its end. It is an error if there is
    none of this kind within the budget, or if its seed does not bring the same failure back.
    """
    budget = interleave.Budget(executions=executions)
    for stop_on_failure in (True, False):
        result = interleave.explore(scenario, strategy=strategy, budget=budget, stop_on_failure=stop_on_failure)
        assert result.verdict == "failed", f"{result.verdict} after {result.executions} executions"
        for failure in result.failures:
            if failure.kind == kind and re.search(because, failure.message):
                replayed = interleave.replay(scenario, failure.seed).failure
                assert replayed is not None, f"seed {failure.seed} does not fail"
                assert (replayed.kind, replayed.message) == (failure.kind, failure.message)
                return failure
    raise AssertionError(f"failed in other ways only: {[(failure.kind, failure.message) for failure in result.failures]}")
