"""What functions of C make of several objects was said to be proven where a special method of the program runs in the middle.

Each program looks at a list after a method of an object in scope ran, and others may come in while that runs.
"""

from __future__ import annotations

import array
import copy
import csv
import io
import itertools
import pickle
from collections import deque
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from interleave import explore
from tests.threads import together

Ask = Callable[[], int]


class _Shown:
    def __init__(self, ask: Ask) -> None:
        self.ask = ask

    def __str__(self) -> str:
        return f"<{self.ask()}>"

    __repr__ = __str__


class _Reduced(_Shown):
    def __reduce__(self) -> Any:
        return int, (self.ask(),)


def _one(ask: Ask) -> Iterator[int]:
    yield ask()


def _printed(ask: Ask, xs: list[int]) -> str:
    file = io.StringIO()
    print(_Shown(ask), xs, file=file)
    return file.getvalue()


def _row(ask: Ask, xs: list[int]) -> str:
    file = io.StringIO()
    csv.writer(file).writerow([_Shown(ask), xs])
    return file.getvalue()


_FORMAT = "{} {}"


@pytest.mark.parametrize("look", [
    _printed,
    _row,
    lambda ask, xs: str([_Shown(ask), xs]),
    lambda ask, xs: repr({1: [_Shown(ask)], 2: xs}),
    lambda ask, xs: _FORMAT.format(_Shown(ask), xs),
    lambda ask, xs: f"{(_Shown(ask), xs)}",
    lambda ask, xs: "%s %s" % (_Shown(ask), xs),  # noqa: UP031
    lambda ask, xs: pickle.loads(pickle.dumps([_Reduced(ask), xs])),
    lambda ask, xs: copy.deepcopy([_Reduced(ask), xs]),
    lambda ask, xs: list(deque(itertools.chain(_one(ask), xs))),
    lambda ask, xs: list(array.array("i", itertools.chain(_one(ask), xs))),
    lambda ask, xs: [*map(lambda x: ask() + x, xs)],  # noqa: C417
    lambda ask, xs: "".join(map(lambda x: str(ask() + x), xs)),  # noqa: C417
])  # fmt: skip
def test_it_is_not_proven(look: Callable[[Ask, list[int]], Any]) -> None:
    def looked(state: SimpleNamespace, xs: list[int], after: Callable[[], None]) -> str:
        def ask() -> int:
            number: int = state.number
            after()
            return number

        return str(look(ask, xs))

    def change(state: SimpleNamespace, xs: list[int]) -> None:
        state.number = xs[0] = xs[1] = 1

    state, xs = SimpleNamespace(number=0), [0, 0]
    in_the_middle = looked(state, xs, lambda: change(state, xs))
    seen = set()

    def scenario() -> None:
        state, xs = SimpleNamespace(number=0), [0, 0]
        made: list[str] = []
        together(lambda: made.append(looked(state, xs, int)), lambda: change(state, xs))
        seen.add(made[0])

    result = explore(scenario, strategy="dpor")
    assert in_the_middle in seen or result.verdict == "inconclusive"


@pytest.mark.parametrize("look", [str, repr, "{}".format, lambda xs: f"{xs}", lambda xs: [*xs]])
def test_what_runs_nothing_is_proven(look: Callable[[list[int]], object]) -> None:
    def scenario() -> None:
        xs = [0, 0]
        together(lambda: look(xs), lambda: xs.append(1))

    assert explore(scenario, strategy="dpor").verdict == "proven"
