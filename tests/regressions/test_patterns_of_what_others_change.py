"""A class pattern was said to read the object only, even where the attribute is found in the class; and to read several attributes at once.

Outcomes were missing from proofs. Of a pattern with several attributes or keys, which is one instruction, nothing is proven any more
if others change them meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from interleave import Result, explore
from tests.threads import together


class _Point:
    __match_args__ = ("x", "y")
    level_of_points = 0

    def __init__(self) -> None:
        self.x = self.y = 0


def _run(write: Callable[[Any], object], read: Callable[[Any], object], make: Callable[[], Any] = _Point) -> tuple[Result, set[object]]:
    seen = set()

    def scenario() -> None:
        _Point.level_of_points = 0
        obj = make()
        found: list[object] = []
        together(lambda: write(obj), lambda: found.append(read(obj)))
        seen.add(found[0])

    try:
        return explore(scenario, strategy="dpor", races="off"), seen
    finally:
        _Point.level_of_points = 0


def test_attribute_of_the_class() -> None:
    def write(point: _Point) -> None:
        _Point.level_of_points = 1

    def read(point: _Point) -> bool:
        match point:
            case _Point(level_of_points=1):
                return True
        return False

    result, seen = _run(write, read)
    assert result.verdict == "proven"
    assert seen == {False, True}


def _write_both(point: _Point) -> None:
    point.x = 1
    point.y = 1


def _match_one(point: _Point) -> object:
    match point:
        case _Point(x):
            return x
    return None


def _match_both(point: _Point) -> object:
    match point:
        case _Point(x, y=y):
            return x, y
    return None


@pytest.mark.parametrize(("read", "verdict"), [(_match_one, "proven"), (_match_both, "inconclusive")])
def test_attributes_of_the_object(read: Callable[[Any], object], verdict: str) -> None:
    result, seen = _run(_write_both, read)
    assert result.verdict == verdict
    assert len(seen) == (2 if read is _match_one else 3)
    assert verdict == "proven" or "a class pattern ran as one step on a _Point that other threads use" in str(result)


def test_keys_of_a_mapping() -> None:
    def write(table: dict[str, int]) -> None:
        table["a"] = 1
        table["b"] = 1

    def read(table: dict[str, int]) -> object:
        match table:
            case {"a": a, "b": b}:
                return a, b
        return None

    result, _ = _run(write, read, lambda: {"a": 0, "b": 0})
    assert result.verdict == "inconclusive"
    assert "a mapping pattern ran as one step" in str(result)
