"""Correct programs were called livelocks: loops that count while they wait, and loops that wait within a `for` loop."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from interleave import Budget, explore
from tests.threads import together


def _count_until_told() -> None:
    state = SimpleNamespace(is_told=False, turns=0)

    def wait() -> None:
        turns = 0
        while not state.is_told:
            turns += 1

    def count() -> None:
        while not state.is_told:
            state.turns += 1

    def tell() -> None:
        state.is_told = True

    together(wait, count, tell)


def _take_what_is_there() -> None:
    items: list[int] = []
    taken: list[int] = []

    def take() -> None:
        while len(taken) < 2:
            if items:
                taken.append(items.pop(0))

    def give() -> None:
        items.append(1)
        items.append(2)

    together(take, give)
    assert taken == [1, 2]


def _ring() -> None:
    slots, ends, taken = [0, 0], SimpleNamespace(head=0, tail=0), []

    def produce() -> None:
        for number in (1, 2):
            while ends.tail - ends.head == 2:
                pass
            slots[ends.tail % 2] = number
            ends.tail += 1

    def consume() -> None:
        for _ in range(2):
            while ends.tail == ends.head:
                pass
            taken.append(slots[ends.head % 2])
            ends.head += 1

    together(produce, consume)
    assert taken == [1, 2]


@pytest.mark.parametrize("strategy", ["auto", "dpor", "random", "pct", "pos", "surw"])
@pytest.mark.parametrize("scenario", [_count_until_told, _take_what_is_there, _ring])
def test_correct_programs_pass(scenario: Callable[[], None], strategy: str) -> None:
    result = explore(scenario, strategy=strategy, budget=Budget(executions=30, steps=2_000))
    assert not result.failures
    assert result.executions > 1


def test_loop_that_waits_within_a_for_loop_is_proven() -> None:
    assert explore(_ring, strategy="dpor").verdict == "proven"


def test_what_the_for_loop_around_does_is_not_forgotten() -> None:
    def scenario() -> None:
        state, done = SimpleNamespace(is_on=False), []

        def look() -> None:
            # Each turn of the inner loop is like the one before it, although it has been left in between.
            for _ in [None] * 3:
                while True:
                    if not state.is_on:
                        break
            done.append(None)

        def switch() -> None:
            state.is_on = True
            state.is_on = False

        together(look, switch)
        assert done

    assert explore(scenario, strategy="dpor").verdict == "proven"


def test_real_livelock_is_found() -> None:
    def scenario() -> None:
        state = SimpleNamespace(turns=0)

        def count() -> None:
            while state.turns >= 0:
                state.turns += 1

        together(count, count)

    result = explore(scenario, strategy="random", budget=Budget(executions=20, steps=4_000))
    assert [failure.kind for failure in result.failures] == ["livelock"]


def test_auto_samples_where_the_search_has_ended_without_a_proof() -> None:
    result = explore(_count_until_told, budget=Budget(executions=40, steps=500))
    assert result.executions == 40
