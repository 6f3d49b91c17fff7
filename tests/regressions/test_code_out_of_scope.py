"""Programs were called proven in which code out of scope, run as one step, worked on what other threads used at the same time."""

from __future__ import annotations

import asyncio
import bisect
import contextvars
import copy
import dataclasses
import functools
import graphlib
import heapq
import json
import operator
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from interleave import Result, explore
from tests.installed import installed
from tests.threads import together

_PACKAGE = """
import asyncio
from collections.abc import MutableMapping

STATE = {"n": 0}


def bump():
    value = STATE["n"]
    STATE["n"] = value + 1


def reset(value):
    STATE["n"] = value


def look():
    return STATE["n"]


class Box:
    def __init__(self):
        self._n, self.seen = 0, []

    def add(self):
        value = self._n
        self._n = value + 1

    @property
    def n(self):
        return self._n

    @n.setter
    def n(self, value):
        self._n = value

    def __enter__(self):
        self.add()

    def __exit__(self, *_):
        pass

    def __iadd__(self, _):
        self.add()
        return self

    def __eq__(self, other):
        self.add()
        return True

    def __len__(self):
        return self._n

    def __add__(self, other):
        return self._n + other

    def __neg__(self):
        return -self._n

    def __int__(self):
        return self._n

    def __str__(self):
        return str(self._n)

    def __lt__(self, other):
        return self._n < 1


class Counts(MutableMapping):
    def __init__(self):
        self._counts = {}

    def __getitem__(self, key):
        return self._counts[key]

    def __setitem__(self, key, value):
        self._counts[key] = value

    def __delitem__(self, key):
        del self._counts[key]

    def __iter__(self):
        return iter(self._counts)

    def __len__(self):
        return len(self._counts)


class Numbers:
    def __init__(self):
        self._n = 0

    def __iter__(self):
        return self

    def __next__(self):
        self._n += 1
        return self._n


async def store(box):
    await asyncio.sleep(0)
    box._n = 1


async def compare(box):
    await asyncio.sleep(0)
    before = box._n
    await asyncio.sleep(0)
    box.seen.append((before, box._n))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Return an installed package of one module."""
    with installed(tmp_path_factory.mktemp("environment"), "boxes_for_a_test", _PACKAGE) as module:
        yield module


def _itself(value: int) -> int:
    return value


def _enter(box: Any) -> None:
    with box:
        pass


def _add_in_place(box: Any) -> None:
    box += 1


def _is_not_proven(result: Result, word: str) -> bool:
    return result.verdict == "inconclusive" and any(word in sentence for sentence in result.uncontrolled)


class TestInstalledPackages:
    @pytest.mark.parametrize(
        "use",
        [
            lambda box: box.add(),
            _enter,
            _add_in_place,
            lambda box: box == object(),
            lambda box: box == 3,
            len,
            lambda box: box.n,
            lambda box: setattr(box, "n", box.n + 1),
            lambda box: box + 3,
            lambda box: -box,
            int,
            str,
            lambda box: f"{box}",
            lambda box: min([box, box]),
        ],
        ids=[
            "method", "with", "in place", "comparison", "comparison with a constant", "len", "property", "setter",
            "operator with a constant", "unary operator", "number", "text", "formatted", "elements",
        ],
    )  # fmt: skip
    def test_use_of_an_object_by_two_threads_proves_nothing(self, package: ModuleType, use: Callable[[Any], object]) -> None:
        def scenario() -> None:
            box = package.Box()
            together(lambda: use(box), box.add)

        assert _is_not_proven(explore(scenario), "boxes_for_a_test")

    @pytest.mark.parametrize("use", [lambda counts: counts.get("a"), lambda counts: "a" in counts, lambda counts: {**counts}, dict])
    def test_methods_that_abstract_base_classes_add_are_of_the_package(self, package: ModuleType, use: Callable[[Any], object]) -> None:
        def scenario() -> None:
            counts = package.Counts()
            together(lambda: use(counts), lambda: counts.update(a=1))

        assert _is_not_proven(explore(scenario), "boxes_for_a_test")

    def test_iterator_of_a_package_is_advanced_by_it(self, package: ModuleType) -> None:
        def scenario() -> None:
            numbers = package.Numbers()
            together(lambda: next(numbers), lambda: next(numbers))

        assert _is_not_proven(explore(scenario), "boxes_for_a_test")

    def test_state_of_the_package_is_thought_of(self, package: ModuleType) -> None:
        def scenario() -> None:
            package.reset(0)
            together(lambda: package.bump(), package.bump)
            assert package.look() == 2

        assert _is_not_proven(explore(scenario), "code of boxes_for_a_test")
        assert explore(scenario, include=["boxes_for_a_test"]).verdict == "failed"

    def test_a_common_lock_is_enough(self, package: ModuleType) -> None:
        def scenario() -> None:
            box, lock = package.Box(), threading.Lock()

            def use() -> None:
                with lock:
                    box.add()
                    package.bump()
                    box.n = box.n + 1

            together(use, use)
            assert box.n == 4

        assert explore(scenario).verdict == "proven"


