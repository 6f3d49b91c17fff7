"""Order of queues, containers that change while they are iterated, stdlib code that computes twice, shared generators."""

from __future__ import annotations

import functools
import queue
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.peers.answers import failing, holding, outcomes, proven, run

# -- order ----------------------------------------------------------------------------------------------------

QUEUES: dict[str, tuple[Callable[[], Any], str, str]] = {
    "Queue": (queue.Queue, "put", "get"),
    "LifoQueue": (queue.LifoQueue, "put", "get"),
    "SimpleQueue": (queue.SimpleQueue, "put", "get"),
    "deque": (deque, "append", "popleft"),
    "list": (list, "append", "pop"),
}


@pytest.mark.parametrize("kind", QUEUES)
def test_both_orders_of_two_puts_are_seen(kind: str) -> None:
    make, put, get = QUEUES[kind]

    def program() -> str:
        items = make()
        run(lambda: getattr(items, put)("a"), lambda: getattr(items, put)("b"))
        return str(getattr(items, get)() + getattr(items, get)())

    assert outcomes(program, strategy="dfs") == {"ab", "ba"}
    assert outcomes(program, strategy="dpor") == {"ab", "ba"}


def test_order_of_puts_is_an_assertion_that_fails() -> None:
    def scenario() -> None:
        items: queue.Queue[int] = queue.Queue()
        run(lambda: items.put(1), lambda: items.put(2))
        assert [items.get(), items.get()] == [1, 2], "out of order"

    failing(scenario, "assertion", "out of order")


def test_producer_and_consumer_see_every_interleaving() -> None:
    def program() -> tuple[int, ...]:
        items: queue.Queue[int] = queue.Queue()
        sizes: list[int] = []

        def produce() -> None:
            items.put(1)
            items.put(2)

        def consume() -> None:
            for _ in range(2):
                sizes.append(items.qsize())
                items.get()

        run(produce, consume)
        return tuple(sizes)

    assert outcomes(program, strategy="dfs") == {(0, 0), (0, 1), (1, 0), (1, 1), (2, 1)}


def test_priority_is_kept_in_every_order() -> None:
    def scenario() -> None:
        items: queue.PriorityQueue[int] = queue.PriorityQueue()
        run(lambda: items.put(2), lambda: items.put(1))
        assert [items.get(), items.get()] == [1, 2]

    proven(scenario)


def test_event_is_seen_set_and_not_set() -> None:
    def program() -> bool:
        event = threading.Event()
        seen: list[bool] = []
        run(lambda: seen.append(event.is_set()), event.set)
        return seen[0]

    for strategy in ("dfs", "dpor"):
        assert outcomes(program, strategy=strategy) == {True, False}


# -- changes during iteration ---------------------------------------------------------------------------------


def _walk(items: Iterable[object]) -> None:
    for _ in items:
        pass


CHANGING: dict[str, tuple[Callable[[], Any], Callable[[Any], object], Callable[[Any], object], str]] = {
    "dict": (lambda: {"a": 1}, _walk, lambda d: d.update(b=2), "dictionary changed size during iteration"),
    "dict.items": (lambda: {"a": 1}, lambda d: _walk(d.items()), lambda d: d.update(b=2), "dictionary changed size during iteration"),
    "set": (lambda: {"a"}, _walk, lambda s: s.add("b"), "Set changed size during iteration"),
    "deque": (lambda: deque("a"), _walk, lambda d: d.append("b"), "deque mutated during iteration"),
    "OrderedDict": (lambda: OrderedDict(a=1), _walk, lambda d: d.update(b=2), "OrderedDict mutated during iteration"),
    "comprehension": (lambda: {"a": 1}, lambda d: [str(k) for k in d], lambda d: d.update(b=2), "dictionary changed size"),
    "generator": (lambda: {"a": 1}, lambda d: sum(len(k) for k in d), lambda d: d.update(b=2), "dictionary changed size"),
}


@pytest.mark.parametrize("kind", CHANGING)
def test_changed_during_iteration_comes_with_a_schedule(kind: str) -> None:
    make, walk, change, message = CHANGING[kind]

    def scenario() -> None:
        items = make()
        run(lambda: walk(items), lambda: change(items))

    failure = failing(scenario, "exception", message)
    assert "RuntimeError" in failure.message
    assert "'a'" in failure.message
    assert failure.preemptions <= 1
    assert "test_probes_containers.py" in failure.outcome.traceback
    assert "changed" in failure.report() or "mutated" in failure.report()


def test_iterating_over_a_copy_never_fails() -> None:
    def scenario() -> None:
        items = {"a": 1}
        run(lambda: _walk(list(items)), lambda: items.update(b=2))

    proven(scenario)


# -- code of the standard library that calls back -------------------------------------------------------------


def test_lru_cache_computes_twice() -> None:
    def scenario() -> None:
        calls: list[int] = []

        @functools.lru_cache(maxsize=8)
        def compute(key: int) -> int:
            calls.append(key)
            return key * 2

        run(lambda: compute(1), lambda: compute(1))
        assert len(calls) == 1, "computed twice"

    failing(scenario, "assertion", "computed twice")
    failing(scenario, "assertion", "computed twice", strategy="dfs")


