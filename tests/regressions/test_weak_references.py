"""Calls of weak references were no operations: that the object dies between the check and the use was not found, and called impossible."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from interleave import explore
from tests.threads import together


class _Resource:
    name = "it"


class _Subclass(weakref.ref):  # type: ignore[type-arg]
    pass


@pytest.mark.parametrize("kind", [weakref.ref, _Subclass, weakref.WeakMethod])
@pytest.mark.parametrize("strategy", ["dpor", "random", "pos", "surw", "pct"])
def test_object_dies_between_check_and_use(kind: Callable[..., Callable[[], object]], strategy: str) -> None:
    def scenario() -> None:
        class Resource(_Resource):
            def method(self) -> None: ...

        held = {"it": Resource()}
        reference = kind(held["it"].method if kind is weakref.WeakMethod else held["it"])

        def use() -> None:
            if reference() is not None:
                assert reference() is not None

        together(use, lambda: held.pop("it"))

    assert explore(scenario, strategy=strategy).failures[0].kind == "assertion"


def test_use_of_what_the_check_returned_is_proven() -> None:
    def scenario() -> None:
        held = [_Resource()]
        reference = weakref.ref(held[0])

        def use() -> None:
            if (resource := reference()) is not None:
                assert resource.name == "it"

        together(use, held.clear)

    assert explore(scenario).verdict == "proven"


class _Cache(weakref.WeakValueDictionary):  # type: ignore[type-arg]
    pass


@pytest.mark.parametrize("strategy", ["dpor", "dfs", "random", "pos", "surw", "pct"])
def test_two_singletons_in_a_weak_dictionary(strategy: str) -> None:
    """Only one of two threads stores in most orders: what conflicts with the look of the other has to be a point all the same."""

    def scenario() -> None:
        made: Any = weakref.WeakValueDictionary()
        candidates, got = [_Resource(), _Resource()], []

        def get(candidate: _Resource) -> None:
            if "it" not in made:
                made["it"] = candidate
            got.append(made["it"])

        together(*[lambda one=one: get(one) for one in candidates])  # type: ignore[misc]
        assert got[0] is got[1]

    assert explore(scenario, strategy=strategy).failures[0].kind == "assertion"


@pytest.mark.parametrize("kind", [weakref.WeakValueDictionary, _Cache])
def test_value_goes_from_a_weak_dictionary(kind: Callable[[], Any]) -> None:
    def scenario() -> None:
        held, cache = [_Resource()], kind()
        cache["it"] = held[0]

        def use() -> None:
            if "it" in cache:
                assert cache["it"].name == "it"

        together(use, held.clear)

    assert explore(scenario).failures[0].kind == "exception"


@pytest.mark.parametrize("look", [len, lambda them: sum(1 for _ in them), list, lambda them: len(list(them.copy()))])
def test_element_goes_from_a_weak_set(look: Callable[[Any], Any]) -> None:
    def scenario() -> None:
        held, seen = [_Resource()], []
        them = weakref.WeakSet(held)

        def use() -> None:
            seen.extend([bool(look(them)), bool(look(them))])

        together(use, held.clear)
        assert seen[0] == seen[1]

    assert explore(scenario).failures[0].kind == "assertion"


def test_steps_of_tasks_look_at_weak_references() -> None:
    """Within a step of a task nothing is announced: the step as a whole conflicts with everything."""
    seen: set[bool] = set()

    async def scenario() -> None:
        held, reference = [_Resource()], []
        reference.append(weakref.ref(held[0]))

        async def look() -> None:
            await asyncio.sleep(0)
            seen.add(reference[0]() is None)

        async def drop() -> None:
            await asyncio.sleep(0)
            held.clear()

        await asyncio.gather(look(), drop())

    assert explore(scenario, strategy="dpor").verdict == "proven"
    assert seen == {False, True}
