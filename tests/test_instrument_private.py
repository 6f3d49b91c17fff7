"""Lists that only one frame can have: which accesses are left out, and that every way out of the frame brings them back."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from bytecode import Bytecode

from interleave import explore
from interleave.instrument.private import private_accesses

kept: list[Any] = []
unknown: Any = None


def found(function: Callable[..., object]) -> list[str]:
    """Return the names of the instructions that need not be announced, with their lines counted from the function's."""
    code = function.__code__  # type: ignore[attr-defined]
    instructions: list[Any] = list(Bytecode.from_code(code, conserve_exception_block_stackdepth=True))
    accesses = [instructions[position] for position in sorted(private_accesses(code, instructions))]
    return [f"{one.name} {one.lineno - code.co_firstlineno}" for one in accesses if one.name != "GET_ITER"]


def loops_over_a_display() -> None:
    numbers = [unknown, unknown]
    for number in numbers:
        number()


def loops_over_a_comprehension() -> None:
    numbers = [unknown(one) for one in unknown]
    for number in numbers:
        number()
    for number in numbers:
        number()


def fills_a_list() -> None:
    numbers = []
    for one in unknown:
        numbers.append(one)
    for number in numbers:
        number()


def takes_an_element() -> None:
    numbers = [unknown, unknown]
    numbers[0]()


def test_loops_over_private_lists_are_left_out() -> None:
    assert found(loops_over_a_display) == ["FOR_ITER 2"]
    assert found(loops_over_a_comprehension) == ["FOR_ITER 2", "FOR_ITER 4"]
    assert found(fills_a_list) == ["FOR_ITER 4"]
    assert found(takes_an_element) == ["BINARY_SUBSCR 2"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="comprehensions are functions of their own up to 3.11")
def test_comprehensions_over_private_lists_are_left_out() -> None:
    def names() -> None:
        numbers = [unknown]
        unknown([number.name for number in numbers])

    assert found(names) == ["FOR_ITER 2"]


def escapes() -> list[Callable[..., object]]:
    """Return functions with a loop over a list that others may have."""

    def gives_it_away() -> None:
        numbers = [1]
        unknown(numbers)
        for _ in numbers:
            pass

    def returns_it() -> list[int]:
        numbers = [1]
        for _ in numbers:
            pass
        return numbers

    def has_two_names() -> None:
        one = two = [1]
        for _ in one:
            unknown(two)

    def copies_the_name() -> None:
        numbers = [1]
        others = numbers
        for _ in numbers:
            unknown(others)

    def makes_a_generator() -> None:
        numbers = [1]
        unknown(number for number in numbers)
        for _ in numbers:
            pass

    def makes_a_closure() -> None:
        numbers = [1]
        unknown(lambda: numbers)
        for _ in numbers:
            pass

    def is_given_one(numbers: list[int]) -> None:
        for _ in numbers:
            pass

    def may_be_given_one(numbers: list[int]) -> None:
        if not numbers:
            numbers = [1]
        for _ in numbers:
            pass

    def calls_for_one() -> None:
        numbers = unknown()
        for _ in numbers:
            pass

    def calls_after_a_comprehension() -> None:
        kept.append([one() for one in unknown])
        numbers = unknown()
        for _ in numbers:
            pass

    def has_it_on_one_path() -> None:
        numbers = [1, 2, 3] if unknown else kept
        for _ in numbers:
            pass

    def has_a_comprehension_on_one_path() -> None:
        numbers = kept and [one() for one in unknown]
        for _ in numbers:
            pass

    def has_another_on_one_path() -> None:
        try:
            numbers = [unknown(one) for one in unknown]
        except ValueError:
            numbers = kept
        for _ in numbers:
            pass

    def keeps_a_method() -> None:
        numbers = [1]
        kept.append(numbers.append)
        for _ in numbers:
            pass

    def puts_it_into_itself() -> None:
        numbers: list[Any] = [1]
        numbers.append(numbers)
        for _ in numbers:
            pass

    def shows_its_variables() -> None:
        numbers = [1]
        unknown(locals())
        for _ in numbers:
            pass

    def yields() -> Any:
        numbers = [1]
        for _ in numbers:
            yield

    def has_a_set() -> None:
        numbers = {unknown(one) for one in unknown}
        for _ in numbers:
            pass

    return [one for one in locals().values() if callable(one)]


@pytest.mark.parametrize("function", escapes(), ids=lambda function: function.__name__)
def test_lists_that_others_may_have_are_announced(function: Callable[..., object]) -> None:
    assert found(function) == []


def test_the_loops_of_a_scenario_are_no_steps() -> None:
    def scenario() -> None:
        total = [0]

        def add() -> None:
            total[0] += 1

        threads = [threading.Thread(target=add) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert total[0] == 2

    failure = explore(scenario, strategy="dpor").failure
    assert failure is not None
    reads = Counter(step.tid for step in failure.trace.steps if step.kind == "read")
    assert reads == {1: 1, 2: 1}, "the scenario reads nothing while threads run"
