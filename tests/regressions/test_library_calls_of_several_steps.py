"""Calls of the standard library that are several steps for real were proven as one.

`json.dumps` that indents, `copy.copy` of a subclass of `dict`, and what goes through weak containers or stores into them after a look are
written in Python. What an object's own `__reduce_ex__` gives away, as to `copy.deepcopy`, was taken for a dictionary of nobody.
"""

from __future__ import annotations

import copy
import json
import sys
import weakref
from collections.abc import Callable, Sequence
from itertools import chain
from threading import Lock
from typing import Any

import pytest

from interleave import explore
from tests.threads import together


class Thing:
    value = 0


class Mapping(dict[str, int]):
    pass


def indented() -> None:
    values = {"a": 1}
    together(lambda: json.dumps(values, indent=1), lambda: values.__setitem__("b", 2))


def copied() -> None:
    values = Mapping(a=1)
    together(lambda: copy.copy(values), lambda: values.__setitem__("b", 2))


def listed_values() -> None:
    things, cache = [Thing(), Thing()], weakref.WeakValueDictionary[int, Thing]()
    cache[0] = things[0]
    together(lambda: list(cache.values()), lambda: cache.__setitem__(1, things[1]))


def listed_set() -> None:
    things, known = [Thing(), Thing()], weakref.WeakSet[Thing]()
    known.add(things[0])
    together(lambda: list(known), lambda: known.add(things[1]))


def joined_sets() -> None:
    things, known = [Thing(), Thing()], weakref.WeakSet[Thing]()
    known.add(things[0])
    together(lambda: known | weakref.WeakSet(), lambda: known.add(things[1]))


#: From 3.13 on C code indents, too.
SCENARIOS = [copied, listed_values, listed_set, joined_sets, *((indented,) if sys.version_info < (3, 13) else ())]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_is_several_steps(scenario: Callable[[], None]) -> None:
    result = explore(scenario)
    assert result.verdict == "inconclusive"
    assert explore(scenario, include=["json", "copy", "weakref", "_weakrefset"]).failures[0].message.startswith("RuntimeError")


def test_two_values_by_default_of_a_weak_dictionary() -> None:
    def scenario() -> None:
        cache, got = weakref.WeakValueDictionary[str, Thing](), list[Thing]()
        together(*[lambda: got.append(cache.setdefault("it", Thing()))] * 2)
        assert got[0] is got[1]

    assert explore(scenario).verdict == "inconclusive"
    assert explore(scenario, include=["weakref"]).failures[0].kind == "assertion"


@pytest.mark.parametrize("make", [weakref.WeakSet, weakref.WeakValueDictionary, weakref.WeakKeyDictionary])
def test_loop_over_a_weak_container(make: Callable[[], Any]) -> None:
    def scenario(is_locked: bool) -> None:
        things, known, lock = [Thing(), Thing()], make(), Lock()

        def add(thing: Thing) -> None:
            if make is weakref.WeakSet:
                known.add(thing)
            else:
                known[thing] = thing

        def loop() -> None:
            if is_locked:
                with lock:
                    for thing in known:
                        thing.value = 1
            else:
                for thing in known:
                    thing.value = 1

        def locked_add() -> None:
            with lock:
                add(things[1])

        add(things[0])
        together(loop, locked_add)

    assert explore(lambda: scenario(False)).failures[0].message.startswith("RuntimeError")
    assert explore(lambda: scenario(True)).verdict == "proven"


def test_what_is_one_step_is_proven() -> None:
    def scenario() -> None:
        values, things = {"a": 1}, weakref.WeakKeyDictionary[Thing, int]()
        thing = Thing()
        together(lambda: json.dumps(values, sort_keys=True), lambda: values.__setitem__("b", 2))
        together(lambda: copy.copy(values), lambda: values.__setitem__("c", 2))
        together(lambda: things.setdefault(thing, 1), lambda: things.setdefault(thing, 2))

    assert explore(scenario).verdict == "proven"


def by_reduce(thing: Thing) -> dict[str, int]:
    return dict(thing.__reduce_ex__(4)[2])  # type: ignore[arg-type]


def by_state(thing: Thing) -> dict[str, int]:
    return dict(thing.__getstate__())  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize(
    ("take", "include"), [(by_reduce, ()), (by_state, ()), (lambda one: vars(copy.copy(one)), ["copy"]), (copy.deepcopy, ["copy"])]
)
def test_attributes_given_away(take: Callable[[Thing], object], include: Sequence[str]) -> None:
    def scenario() -> None:
        thing, got = Thing(), list[object]()
        thing.value = 1
        together(lambda: got.append(take(thing)), lambda: setattr(thing, "other", 2))
        assert "other" in (vars(got[0]) if isinstance(got[0], Thing) else got[0])  # type: ignore[operator]

    assert explore(scenario, include=include).verdict == "failed"


@pytest.mark.parametrize("wrap", [chain, enumerate, lambda values: map(str, values)])
def test_generator_behind_a_shared_iterator(wrap: Callable[[Any], Any]) -> None:
    """Two threads take from an iterator around a generator: one finds it at work."""

    def scenario() -> None:
        shared = wrap(number for number in range(3))
        together(*[lambda: next(shared)] * 2)

    assert explore(scenario).failures[0].message == "ValueError: generator already executing (in thread 'Thread-2 (<lambda>)')"
