"""Special methods of classes of installed packages, and of those that attrs writes for a class of a scenario, called by functions of C and
by operators: what they read was not seen, and programs that break in between were called proven."""

from __future__ import annotations

import math
import operator
import threading
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

    __hash__ = __index__ = __abs__ = __neg__ = __pos__ = __invert__ = __round__ = __add__ = __mul__ = __rmul__ = __divmod__ = _difference

    def __float__(self):
        return float(self._difference())

    def __bool__(self):
        return self._difference() == 1

    def __eq__(self, other):
        return self._difference() == 1

    __lt__ = __eq__


class Switch:
    is_on = False

    def turn(self):
        self.is_on = True
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
        lambda pair: {1: True}.get(pair),
        lambda pair: pair in {1: True},
        lambda pair: pair in {1},
        lambda pair: ({1: False} | {1: True}).pop(pair, False),
        lambda pair: [*{1}].index(pair) == 0 if pair in [1] else False,
        lambda pair: pair in (1,),
        lambda pair: 1 in (pair,),
        lambda pair: (1, pair) == (1, 1),
        lambda pair: [pair] == [[1][0]],
        lambda pair: {1: pair} == {1: [1][0]},
        lambda pair: (2, pair).count(1) == 1,
        lambda pair: len({pair, 1}) == 1,
        lambda pair: len({pair: 1, 1: 2}) == 1,
        lambda pair: len({one for one in (pair, 1)}) == 1,  # noqa: C416
        lambda pair: len({one: 0 for one in (pair, 1)}) == 1,  # noqa: C420
        lambda pair: repr({frozenset([pair])}) == "{frozenset({torn})}",
        lambda pair: repr({pair: 1}) == "{torn: 1}",
        lambda pair: [False, True][pair],
        lambda pair: "ab"[pair] == "b",
        lambda pair: [1, 2][:pair] == [1],
        lambda pair: "ab"[:pair] == "a",
        lambda pair: [1, 2, 3][0:pair:1] == [1],
        lambda pair: [False, True].pop(pair),
        lambda pair: [1, 2].insert(pair, 3) or pair._difference() == 1,
        lambda pair: +pair == 1,
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


class Own:
    """Of the program: what its methods read is seen wherever they are called."""

    def __init__(self) -> None:
        self.number = 0

    def __eq__(self, other: object) -> bool:
        return self.number == other

    def __hash__(self) -> int:
        return hash(self.number)

    def __lt__(self, other: int) -> bool:
        return self.number < other

    def __index__(self) -> int:
        return self.number

    __pos__ = __index__

    def __repr__(self) -> str:
        return str(self.number)


@pytest.mark.parametrize(
    "look",
    [
        lambda own: {1: 1}.get(own),
        lambda own: own in {1: 1},
        lambda own: own in (1,),
        lambda own: (1, own) == (1, 1),
        lambda own: len({own, 1}),
        lambda own: "ab"[own],
        lambda own: "ab"[:own],
        lambda own: list(range(own)),
        lambda own: "%s" % (own,),  # noqa: UP031
        lambda own: f"{[own]}",
        lambda own: +own,
    ],
)
def test_methods_of_the_program_tell_what_they_read(look: Callable[[Any], object]) -> None:
    seen = []

    def scenario() -> None:
        own, found = Own(), []
        together(lambda: setattr(own, "number", 1), lambda: found.append(look(own)))
        seen.append(str(found[0]))

    assert explore(scenario, strategy="dpor").verdict == "proven"
    assert len(set(seen)) == 2


def test_keys_and_elements_of_a_package_are_used_under_a_lock(package: ModuleType) -> None:
    def scenario() -> None:
        pair, lock, names = package.Pair(), threading.Lock(), {0: "a"}

        def work() -> None:
            with lock:
                assert pair not in names
                assert pair in [0, pair]
                assert (0, pair) != (1, 1)
                assert not "ab"[:pair]
                assert f"{pair}" == "whole"

        together(work, work)

    assert explore(scenario, strategy="dpor").verdict == "proven"


def test_what_a_class_of_a_package_has_for_a_start_is_stored_by_its_methods(package: ModuleType) -> None:
    seen = []

    def scenario() -> None:
        switch, found = package.Switch(), []
        together(switch.turn, lambda: found.append(switch.is_on))
        seen.append(found[0])

    explore(scenario, strategy="dpor")
    assert set(seen) == {False, True}


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
