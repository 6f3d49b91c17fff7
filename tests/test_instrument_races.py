"""Races on every kind of place are found without any annotation, and accesses to different places are no races."""

from __future__ import annotations

import array
import collections
import concurrent.futures
import copy
import dataclasses
import functools
import heapq
import operator
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import interleave

TOTAL = 0
CONFIG = {"n": 0}


def both(first: Callable[[], object], second: Callable[[], object] | None = None) -> None:
    """Run two functions, or one twice, in two threads."""
    threads = [threading.Thread(target=first), threading.Thread(target=second or first)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Service:
    count = 0
    instance: Any = None
    made: list[int] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.n = 0
        self.m = 0

    @classmethod
    def get(cls) -> Any:
        if cls.instance is None:
            cls.instance = object()
        return cls.instance

    @functools.cached_property
    def lazy(self) -> object:
        self.made.append(1)
        return object()


def global_variable() -> None:
    global TOTAL
    TOTAL = 0

    def add() -> None:
        global TOTAL
        TOTAL += 1

    both(add)
    assert TOTAL == 2


def global_through_globals() -> None:
    globals()["TOTAL"] = 0

    def add() -> None:
        globals()["TOTAL"] += 1

    both(add)
    assert TOTAL == 2


def global_through_the_module() -> None:
    module: Any = sys.modules[__name__]
    module.TOTAL = 0

    def add() -> None:
        module.TOTAL += 1

    both(add)
    assert TOTAL == 2


def class_attribute() -> None:
    Service.count = 0

    def add() -> None:
        Service.count += 1

    both(add)
    assert Service.count == 2


def singleton() -> None:
    Service.instance = None
    got: list[object] = []
    both(lambda: got.append(Service.get()))
    assert got[0] is got[1]


def cell() -> None:
    n = 0

    def add() -> None:
        nonlocal n
        n += 1

    both(add)
    assert n == 2


def computed_attribute() -> None:
    service = Service()
    both(lambda: setattr(service, "n", getattr(service, "n") + 1))  # noqa: B009
    assert service.n == 2


def instance_dictionary() -> None:
    service = Service()

    def add() -> None:
        vars(service)["n"] = service.n + 1

    both(add)
    assert service.n == 2


def slot() -> None:
    @dataclasses.dataclass(slots=True)
    class Point:
        n: int = 0

    point = Point()

    def add() -> None:
        point.n += 1

    both(add)
    assert point.n == 2


def attribute_of_a_function() -> None:
    def function() -> None:
        pass

    counted: Any = function
    counted.calls = 0

    def add() -> None:
        counted.calls += 1

    both(add)
    assert counted.calls == 2


def attrgetter() -> None:
    service, get = Service(), operator.attrgetter("n")

    def add() -> None:
        service.n = get(service) + 1

    both(add)
    assert service.n == 2


def check_then_act() -> None:
    table: dict[str, int] = {}
    stored: list[int] = []

    def act() -> None:
        if "a" not in table:
            table["a"] = 1
            stored.append(1)

    both(act)
    assert len(stored) == 1


def nested_containers() -> None:
    table = {"a": {"b": 0}}

    def add() -> None:
        table["a"]["b"] += 1

    both(add)
    assert table["a"]["b"] == 2


def dictionary_of_the_module() -> None:
    CONFIG["n"] = 0

    def add() -> None:
        CONFIG["n"] += 1

    both(add)
    assert CONFIG["n"] == 2


def counter() -> None:
    counts: Any = collections.Counter()

    def add() -> None:
        counts["a"] += 1

    both(add)
    assert counts["a"] == 2


def user_dictionary() -> None:
    table = collections.UserDict(a=0)

    def add() -> None:
        table["a"] += 1

    both(add)
    assert table["a"] == 2


def weak_dictionary() -> None:
    table: Any = weakref.WeakValueDictionary()
    services = [Service(), Service()]
    got = []

    def get(service: Service) -> None:
        if "a" not in table:
            table["a"] = service
        got.append(table["a"])

    both(lambda: get(services[0]), lambda: get(services[1]))
    assert got[0] is got[1]


def array_item() -> None:
    numbers = array.array("i", [0])

    def add() -> None:
        numbers[0] += 1

    both(add)
    assert numbers[0] == 2


def deque_emptied() -> None:
    queue = collections.deque([1])

    def take() -> None:
        if queue:
            queue.popleft()

    both(take)


def heap_emptied() -> None:
    heap = [1]

    def take() -> None:
        if len(heap):
            heapq.heappop(heap)

    both(take)


def set_element() -> None:
    seen: set[int] = set()
    first: list[int] = []

    def see() -> None:
        if 1 not in seen:
            seen.add(1)
            first.append(1)

    both(see)
    assert len(first) == 1


def copy_in_between() -> None:
    table = {"a": 1, "b": 1}

    def write() -> None:
        table["a"] += 1
        table["b"] += 1

    def read() -> None:
        copied = copy.copy(table)
        assert copied["a"] == copied["b"]

    both(read, write)


def text_in_between() -> None:
    table: dict[str, int] = {}

    def write() -> None:
        table["x"] = 1
        table["y"] = 1

    def read() -> None:
        text = f"{table}"
        assert ("x" in text) == ("y" in text)

    both(read, write)


def list_in_place() -> None:
    xs: list[int] = []

    def grow() -> None:
        nonlocal xs
        xs += [1]

    def read() -> None:
        n = len(xs)
        assert n == len(xs)

    both(grow, read)


def pattern() -> None:
    service = Service()

    def write() -> None:
        service.n = 1
        service.m = 1

    def read() -> None:
        match service:
            case Service(n=1, m=0):
                raise AssertionError

    both(read, write)


def changed_during_iteration() -> None:
    table = {1: 1, 2: 2}

    def read() -> None:
        for _ in enumerate(table):
            pass

    both(read, functools.partial(table.__setitem__, 3, 1))


def method_of_a_container_as_target() -> None:
    xs: list[int] = []
    with concurrent.futures.ThreadPoolExecutor() as pool:
        pool.submit(xs.append, 1)
        thread = threading.Thread(target=xs.append, args=(2,))
        thread.start()
        thread.join()
    assert xs == [1, 2]


def keys_listed_before_they_go() -> None:
    table = {1: 1, 2: 2}
    both(lambda: [table[key] for key in list(table)], lambda: table.pop(1))


def shared_generator() -> None:
    service = Service()

    def numbers() -> Iterator[int]:
        service.n += 1
        yield 1
        yield 2

    generator = numbers()
    both(lambda: next(generator))


def shared_iterator() -> None:
    iterator = iter(range(5))
    got: list[int] = []

    def take() -> None:
        for n in iterator:
            got.append(n)
            break

    both(take)
    assert got == [0, 1]


def lru_cache_computes_twice() -> None:
    calls = []

    @functools.lru_cache
    def compute(n: int) -> int:
        calls.append(n)
        return n

    both(lambda: compute(1))
    assert len(calls) == 1


def cached_property_computes_twice() -> None:
    Service.made.clear()
    service = Service()
    both(lambda: service.lazy)
    assert len(Service.made) == 1


RACES = [
    global_variable, global_through_globals, global_through_the_module, class_attribute, singleton, cell, computed_attribute,
    instance_dictionary, slot, attribute_of_a_function, attrgetter, check_then_act, nested_containers, dictionary_of_the_module,
    counter, user_dictionary, weak_dictionary, array_item, deque_emptied, heap_emptied, set_element, copy_in_between,
    text_in_between, list_in_place, pattern, changed_during_iteration,
    method_of_a_container_as_target, keys_listed_before_they_go, shared_generator,
    shared_iterator, lru_cache_computes_twice, cached_property_computes_twice,
]  # fmt: skip


@pytest.mark.parametrize("scenario", RACES, ids=lambda scenario: scenario.__name__)
def test_race_is_found(scenario: Callable[[], None]) -> None:
    if scenario is cached_property_computes_twice and sys.version_info < (3, 12):
        # Up to 3.11 a cached property holds a lock while it computes.
        expected = "proven"
    else:
        expected = "failed"
    result = interleave.explore(scenario, budget=interleave.Budget(executions=300))
    assert result.verdict == expected


def disjoint_items() -> None:
    xs, table = [0, 0], {"a": 0, "b": 0}

    def left() -> None:
        xs[0] += 1
        table["a"] += 1

    def right() -> None:
        xs[1] += 1
        table["b"] += 1

    both(left, right)
    assert xs == [1, 1]
    assert table == {"a": 1, "b": 1}


def own_objects() -> None:
    def work() -> None:
        service, xs = Service(), [1]
        service.n += 1
        xs.append(2)
        for x in xs:
            service.n += x
        assert service.n == 4
        assert sum(y for y in xs) == 3

    both(work)


@pytest.mark.parametrize("scenario", [disjoint_items, own_objects])
def test_accesses_to_different_places_are_independent(scenario: Callable[[], None]) -> None:
    result = interleave.explore(scenario, budget=interleave.Budget(executions=50))
    assert result.verdict == "proven"
    # Only the start and the end of the threads can be ordered differently.
    assert result.executions <= 5