class TestTasks:
    def test_steps_within_a_coroutine_out_of_scope_touch_anything(self, package: ModuleType) -> None:
        async def scenario() -> None:
            box = package.Box()
            await asyncio.gather(package.store(box), package.compare(box))
            assert (0, 1) not in box.seen

        assert explore(scenario, strategy="dpor").verdict == "failed"

    def test_steps_that_use_one_package_are_ordered(self, package: ModuleType) -> None:
        async def scenario() -> None:
            package.reset(0)
            seen = []

            async def store() -> None:
                await asyncio.sleep(0)
                package.reset(1)

            async def compare() -> None:
                await asyncio.sleep(0)
                before = package.look()
                await asyncio.sleep(0)
                seen.append((before, package.look()))

            await asyncio.gather(store(), compare())
            assert seen != [(0, 1)]

        assert explore(scenario, strategy="dpor").verdict == "failed"

    def test_without_threads_there_is_a_proof(self, package: ModuleType) -> None:
        async def scenario() -> None:
            box = package.Box()

            async def add() -> None:
                box.add()
                await asyncio.sleep(0)
                box.add()

            await asyncio.gather(add(), add())
            assert box.n == 4

        assert explore(scenario, strategy="dpor").verdict == "proven"


@dataclasses.dataclass(order=True)
class _Ranked:
    rank: int


def _shared(make: Callable[[], Any], *uses: Callable[[Any], object]) -> Callable[[], None]:
    def scenario() -> None:
        shared = make()
        together(*(functools.partial(use, shared) for use in uses))

    return scenario


