"""What classes get when others work with them was ordered with nothing: subclasses, implementations, attributes that nothing had before."""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable
from typing import Any

import pytest

from interleave import explore
from tests.threads import together


def _define(base: Any, made: list[type]) -> None:
    class Derived(base):
        pass

    made.append(Derived)


@pytest.mark.parametrize("make", [_define, lambda base, made: made.append(type("Derived", (base,), {}))])
def test_subclasses_are_counted(make: Callable[[Any, list[type]], None]) -> None:
    seen = set()

    def scenario() -> None:
        class Base:
            pass

        found: list[int] = []
        made: list[type] = []
        together(lambda: found.append(len(Base.__subclasses__())), lambda: make(Base, made))
        seen.add(found[0])

    assert explore(scenario, strategy="dpor").verdict == "proven"
    assert seen == {0, 1}


def test_threads_that_make_subclasses_disturb_nobody_who_does_too() -> None:
    def scenario() -> None:
        class Base:
            pass

        together(lambda: _define(Base, []), lambda: _define(Base, []))

    result = explore(scenario, strategy="dpor", races="fail")
    assert (result.verdict, result.executions) == ("proven", 1)


def test_method_is_added() -> None:
    def scenario() -> None:
        class Box:
            pass

        box, seen = Box(), []
        together(lambda: seen.append(hasattr(box, "look")), lambda: setattr(Box, "look", str))
        assert seen == [False]

    assert explore(scenario, strategy="dpor").verdict == "failed"


def test_implementations_that_are_registered_meanwhile_are_no_proof() -> None:
    class Shape(abc.ABC):
        @abc.abstractmethod
        def area(self) -> int: ...

    def scenario() -> None:
        @functools.singledispatch
        def look(value: object) -> str:
            return "object"

        together(lambda: look(1), lambda: look.register(int, str))

    for program, name in ((scenario, "singledispatch.register"), (lambda: together(lambda: Shape.register(int), str), "ABCMeta.register")):
        result = explore(program, strategy="dpor")
        assert result.verdict == "inconclusive"
        assert any(name in sentence for sentence in result.uncontrolled)
