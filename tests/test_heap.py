"""What is found of a process that was looked through before is what a pass over all of it finds."""

from __future__ import annotations

import functools
import gc
import threading
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import pytest

from interleave import Budget, explore
from interleave.runtime.heap import Heap, Past, survey

KINDS = (type(threading.Lock()),)
_old: dict[str, Any] = {}


def _ids(heap: Heap) -> set[int]:
    return {id(one) for one in (*heap.functions, *heap.caches, *heap.instances)}


@pytest.fixture
def past() -> Iterator[Past]:
    gc.collect()
    gc.disable()
    past = Past(KINDS)
    found = survey(KINDS)
    past.begin("question")
    for objects in (found.functions, found.caches, found.instances):
        past.remember(objects)
    past.remember_kinds(gc.get_objects(0))
    past.end()
    yield past
    gc.enable()


def _make(number: int) -> None:
    """Put functions, caches and locks into what is old and into what is new."""
    name = f"made {number}"

    def function() -> str:
        return name

    _old[name] = [function, functools.lru_cache(function), threading.Lock(), [[] for _ in range(100)]]


def _forget(number: int) -> None:
    _old.pop(f"made {number}", None)


@pytest.mark.parametrize("generations", [(), (0,), (1,), (0, 1), (0, 0, 1, 0, 1, 1)])
def test_what_was_made_since_is_found_in_every_generation(past: Past, generations: tuple[int, ...]) -> None:
    for number, generation in enumerate((*generations, -1)):
        _make(number)
        _make(-number)
        if generation >= 0:
            gc.collect(generation)
        _forget(-number - 1)
        found = past.recall("question")
        assert found is not None
        assert _ids(found) == _ids(survey(KINDS))
        del found
    _old.clear()


@pytest.mark.parametrize("generation", [-1, 0, 1])
def test_lists_made_to_find_it_are_not_among_what_was_made(past: Past, generation: int) -> None:
    _make(1)
    if generation >= 0:
        gc.collect(generation)
    function = _old["made 1"][0]
    made = past.made_since()
    assert made is not None
    assert [one for one in made if type(one) is list and any(part is function for part in one)] == [_old["made 1"]]
    del made
    _old.clear()


def test_nobody_can_tell_after_a_full_collection(past: Past) -> None:
    assert past.recall("question") is not None
    gc.collect()
    assert past.recall("question") is None


def test_nobody_can_tell_of_another_question(past: Past) -> None:
    assert past.recall("another") is None


def test_nobody_can_tell_while_objects_are_frozen(past: Past) -> None:
    gc.freeze()
    try:
        assert past.recall("question") is None
    finally:
        gc.unfreeze()


def test_what_is_kept_in_mind_is_not_kept_alive(past: Past) -> None:
    function = FunctionType((lambda: None).__code__, {})
    key = id(function)
    past.remember([function])
    del function
    found = past.recall("question")
    assert found is not None
    assert key not in map(id, found.functions)


def test_functions_and_locks_made_between_explorations_are_controlled() -> None:
    counts: list[int] = []
    for _ in range(5):
        _old["lock"] = threading.Lock()
        _old["count"] = 0
        exec("def increment(old):\n old['count'] = old['count'] + 1\n", namespace := {"__name__": __name__})
        increment = namespace["increment"]

        def locked(increment: Any = increment) -> None:
            with _old["lock"]:
                increment(_old)

        def scenario(run: Any) -> None:
            _old["count"] = 0
            threads = [threading.Thread(target=run) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert _old["count"] == 2

        racy = explore(lambda increment=increment: scenario(lambda: increment(_old)), strategy="dpor", budget=Budget(executions=100))
        right = explore(lambda locked=locked: scenario(locked), strategy="dpor", budget=Budget(executions=100))
        assert (racy.verdict, right.verdict) == ("failed", "proven")
        counts.append(right.executions)
    _old.clear()
    assert counts == [2] * 5