class TestStandardLibrary:
    @pytest.mark.parametrize(
        ("scenario", "word"),
        [
            (_shared(lambda: [0, 1, 2], random.shuffle, random.shuffle), "shuffle"),
            (_shared(Counter, lambda counts: counts.update({"a": 1}), lambda counts: counts.update({"a": 1})), "Counter.update"),
            (_shared(lambda: {1: [], 2: []}, graphlib.TopologicalSorter, lambda graph: graph.update({3: []})), "TopologicalSorter"),
            (_shared(lambda: [2, 1], lambda xs: xs.sort(key=lambda x: x), lambda xs: xs.append(0)), "list.sort"),
            (_shared(lambda: {1: 1, 2: 2}, lambda d: min(d, key=lambda x: x), lambda d: d.update({3: 3})), "min"),
            (_shared(lambda: [0, 0], lambda xs: list(map(_itself, xs)), lambda xs: xs.append(1)), "list"),
            (_shared(lambda: [0, 0], lambda xs: functools.reduce(lambda x, y: x + y, xs), lambda xs: xs.append(1)), "reduce"),
            (_shared(list, lambda xs: xs.extend(x for x in "aa"), lambda xs: xs.append(1)), "list.extend"),
            (_shared(list, lambda xs: xs.extend(map(_itself, [1, 1])), lambda xs: xs.append(1)), "list.extend"),
            (_shared(list, lambda xs: operator.iadd(xs, (x for x in "aa")), lambda xs: xs.append(1)), "an operator"),
            (_shared(dict, lambda d: d.update((x, x) for x in "ab"), len), "dict.update"),
            (_shared(set, lambda s: s.update(x for x in "ab"), len), "set.update"),
            (_shared(lambda: [_Ranked(0), _Ranked(2)], lambda xs: _Ranked(1) in xs, list.pop), "in"),
            (_shared(lambda: [_Ranked(0), _Ranked(2)], lambda xs: xs.count(_Ranked(1)), list.pop), "list.count"),
            (_shared(lambda: [_Ranked(0), _Ranked(2)], min, list.pop), "min"),
            (_shared(lambda: [_Ranked(0), _Ranked(2)], lambda xs: heapq.heappush(xs, _Ranked(1)), list.pop), "heappush"),
            (_shared(lambda: [(0, _Ranked(0)), (0, _Ranked(2))], lambda xs: bisect.insort(xs, (0, _Ranked(1))), list.pop), "insort_right"),
            (
                _shared(contextvars.copy_context, lambda context: context.run(_itself, 1), lambda context: context.run(_itself, 2)),
                "Context.run",
            ),
        ],
        ids=[
            "shuffle",
            "Counter",
            "TopologicalSorter",
            "sort",
            "min",
            "map",
            "reduce",
            "extend",
            "extend by map",
            "in place",
            "dictionary",
            "set",
            "in",
            "count",
            "min of objects",
            "heap",
            "bisect",
            "context",
        ],
    )
    def test_what_is_several_steps_proves_nothing(self, scenario: Callable[[], None], word: str) -> None:
        assert _is_not_proven(explore(scenario), f"{word} ") or _is_not_proven(explore(scenario), f"{word}.")

    def test_what_is_one_step_or_under_a_lock_does(self) -> None:
        def scenario() -> None:
            lock, counts, items = threading.Lock(), Counter("ab"), [3, 1, 2]

            def use() -> None:
                assert sorted(items, key=lambda x: -x) == [3, 2, 1]
                assert max(items, key=lambda x: x) == 3
                with lock:
                    counts.update("a")
                    json.dumps(copy.deepcopy(counts))

            together(use, use)
            assert counts["a"] == 3

        assert explore(scenario).verdict == "proven"

    @pytest.mark.parametrize(
        "look",
        [copy.copy, copy.deepcopy, lambda pair: SimpleNamespace(**dataclasses.asdict(pair)), dataclasses.replace],
        ids=["copy", "deepcopy", "asdict", "replace"],
    )
    def test_what_looks_into_objects_is_seen(self, look: Callable[[Any], Any]) -> None:
        @dataclasses.dataclass
        class Pair:
            a: int = 0
            b: int = 0

        def scenario() -> None:
            pair, seen = Pair(), []

            def store() -> None:
                pair.a = 1
                pair.b = 1

            together(store, lambda: seen.append(look(pair)))
            assert seen[0].a == seen[0].b

        assert explore(scenario).verdict == "failed"

    def test_namespaces_are_read_by_their_text_and_their_comparison(self) -> None:
        def scenario() -> None:
            pair, seen = SimpleNamespace(a=0, b=0), []

            def store() -> None:
                pair.a = 1
                pair.b = 1

            together(store, lambda: seen.append((repr(pair), pair == SimpleNamespace(a=1, b=0))))
            assert "a=1, b=0" not in seen[0][0]
            assert not seen[0][1]

        assert explore(scenario).verdict == "failed"


def test_default_made_in_python_may_overwrite_another() -> None:
    def scenario() -> None:
        rows: defaultdict[str, list[int]] = defaultdict(lambda: [])  # noqa: PIE807 (made by code of the program)
        together(lambda: rows["a"].append(1), lambda: rows["a"].append(1))
        assert len(rows["a"]) == 2

    assert explore(scenario).verdict == "failed"


def test_default_made_in_c_is_one_step() -> None:
    def scenario() -> None:
        rows: defaultdict[str, list[int]] = defaultdict(list)
        together(lambda: rows["a"].append(1), lambda: rows["a"].append(1))
        assert len(rows["a"]) == 2

    assert explore(scenario).verdict == "proven"
