"""What the searches leave out changes nothing: same final states, same failures, and one execution for each class of schedules.

The reference runs generated programs on the real kernel, with a choice at every operation and nothing learned; prefixes of one class
(`brute_force.Canon`) are continued once. `dfs` (points learned, lock sets) must reach the same final states and failures, `dpor` the
same classes as well, each of them once. Many more programs are compared with a reference that goes only where it expects something new
(`exhaustion`).
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from interleave import Budget, explore
from interleave.model import Point, Strategy, Trace
from interleave.strategies.bounded import Bounded
from interleave.strategies.dfs import Dfs
from tests.brute_force import Canon, Class, Script, enabled_tids
from tests.exhaustion import Classified, Tally, batch, compare, compare_ends, looks_at_presence
from tests.generated import Program, build, ends_programs, programs

#: More for `make torture`.
EXAMPLES = int(os.environ.get("INTERLEAVE_EXAMPLES", "3"))
#: Programs with more classes, or for which a search makes more executions, are left out.
MOST_CLASSES = int(os.environ.get("INTERLEAVE_CLASSES", "40"))
LARGEST = 10 * MOST_CLASSES


class EveryClass(Script):
    """Try everything that is enabled after every prefix, once for each class of prefixes; go on to the end where one is known."""

    def __init__(self, canon: Canon) -> None:
        super().__init__(canon, set())
        #: Complete classes.
        self.classes: set[Class] = set()
        self._is_known = False

    def begin(self) -> bool:
        self._is_known = False
        return super().begin()

    def choose(self, point: Point) -> int:
        return point.default if self._is_known else super().choose(point)

    def leave(self, point: Point) -> int:
        self._is_known = True
        return point.default

    def threads(self, point: Point) -> list[int]:
        return enabled_tids(point)

    def end(self, trace: Trace) -> None:
        if not self._is_known:
            self.classes.add(self.canon.of(trace))


def ends_of(program: Program, strategy: Strategy, largest: int) -> set[Any] | None:
    """Return the final states and failures that a search reaches, or None if it does not come to its end."""
    outcomes: dict[Any, int] = {}
    result = explore(
        build(program, outcomes), strategy=strategy, budget=Budget(executions=largest), stop_on_failure=False, shrink=False, races="off"
    )
    assert not result.uncontrolled
    kinds = {failure.kind for failure in result.failures}
    assert kinds <= {"deadlock", "stuck"}, result.failures[0].report()
    return outcomes.keys() | {failure.outcome.signature for failure in result.failures} if result.exhausted else None


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(programs)
def test_searches_reach_what_brute_force_reaches(program: Program) -> None:
    # In the order of what they cost, so that programs too large for the test are left out soon.
    canon = Canon()
    reduced = Classified(canon)
    by_dpor = ends_of(program, reduced, MOST_CLASSES)
    assume(by_dpor is not None)
    by_dfs = ends_of(program, Dfs(), LARGEST)
    assume(by_dfs is not None)
    reference = EveryClass(canon)
    expected = ends_of(program, reference, LARGEST)
    assume(expected is not None)
    assert by_dpor == expected
    assert by_dfs == expected
    assert len(reduced.classes) == len(set(reduced.classes))
    if not looks_at_presence(program):
        assert set(reduced.classes) == reference.classes
    assert reduced.redundant == 0
    # Under a bound nothing is found that is not there, and nothing is missed; a bound above what is needed leaves nothing out.
    bounded = ends_of(program, Bounded(1), LARGEST)
    assert bounded is not None
    assert (ends_of(program, Dfs(preemptions=1), LARGEST) or set()) <= bounded <= expected
    assert ends_of(program, Bounded(30), LARGEST) == expected


@pytest.mark.parametrize("number", [0, *(pytest.param(number, marks=pytest.mark.thorough) for number in range(1, 4))])
def test_many_small_programs(number: int) -> None:
    tally = compare(batch(number, kinds=programs))
    assert tally.programs > 90


@pytest.mark.parametrize("number", [0, pytest.param(1, marks=pytest.mark.thorough)])
def test_ends_of_queues_and_semaphores(number: int) -> None:
    tally = compare_ends(batch(number, kinds=ends_programs))
    assert tally.programs > 80


@pytest.mark.slow
@pytest.mark.parametrize("first", range(2, 40, 2))
def test_many_ends_of_queues_and_semaphores(first: int) -> None:
    for number in range(first, first + 2):
        assert compare_ends(batch(number, kinds=ends_programs)).programs > 80


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 220, 10))
def test_many_programs(first: int) -> None:
    tally = Tally()
    for number in range(first, first + 10):
        tally += compare(batch(number))
    assert tally.programs > 850
