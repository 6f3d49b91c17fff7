"""What JSON is made of was said to be proven where the program is asked for objects in the middle, when others could come in between."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from interleave import explore
from tests.threads import together


class _Point:
    def __init__(self) -> None:
        self.x = 0


def _default(point: Any) -> Any:
    return point.x


class _Encoder(json.JSONEncoder):
    def default(self, point: Any) -> Any:
        return point.x


def test_what_was_asked_for_is_read() -> None:
    seen = set()

    def scenario() -> None:
        point = _Point()
        made: list[str] = []
        together(lambda: made.append(json.dumps([point], default=lambda point: point.__dict__)), lambda: setattr(point, "x", 1))
        seen.add(made[0])

    assert not explore(scenario, strategy="dpor").failures
    assert seen == {'[{"x": 0}]', '[{"x": 1}]'}


def _moved_meanwhile() -> str:
    """Return what comes of it when another thread does all it has to do while the program is asked."""
    shared: list[Any] = [_Point(), 1]

    def ask(point: Any) -> Any:
        x = point.x
        point.x, shared[1] = 1, 2
        return x

    return json.dumps(shared, default=ask)


@pytest.mark.parametrize("include", [(), ("json",)])
@pytest.mark.parametrize("dump", [lambda shared: json.dumps(shared, default=_default), lambda shared: json.dumps(shared, cls=_Encoder)])
def test_it_is_not_proven(dump: Callable[[Any], str], include: tuple[str, ...]) -> None:
    seen = set()

    def scenario() -> None:
        shared: list[Any] = [_Point(), 1]
        made: list[str] = []

        def move() -> None:
            shared[0].x = 1
            shared[1] = 2

        together(lambda: made.append(dump(shared)), move)
        seen.add(made[0])

    result = explore(scenario, strategy="dpor", include=include)
    assert _moved_meanwhile() == "[0, 2]"
    assert "[0, 2]" in seen or result.verdict == "inconclusive"


@pytest.mark.parametrize("include", [(), ("json",)])
def test_what_asks_nobody_is_proven(include: tuple[str, ...]) -> None:
    def scenario() -> None:
        shared = {"k": 1}
        lock = threading.Lock()

        def dump() -> None:
            with lock:
                json.dumps(shared, default=str)

        def change() -> None:
            with lock:
                shared["k"] = 2

        together(dump, change)

    assert explore(scenario, strategy="dpor", include=include).verdict == "proven"