#: Until 3.12 it had a lock, one for all instances.
UNLOCKED = pytest.mark.skipif(sys.version_info < (3, 12), reason="cached_property has a lock before Python 3.12")


@UNLOCKED
def test_cached_property_computes_twice() -> None:
    class Report:
        def __init__(self) -> None:
            self.calls: list[int] = []

        @functools.cached_property
        def total(self) -> int:
            self.calls.append(1)
            return 7

    def scenario() -> None:
        report = Report()
        run(lambda: report.total, lambda: report.total)
        assert len(report.calls) == 1, "computed twice"

    failing(scenario, "assertion", "computed twice")
    failing(scenario, "assertion", "computed twice", strategy="dfs")


@UNLOCKED
def test_cached_property_gives_two_objects() -> None:
    class Holder:
        @functools.cached_property
        def service(self) -> object:
            return object()

    def scenario() -> None:
        holder = Holder()
        got: list[object] = []
        run(lambda: got.append(holder.service), lambda: got.append(holder.service))
        assert got[0] is got[1], "two services"

    failing(scenario, "assertion", "two services")


def test_missing_of_a_dict_is_called_twice() -> None:
    class Made(dict[str, object]):
        def __missing__(self, key: str) -> object:
            value = self[key] = object()
            return value

    def scenario() -> None:
        made = Made()
        got: list[object] = []
        run(lambda: got.append(made["k"]), lambda: got.append(made["k"]))
        assert got[0] is got[1], "two values"

    failing(scenario, "assertion", "two values")


# -- shared generators and iterators --------------------------------------------------------------------------


def test_shared_generator_is_entered_twice() -> None:
    def numbers() -> Iterator[int]:
        state = SimpleNamespace(n=0)
        while True:
            state.n += 1
            yield state.n

    def scenario() -> None:
        source = numbers()
        run(lambda: next(source), lambda: next(source))

    failing(scenario, "exception", "generator already executing")


def test_shared_generator_behind_a_lock_is_proven() -> None:
    def scenario() -> None:
        lock = threading.Lock()
        source = (n for n in range(10))
        got: list[int] = []

        def take() -> None:
            with lock:
                got.append(next(source))

        run(take, take)
        assert got == [0, 1]

    proven(scenario)


def test_shared_iterator_is_taken_in_both_orders() -> None:
    def program() -> str:
        source = iter("ab")
        got: dict[str, str] = {}
        run(lambda: got.update(one=next(source)), lambda: got.update(two=next(source)))
        return got["one"] + got["two"]

    assert outcomes(program, strategy="dfs") == {"ab", "ba"}


# -- exceptions of workers ------------------------------------------------------------------------------------


def test_exception_in_a_worker_carries_schedule_and_seed() -> None:
    def scenario() -> None:
        items = {"a": 1}

        def remove() -> None:
            items.pop("a", None)

        def read() -> None:
            if "a" in items:
                items["a"]

        run(remove, read, names=("remover", "reader"))

    failure = failing(scenario, "exception", "KeyError: 'a' (in thread 'reader')")
    assert failure.outcome.tid == 2
    assert failure.outcome.where is not None
    assert failure.outcome.where.function.endswith("read")
    assert 'items["a"]' in failure.outcome.traceback
    assert "reader" in failure.report()
    assert "remover" in failure.report()


def test_assertion_in_a_worker() -> None:
    def scenario() -> None:
        state = SimpleNamespace(n=0)

        def check() -> None:
            assert state.n == 0, "saw the other one"

        run(check, lambda: setattr(state, "n", 1))

    assert failing(scenario, "assertion", "saw the other one (in thread 'a')").outcome.tid == 1


def test_invariant_that_raises_something_else() -> None:
    class Broken(Exception):
        pass

    def scenario() -> None:
        state = SimpleNamespace(n=0)

        def add() -> None:
            state.n += 1

        run(add, add)
        if state.n != 2:
            raise Broken(state.n)

    assert failing(scenario, "exception", "Broken: 1").outcome.tid == 0


def test_exception_caught_in_the_worker_is_none() -> None:
    def scenario() -> None:
        items = {"a": 1}

        def take() -> None:
            try:
                del items["a"]
            except KeyError:
                pass

        run(take, take)
        assert not items

    proven(scenario)


def test_pipeline_of_queues_loses_nothing() -> None:
    def scenario() -> None:
        raw: queue.Queue[int | None] = queue.Queue()
        done: queue.Queue[int] = queue.Queue()

        def work() -> None:
            while (item := raw.get()) is not None:
                done.put(item * item)

        def feed() -> None:
            for number in (2, 3, None, None):
                raw.put(number)

        run(feed, work, work)
        assert sorted([done.get(), done.get()]) == [4, 9]
        assert done.empty()

    holding(scenario, executions=150)
