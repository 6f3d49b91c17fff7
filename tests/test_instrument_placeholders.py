"""A function that waits to be rewritten looks and behaves like itself, and its first call announces what later ones do."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from types import CodeType
from typing import Any

import pytest

from interleave import Budget, explore
from interleave.instrument.placeholders import placeholder
from interleave.strategies.random import RandomWalk


def make() -> dict[str, Callable[..., Any]]:
    """Return functions of many shapes; those that are closures share their variables."""
    base, kept = 5, [1]

    def everything(a: int, b: int = 2, /, c: int = 3, *rest: int, k: int = 1, j: int, **more: int) -> Any:
        def inner() -> Any:
            return a, base

        kept.append(0)
        return a, b, c, rest, k, j, more, inner(), kept

    def nothing() -> int:
        return 7

    def generator(a: int) -> Any:
        yield a
        yield base

    async def coroutine(z: int = 1) -> int:
        return z + base

    async def asynchronous_generator() -> Any:
        yield base

    return {one.__name__: one for one in (everything, nothing, generator, coroutine, asynchronous_generator)}  # type: ignore[attr-defined]


CALLS: dict[str, Callable[[Any], Any]] = {
    "everything": lambda function: (function(1, j=4, q=2), function(1, 2, 3, 4, 5, j=1, k=9)),
    "nothing": lambda function: function(),
    "generator": lambda function: list(function(3)),
    "coroutine": lambda function: (asyncio.run(function()), asyncio.run(function(z=4))),
    "asynchronous_generator": lambda function: asyncio.run(anext(function())),
}


@pytest.mark.parametrize("name", CALLS)
def test_functions_look_and_behave_the_same(name: str) -> None:
    expected = CALLS[name](make()[name])
    function: Any = make()[name]
    judgements = (inspect.signature, inspect.isgeneratorfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction)
    looks = [judge(function) for judge in judgements]
    asked: list[CodeType] = []

    def demand(code: CodeType, namespace: dict[str, Any]) -> CodeType:
        assert namespace is globals()
        asked.append(code)
        return code

    original = function.__code__
    function.__code__ = placeholder(original, demand)
    assert [judge(function) for judge in judgements] == looks
    assert function.__code__.co_name == original.co_name
    assert function.__code__.co_freevars == original.co_freevars
    assert asked == []
    assert CALLS[name](function) == expected
    assert set(asked) == {original}


def test_wrong_arguments_are_refused_in_the_words_of_the_function() -> None:
    function: Any = make()["everything"]
    with pytest.raises(TypeError) as expected:
        function()
    function.__code__ = placeholder(function.__code__, lambda code, namespace: code)
    with pytest.raises(TypeError) as found:
        function()
    assert str(found.value) == str(expected.value)


class Base:
    def __init__(self, value: int) -> None:
        self.value = value


class Derived(Base):
    def __init__(self, value: int) -> None:
        super().__init__(value + 1)


class Recorder(RandomWalk):
    """The events of every execution, as text."""

    def __init__(self) -> None:
        super().__init__()
        self.traces: list[list[str]] = []

    def end(self, trace: Any) -> None:
        super().end(trace)
        self.traces.append([f"{tid} {operation.kind} {operation.site}" for tid, operation in trace.events])


def test_first_execution_announces_what_later_ones_do() -> None:
    source = """
def add(box):
    box.value = box.value + 1

def scenario():
    box = Derived(0)
    thread = threading.Thread(target=add, args=(box,))
    thread.start()
    add(box)
    thread.join()
"""

    # Fresh code objects: nothing about them is known yet.
    namespace: dict[str, Any] = {"__name__": __name__, "threading": threading, "Derived": Derived}
    exec(compile(source, __file__, "exec"), namespace)
    recorders = [Recorder(), Recorder()]
    for recorder in recorders:
        result = explore(namespace["scenario"], strategy=recorder, budget=Budget(executions=3))
        assert result.verdict == "passed"
    assert any("write" in event for event in recorders[0].traces[0])
    assert recorders[0].traces == recorders[1].traces


def test_reports_show_no_frame_of_ours() -> None:
    source = """
def fail(box):
    assert box == [], "not empty"

def scenario():
    fail([1])
"""
    namespace: dict[str, Any] = {"__name__": __name__}
    exec(compile(source, "<program>", "exec"), namespace)
    failure = explore(namespace["scenario"]).failure
    assert failure is not None
    assert failure.outcome.where is not None
    assert (failure.outcome.where.file, failure.outcome.where.line) == ("<program>", 3)
    assert "placeholders.py" not in failure.report()
    assert "placeholders.py" not in failure.outcome.traceback
