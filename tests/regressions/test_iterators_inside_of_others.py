"""An iterator that threads share was ordered with nothing where each had it inside of one of its own: `enumerate(it)`, `zip(it, ...)`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from interleave import explore
from tests.threads import together


def _numbers() -> Iterator[int]:
    yield 1
    yield 2


@pytest.mark.parametrize(
    ("make", "consume"),
    [
        (lambda: iter([1, 2]), lambda it: [x for _, x in enumerate(it)]),
        (lambda: iter(range(2)), lambda it: [x for _, x in enumerate(it)]),
        (itertools.count, lambda it: [x for x, _ in zip(it, "a", strict=False)]),
        (itertools.count, lambda it: [x + 1 for x in map(abs, itertools.islice(it, 1))]),
    ],
)
def test_steps_are_ordered(make: Callable[[], Any], consume: Callable[[Any], object]) -> None:
    seen = set()

    def scenario() -> None:
        shared, found = make(), {}
        together(lambda: found.update({0: consume(shared)}), lambda: found.update({1: consume(shared)}))
        seen.add((str(found[0]), str(found[1])))

    assert explore(scenario, strategy="dpor").verdict == "proven"
    assert len(seen) > 1


def test_generator_inside_is_resumed_by_one_at_a_time() -> None:
    def scenario() -> None:
        shared = _numbers()

        def work() -> None:
            for _ in enumerate(shared):
                pass

        together(work, work)

    result = explore(scenario)
    assert result.verdict == "failed"
    assert "already executing" in result.failures[0].message


@pytest.mark.parametrize("consume", [list, sum, lambda it: list(map(abs, it))])
def test_generator_that_c_runs_to_its_end_proves_nothing(consume: Callable[[Any], object]) -> None:
    def scenario() -> None:
        shared = _numbers()
        together(lambda: consume(shared), lambda: consume(shared))

    assert explore(scenario).verdict == "inconclusive"


def test_branches_of_a_tee_share_what_they_were_made_of() -> None:
    def scenario() -> None:
        one, two = itertools.tee(_numbers())
        together(lambda: list(one), lambda: list(two))

    assert explore(scenario).verdict == "inconclusive"


def test_own_generators_do_not_matter() -> None:
    def scenario() -> None:
        numbers: list[int] = [1, 2]
        together(*[lambda: sum(x for _, x in enumerate(map(abs, numbers)))] * 2)

    assert explore(scenario).verdict == "proven"
