"""Special methods of classes of installed packages, and of those that attrs writes for a class of a scenario, called by functions of C and
by operators: what they read was not seen, and programs that break in between were called proven."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from interleave import explore
from tests.installed import installed
from tests.threads import together

_SOURCE = """
class Pair:
    def __init__(self):
        self.left = self.right = 0

    def _difference(self, *_):
        left = self.left
        return abs(left - self.right)

    def __repr__(self):
        return "torn" if self._difference() else "whole"

    def __format__(self, spec):
        return repr(self)

    __hash__ = __index__ = __abs__ = __neg__ = __invert__ = __round__ = __add__ = __mul__ = __rmul__ = __divmod__ = _difference

    def __float__(self):
        return float(self._difference())

    def __bool__(self):
        return self._difference() == 1

    def __eq__(self, other):
        return self._difference() == 1

    __lt__ = __eq__
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    with installed(tmp_path_factory.mktemp("pairs"), "some_pairs", _SOURCE) as module:
        yield module


@pytest.mark.parametrize(
    "is_torn",
    [
        lambda pair: repr(pair) == "torn",
        lambda pair: str(pair) == "torn",
        lambda pair: ascii(pair) == "torn",
        lambda pair: format(pair) == "torn",
        lambda pair: f"{pair}" == "torn",
        lambda pair: "%s" % pair == "torn",  # noqa: UP031
        lambda pair: "%s" % (pair,) == "torn",  # noqa: UP031
        lambda pair: "{}".format(pair) == "torn",  # noqa: UP032
        lambda pair: repr([pair]) == "[torn]",
        lambda pair: " ".join(map(str, [pair])) == "torn",
        lambda pair: hash(pair) == 1,
        lambda pair: int(pair) == 1,
        lambda pair: float(pair) == 1,
        lambda pair: list(map(int, [pair])) == [1],
        lambda pair: len(range(pair)) == 1,
        lambda pair: operator.index(pair) == 1,
        lambda pair: abs(pair) == 1,
        lambda pair: -pair == 1,
        lambda pair: ~pair == 1,
        lambda pair: round(pair) == 1,
        lambda pair: math.isqrt(pair) == 1,
        lambda pair: pair + 1 == 1,
        lambda pair: 2 * pair == 1,
        lambda pair: divmod(pair, 1) == 1,
        lambda pair: sum([pair], start=pair) == 1,
        lambda pair: any([pair]),
        lambda pair: [pair].count(5) == 1,
        lambda pair: sorted([5, pair])[0] is pair,
    ],
)  # fmt: skip
def test_nothing_is_proven_of_what_they_read(package: ModuleType, is_torn: Callable[[Any], bool]) -> None:
    def scenario() -> None:
        pair, found = package.Pair(), []

        def store() -> None:
            pair.left = 1
            pair.right = 1

        together(store, lambda: found.append(is_torn(pair)))
        assert found == [False]

    assert explore(scenario).verdict in ("failed", "inconclusive")


@pytest.mark.parametrize("operation", [repr, hash, lambda pair: pair == pair])
def test_of_classes_made_by_attrs_in_a_scenario(operation: Callable[[Any], object]) -> None:
    attrs = pytest.importorskip("attrs")

    def scenario() -> None:
        @attrs.define(unsafe_hash=True)
        class Pair:
            left: int = 0
            right: int = 0

        pair = Pair()
        together(lambda: setattr(pair, "left", 1), lambda: operation(pair))

    result = explore(scenario)
    assert result.verdict == "inconclusive"
    assert "a library made it while the scenario ran" in result.uncontrolled[0]
