"""Correct programs that go through a set of objects, in the order of their addresses, were said to fail with nondeterminism."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from interleave import explore
from tests.threads import together


class _Item:
    def __init__(self) -> None:
        self.number = 0


def _steps(item: _Item, done: list[int]) -> None:
    """Do something else for each item, so that their order can be told from the steps."""
    if item.number % 2:
        done.append(item.number)


def _pop(items: set[Any], done: list[int]) -> None:
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not items:
                    return
                item = items.pop()
            _steps(item, done)

    together(work, work)


def _go_through(items: Iterable[Any], done: list[int]) -> None:
    def work() -> None:
        for item in items:
            _steps(item, done)

    together(work, work)


def _list(items: set[Any], done: list[int]) -> None:
    def work() -> None:
        for item in list(items):
            _steps(item, done)

    together(work, work)


@pytest.mark.parametrize("use", [_pop, _go_through, _list])
def test_their_order_is_no_failure(use: Callable[[set[Any], list[int]], None]) -> None:
    made: list[int] = []

    def scenario() -> None:
        items = sorted((_Item() for _ in range(4)), key=hash)
        made.append(len(made))
        # As where memory is given away by whoever else uses it.
        for index, item in enumerate(items):
            item.number = (index + len(made)) % 4
        done: list[int] = []
        use(set(items), done)
        assert set(done) <= {1, 3}

    result = explore(scenario)
    assert (result.verdict, result.failures, result.stopped_by) == ("inconclusive", (), "nondeterminism")
    assert any("a set of _Item objects" in sentence and "give them a __hash__" in sentence for sentence in result.uncontrolled)


def test_a_set_of_numbers_explains_nothing() -> None:
    made: list[int] = []

    def scenario() -> None:
        made.append(len(made))
        done: list[int] = []

        def work() -> None:
            for number in {1, 2, 3}:
                if (number + len(made)) % 2:
                    done.append(number)

        together(work, work)

    assert [failure.kind for failure in explore(scenario).failures] == ["nondeterminism"]
