"""What the searches leave out changes nothing: the same final states as with a scheduling point at every single access.

The reference is brute force: depth-first over all orders of all announced operations, with nothing learned and nothing reduced.
`dfs` (points learned, lock sets) and `dpor` (one execution per class) must reach exactly its set of final states.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, assume, given, settings

from interleave import Budget, explore
from interleave.model import Strategy
from interleave.strategies.dfs import Dfs
from interleave.strategies.dpor import Dpor
from tests.generated import Program, build, programs

#: More for `make torture`.
EXAMPLES = int(os.environ.get("INTERLEAVE_EXAMPLES", "15"))
#: Programs with more orders than this are left out.
LARGEST = 800


class BruteForce(Dfs):
    """Every order of every operation."""

    every_access = True


def outcomes_of(program: Program, strategy: Strategy, largest: int) -> tuple[dict[Any, int], bool]:
    """Return the final states that a search reaches, how often each, and whether it came to its end."""
    outcomes: dict[Any, int] = {}
    result = explore(build(program, outcomes), strategy=strategy, budget=Budget(executions=largest), stop_on_failure=False)
    assert not result.failures, result.failures[0].report()
    return outcomes, result.exhausted


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(programs)
def test_searches_reach_the_final_states_of_brute_force(program: Program) -> None:
    expected, is_complete = outcomes_of(program, BruteForce(), LARGEST)
    assume(is_complete)
    found, is_complete = outcomes_of(program, Dfs(), LARGEST)
    assert is_complete
    assert found.keys() == expected.keys()
    reduced = Dpor()
    found, is_complete = outcomes_of(program, reduced, LARGEST)
    assert is_complete
    assert found.keys() == expected.keys()
    assert reduced.redundant == 0
