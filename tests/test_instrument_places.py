"""Every kind of access announces exactly its place."""

from __future__ import annotations

import collections
import dataclasses
import enum
import functools
import heapq
import operator
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from interleave import runtime
from interleave.instrument import announce as announcing
from tests.instrument_probe import Probe, instrumented, probing, record

COUNT = 0
TABLE: dict[str, int] = {}
UNTOUCHED = 5


@pytest.fixture(autouse=True, scope="module")
def _instrumentation() -> Iterator[None]:
    with instrumented(__name__):
        yield


class Box:
    limit = 10
    shared: Any = None

    def __init__(self, n: Any = 0) -> None:
        self.n = n
        self.items: list[Any] = []

    def method(self) -> int:
        return 1

    @property
    def double(self) -> int:
        return self.n * 2

    @double.setter
    def double(self, value: int) -> None:
        self.n = value // 2


class Slotted:
    __slots__ = ("a",)

    def __init__(self) -> None:
        self.a = 1


@dataclasses.dataclass
class Point:
    x: int = 0


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: int = 0


class Color(enum.Enum):
    RED = 1


def announced(probe: Probe) -> list[tuple[object, str]]:
    owners = [access[0] for step in probe.steps for access in step]
    return probe.at(*owners)


# --- attributes -------------------------------------------------------------------------------------------------------


def test_augmented_assignment_reads_then_writes() -> None:
    def run(box: Box) -> None:
        box.n += 1

    box = Box()
    assert record(run, box).of(box) == [("n", "r"), ("n", "w")]
    assert box.n == 1


def test_slots_are_storage() -> None:
    def run(obj: Slotted) -> None:
        obj.a = obj.a + 1
        del obj.a

    obj = Slotted()
    assert record(run, obj).of(obj) == [("a", "r"), ("a", "w"), ("a", "w")]


def test_methods_and_class_constants_are_no_accesses() -> None:
    def run(box: Box) -> None:
        box.method()
        assert box.limit == 10

    assert record(run, Box()).steps == []


def test_property_is_a_call_whose_body_counts() -> None:
    def run(box: Box) -> None:
        box.double = box.double + 2

    box = Box(3)
    assert record(run, box).of(box) == [("n", "r"), ("n", "w")]


def test_class_attribute_that_is_stored_is_read_in_instance_and_class() -> None:
    def run(box: Box) -> None:
        if box.shared is None:
            Box.shared = 1

    box = Box()
    probe = record(run, box)
    Box.shared = None
    assert probe.steps == [[(box, "shared", 0), (Box, "shared", 0)], [(Box, "shared", 1)]]


def test_class_attribute_is_looked_for_in_every_class_before_its_owner() -> None:
    class Child(Box):
        pass

    def run() -> Any:
        return Child.shared

    assert record(run).steps == [[(Child, "shared", 0), (Box, "shared", 0)]]


def test_monkey_patched_method_becomes_an_access() -> None:
    class Service:
        def work(self) -> int:
            return 1

    def run(service: Service) -> None:
        service.work = lambda: 2  # type: ignore[method-assign]
        assert service.work() == 2

    service = Service()
    assert record(run, service).of(service) == [("work", "w"), ("work", "r")]


def test_getattr_setattr_delattr_hasattr() -> None:
    def run(box: Box, name: str) -> None:
        setattr(box, name, getattr(box, name) + 1)
        assert hasattr(box, name)
        delattr(box, name)

    box = Box()
    assert record(run, box, "n").of(box) == [("n", "r"), ("n", "w"), ("n", "r"), ("n", "w")]


def test_instance_dictionary_is_the_instance() -> None:
    def run(box: Box) -> None:
        box.__dict__["n"] = 3
        vars(box)["n"] += 1
        assert "n" in box.__dict__
        assert len(vars(box)) == 2

    box = Box()
    probe = record(run, box)
    assert probe.of(box) == [("n", "w"), ("n", "r"), ("n", "w"), ("n", "r"), ("WHOLE", "r")]
    assert probe.of(vars(box)) == []


def test_object_setattr_stores_where_the_class_refuses() -> None:
    class Strict:
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)

    def run(strict: Any, frozen: Frozen) -> None:
        strict.a = 1
        object.__setattr__(frozen, "x", 2)

    strict, frozen = Strict(), Frozen()
    probe = record(run, strict, frozen)
    assert probe.of(strict) == [("a", "w")]
    assert probe.of(frozen) == [("x", "w")]


def test_dataclass_methods_are_in_scope() -> None:
    def run() -> None:
        made.append(Point(3))
        assert made[0] == Point(3)

    made: list[Point] = []
    probe = record(run)
    assert probe.of(made[0]) == [("x", "w"), ("x", "r")]


def test_getattr_fallback_reads_absence_and_never_runs_twice() -> None:
    calls: list[str] = []

    class Proxy:
        def __getattr__(self, name: str) -> int:
            calls.append(name)
            return 1

    def run(proxy: Any) -> None:
        proxy.missing

    proxy = Proxy()
    assert record(run, proxy).of(proxy) == [("missing", "r")]
    assert calls == ["missing"]


def test_overridden_getattribute_is_a_call() -> None:
    calls: list[str] = []

    class Odd:
        def __getattribute__(self, name: str) -> Any:
            calls.append(name)
            return object.__getattribute__(self, name)

        def __init__(self) -> None:
            object.__setattr__(self, "a", 1)

    def run(odd: Any) -> None:
        odd.a

    odd = Odd()
    calls.clear()
    assert record(run, odd).of(odd) == [("a", "r")]
    assert calls == ["a"]


def test_cached_property_is_storage() -> None:
    class Lazy:
        @functools.cached_property
        def value(self) -> int:
            return 1

    def run(lazy: Lazy) -> None:
        lazy.value

    lazy = Lazy()
    record(run, Lazy())
    assert [access for access in record(run, lazy).of(lazy) if access[1] == "w"] == [("value", "w")]


def test_values_are_seen_in_detailed_runs_only() -> None:
    def run(box: Box, table: dict[str, int]) -> None:
        box.n
        table["a"]

    assert record(run, Box(7), {"a": 8}).values == [runtime.UNKNOWN] * 2
    peeked = record(run, Box(7), {"a": 8}, is_detailed=True).values
    assert [peek.value() for peek in peeked] == [7, 8]


# --- globals and cells ------------------------------------------------------------------------------------------------


def test_global_and_module_attribute_are_one_place() -> None:
    def run(module: types.ModuleType) -> None:
        global COUNT
        COUNT += 1
        module.COUNT = module.COUNT + 1  # type: ignore[attr-defined]
        globals()["COUNT"] = 0

    probe = record(run, sys.modules[__name__])
    assert probe.of(globals()) == [("COUNT", "r"), ("COUNT", "w")] * 2 + [("COUNT", "w")]


def test_globals_that_nobody_stores_are_no_accesses() -> None:
    def run() -> int:
        return UNTOUCHED + len("abc")

    assert record(run).steps == []


def test_cell_that_is_stored_once_before_any_closure_is_constant() -> None:
    def run() -> int:
        base = 1

        def inner() -> int:
            return base

        return inner()

    assert record(run).steps == []


def test_shared_cell_is_read_and_written() -> None:
    def run() -> None:
        count = 0

        def inner() -> None:
            nonlocal count
            count += 1

        cells.extend(inner.__closure__ or ())
        inner()

    cells: list[Any] = []
    probe = record(run)
    assert probe.of(cells[0]) == [("count", "w"), ("count", "r"), ("count", "w")]


def test_parameter_that_is_never_stored_is_constant() -> None:
    def run(n: int) -> int:
        return (lambda: n)()

    assert record(run, 3).steps == []


# --- dictionaries -----------------------------------------------------------------------------------------------------

Check = tuple[Callable[[Any], object], list[tuple[object, str]]]

DICT_CHECKS: list[Check] = [
    (lambda d: d["a"], [(["a"], "r")]),
    (lambda d: d.get("x"), [(["x"], "r")]),
    (lambda d: "x" in d, [(["x"], "r")]),
    (lambda d: "x" not in d, [(["x"], "r")]),
    (lambda d: d.__setitem__("a", 2), [(["a"], "w")]),
    (lambda d: operator.setitem(d, "a", 2), [(["a"], "w")]),
    (lambda d: d.__setitem__("x", 2), [(["x"], "w"), ("SHAPE", "w")]),
    (lambda d: d.setdefault("a", 0), [(["a"], "r")]),
    (lambda d: d.setdefault("x", 0), [(["x"], "w"), ("SHAPE", "w")]),
    (lambda d: d.pop("a"), [(["a"], "w"), ("SHAPE", "w")]),
    (lambda d: d.pop("x", None), [(["x"], "r")]),
    (lambda d: dict.pop(d, "x", None), [(["x"], "r")]),
    (lambda d: len(d), [("SHAPE", "r")]),
    (lambda d: bool(d), [("SHAPE", "r")]),
    (lambda d: not d, [("SHAPE", "r")]),
    (lambda d: 1 if d else 2, [("SHAPE", "r")]),
    (lambda d: d and 1, [("SHAPE", "r")]),
    (lambda d: list(d), [("SHAPE", "r")]),
    (lambda d: sorted(d), [("SHAPE", "r")]),
    (lambda d: list(d.keys()), [("SHAPE", "r")]),
    (lambda d: list(d.values()), [("WHOLE", "r")]),
    (lambda d: dict(d), [("WHOLE", "r")]),
    (lambda d: {**d}, [("WHOLE", "r")]),
    (lambda d: [*d], [("SHAPE", "r")]),
    (lambda d: d.copy(), [("WHOLE", "r")]),
    (lambda d: d.clear(), [("WHOLE", "w")]),
    (lambda d: d.popitem(), [("WHOLE", "w")]),
    (lambda d: d.update(b=1), [("WHOLE", "w")]),
    (lambda d: {}.update(d), [("WHOLE", "r")]),
    (lambda d: d == {"a": 1}, [("WHOLE", "r")]),
    (lambda d: f"{d}", [("WHOLE", "r")]),
    (lambda d: str(d), [("WHOLE", "r")]),
    (lambda d: "%s" % d, [("WHOLE", "r")]),  # noqa: UP031
    (lambda d: d | {"b": 1}, [("WHOLE", "r")]),
    (lambda d: operator.ior(d, {"b": 1}), [("WHOLE", "w")]),
    (lambda d: d.get(Color.RED), [([Color.RED], "r")]),
    (lambda d: d.get((1, "a")), [([(1, "a")], "r")]),
    (lambda d: d.get(Box), [([Box], "r")]),
    (lambda d: list(map(d.get, "ab")), [("WHOLE", "r")]),
    (lambda d: max(d, key=lambda k: 1), [("SHAPE", "r")]),
    (lambda d: functools.partial(d.get, "a")(), [(["a"], "r")]),
    (lambda d: (lambda get: get("a"))(d.get), [(["a"], "r")]),
    (lambda d: d.get(*["a"]), [(["a"], "r")]),
    (lambda d: isinstance(d, dict), []),
]


@pytest.mark.parametrize(("run", "expected"), DICT_CHECKS)
@pytest.mark.parametrize("make", [dict, collections.OrderedDict, collections.Counter, type("Sub", (dict,), {})])
def test_dict(run: Any, expected: list[tuple[object, str]], make: Any) -> None:
    table = make({"a": 1})
    probe = record(run, table)
    assert probe.of(table) == expected


def test_del_and_subscript_store() -> None:
    def run(table: dict[str, int]) -> None:
        table["x"] = 1
        table["x"] += 1
        del table["x"]

    table: dict[str, int] = {}
    assert record(run, table).of(table) == [
        (["x"], "w"),
        ("SHAPE", "w"),
        (["x"], "r"),
        (["x"], "w"),
        (["x"], "w"),
        ("SHAPE", "w"),
    ]


def test_defaultdict_read_of_a_missing_key_writes() -> None:
    def run(table: Any) -> None:
        table["x"].append(1)
        table["x"]

    table: Any = collections.defaultdict(list)
    assert record(run, table).of(table) == [(["x"], "w"), ("SHAPE", "w"), (["x"], "r")]


def test_store_that_turns_into_an_insertion_is_announced_again() -> None:
    def run(table: dict[str, int]) -> None:
        table["a"] = 2

    table = {"a": 1}
    with probing() as probe:
        probe.meanwhile = table.clear
        run(table)
    assert probe.of(table) == [(["a"], "w"), (["a"], "w"), ("SHAPE", "w")]


def test_pop_that_turns_into_a_removal_is_announced_again() -> None:
    def run(table: dict[str, int]) -> None:
        table.pop("a", None)

    table: dict[str, int] = {}
    with probing() as probe:
        probe.meanwhile = functools.partial(table.__setitem__, "a", 1)
        run(table)
    assert probe.of(table) == [(["a"], "r"), (["a"], "w"), ("SHAPE", "w")]


def test_key_with_its_own_hash_is_never_hashed() -> None:
    calls: list[str] = []

    class Key:
        def __hash__(self) -> int:
            calls.append("hash")
            return 1

        def __eq__(self, other: object) -> bool:
            calls.append("eq")
            return self is other

    def run(table: Any, key: Any) -> None:
        key in table  # noqa: B015

    key, table = Key(), {"a": 1}
    assert record(run, table, key).of(table) == [("WHOLE", "r")]
    assert calls == ["hash"]


def test_list_methods_that_compare_read_what_they_are_given() -> None:
    def run(xs: list[Any], other: list[int]) -> None:
        xs.index(other)
        xs.count(other)

    xs: list[Any] = [[1]]
    other = [1]
    probe = record(run, xs, other)
    assert probe.of(xs) == [("WHOLE", "r"), ("WHOLE", "r")]
    # As an argument, and as one of those that are compared.
    assert set(probe.of(other)) == {("WHOLE", "r")}


def test_move_to_end_conflicts_with_iteration() -> None:
    def run(table: Any) -> None:
        table.move_to_end("a")
        for _ in table:
            pass

    table = collections.OrderedDict(a=1)
    assert record(run, table).of(table) == [("WHOLE", "w"), ("SHAPE", "r"), ("WHOLE", "r"), ("WHOLE", "r")]


def test_python_level_item_access_is_a_call() -> None:
    class Table(dict[str, int]):
        def __getitem__(self, key: str) -> int:
            return super().__getitem__(key)

    def run(table: Any) -> None:
        table["a"]

    table = Table(a=1)
    assert record(run, table).of(table) == [(["a"], "r")]


def test_counter_and_userdict_methods_written_in_python() -> None:
    def run(counter: Any, user: Any) -> None:
        counter.update("ab")
        counter.most_common(1)
        user["a"] = 1
        user["a"]

    counter: Any = collections.Counter()
    user: Any = collections.UserDict()
    probe = record(run, counter, user)
    assert probe.of(counter) == [("WHOLE", "w"), ("WHOLE", "r")]
    assert probe.of(user) == [("WHOLE", "w"), ("WHOLE", "r")]


# --- lists, sets and the rest -----------------------------------------------------------------------------------------

LIST_CHECKS: list[Check] = [
    (lambda x: x[0], [([0], "r")]),
    (lambda x: x[-1], [("WHOLE", "r")]),
    (lambda x: x[0:1], [("WHOLE", "r")]),
    (lambda x: x.append(5), [("WHOLE", "w")]),
    (lambda x: x.pop(), [("WHOLE", "w")]),
    (lambda x: len(x), [("SHAPE", "r")]),
    (lambda x: 3 in x, [("WHOLE", "r")]),
    (lambda x: sum(x), [("WHOLE", "r")]),
    (lambda x: tuple(x), [("WHOLE", "r")]),
    (lambda x: [*x], [("WHOLE", "r")]),
    (lambda x: x + x, [("WHOLE", "r")] * 2),
    (lambda x: x * 2, [("WHOLE", "r")]),
    (lambda x: x == [1], [("WHOLE", "r")]),
    (lambda x: {"k": x} == {}, [("WHOLE", "r")]),
    (lambda x: x.index(1), [("WHOLE", "r")]),
    (lambda x: x.sort(), [("WHOLE", "w")]),
    (lambda x: ",".join(map(str, x)), [("WHOLE", "r")]),
    (lambda x: heapq.heappush(x, 1), [("WHOLE", "w")]),
    (lambda x: operator.itemgetter(0)(x), [("WHOLE", "r")]),
    (lambda x: print(end=f"{x!r:.0}"), [("WHOLE", "r")]),
    (lambda x: max(*x), [("WHOLE", "r")]),
    (lambda x: [].extend(x), [("WHOLE", "r")]),
    (lambda x: [].append(x), []),
    (lambda x: next(iter(x)), [("WHOLE", "r")]),
]


@pytest.mark.parametrize(("run", "expected"), LIST_CHECKS)
def test_list(run: Any, expected: list[tuple[object, str]]) -> None:
    xs = [1, 2]
    assert record(run, xs).of(xs) == expected


def test_list_items_out_of_range_are_items() -> None:
    def run(xs: list[int]) -> None:
        with pytest.raises(IndexError):
            xs[5]

    xs = [1]
    assert record(run, xs).of(xs) == [([5], "r")]


def test_list_stores() -> None:
    def run(xs: list[int]) -> None:
        xs[0] = 1
        xs[0:1] = [2, 3]
        del xs[0]
        xs += [4]
        _, _ = xs

    xs = [0]
    assert record(run, xs).of(xs) == [([0], "w"), ("WHOLE", "w"), ("WHOLE", "w"), ("WHOLE", "w"), ("WHOLE", "r")]


def test_set() -> None:
    def run(xs: set[str]) -> None:
        xs.add("a")
        xs.add("a")
        assert "a" in xs
        xs.discard("b")
        xs.remove("a")
        xs |= {"c"}
        for _ in xs:
            pass

    xs: set[str] = set()
    assert record(run, xs).of(xs) == [
        (["a"], "w"),
        ("SHAPE", "w"),
        (["a"], "r"),
        (["a"], "r"),
        (["b"], "r"),
        (["a"], "w"),
        ("SHAPE", "w"),
        ("WHOLE", "w"),
        ("SHAPE", "r"),
        ("SHAPE", "r"),
        ("SHAPE", "r"),
    ]


def test_deque_and_bytearray() -> None:
    def run(queue: Any, raw: bytearray) -> None:
        queue.append(1)
        queue.popleft()
        len(queue)
        raw[0] = 1
        raw.extend(b"x")
        raw.startswith(b"y")

    queue, raw = collections.deque([0]), bytearray(2)
    probe = record(run, queue, raw)
    assert probe.of(queue) == [("WHOLE", "w"), ("WHOLE", "w"), ("SHAPE", "r")]
    assert probe.of(raw) == [([0], "w"), ("WHOLE", "w"), ("WHOLE", "r")]


def test_immutable_objects_are_no_places() -> None:
    def run() -> None:
        text, pair = "a,b", (1, 2)
        text.split(",")[0].upper()
        pair[0] + len(pair)
        for _ in range(2):
            pass
        1 in pair  # noqa: B015

    # The list made by `split` is nobody else's, but the hook cannot know that.
    assert announced(record(run)) == [([0], "r")]


# --- iteration --------------------------------------------------------------------------------------------------------


def test_each_step_of_a_loop_reads_the_container() -> None:
    def run(xs: list[int]) -> None:
        for _ in xs:
            pass

    xs = [1, 2]
    assert record(run, xs).of(xs) == [("WHOLE", "r")] * 3


@pytest.mark.parametrize(
    "wrap",
    [
        iter,
        enumerate,
        reversed,
        lambda x: zip(x, "ab", strict=False),
        lambda x: map(str, x),
        lambda x: enumerate(zip(x, x, strict=True)),
        lambda x: filter(None, x),
    ],
)
def test_the_container_behind_an_iterator_is_found(wrap: Any) -> None:
    def run(iterator: Any) -> None:
        for _ in iterator:
            break

    xs = [1, 2]
    probe = record(run, wrap(xs))
    assert set(probe.of(xs)) == {("WHOLE", "r")}


def test_comprehensions_and_generator_expressions_read_at_every_step() -> None:
    def run(xs: list[int]) -> None:
        [x + 1 for x in xs]
        {x: x for x in xs}
        any(x > 5 for x in xs)

    xs = [1]
    probe = record(run, xs)
    assert probe.of(xs) == [("WHOLE", "r")] * 6


def test_iterators_on_the_stack_are_not_shared() -> None:
    def run(xs: list[int]) -> None:
        for x in xs:
            [y + 1 for y in range(x)]
            for _ in (z for z in xs):
                pass

    xs = [1]
    probe = record(run, xs)
    assert {id(owner) for step in probe.steps for owner, _, _ in step} == {id(xs)}


def test_shared_iterator_is_written_at_every_step() -> None:
    def run(iterator: Any) -> None:
        for _ in iterator:
            pass
        next(iterator, None)

    iterator = iter(range(1))
    assert record(run, iterator).of(iterator) == [("WHOLE", "w")] * 3


def test_shared_generator_is_entered_and_left() -> None:
    def numbers() -> Iterator[int]:
        yield 1

    def run(generator: Any) -> None:
        next(generator)
        next(generator, None)
        next(generator, None)

    generator = numbers()
    # Twice entered and left; then it is finished, and resumed once more.
    assert record(run, generator).of(generator) == [("WHOLE", "w")] * 5


def test_yield_from_reads_the_container() -> None:
    def delegate(xs: list[int]) -> Iterator[int]:
        yield from xs

    def run(xs: list[int]) -> None:
        for _ in delegate(xs):
            pass

    xs = [1, 2]
    assert record(run, xs).of(xs) == [("WHOLE", "r")] * 3


# --- calls ------------------------------------------------------------------------------------------------------------


def test_python_functions_out_of_scope_touch_the_containers_they_are_given() -> None:
    import copy
    import random

    def run(xs: list[int]) -> None:
        copy.copy(xs)
        random.shuffle(xs)

    xs = [1, 2]
    assert record(run, xs).of(xs) == [("WHOLE", "r"), ("WHOLE", "w")]


def test_lru_cache_is_written_when_called_and_when_it_stores() -> None:
    @functools.lru_cache
    def cached(n: int) -> int:
        return n

    def run() -> None:
        cached(1)
        cached(1)

    # Looked up, missing, stored; looked up, found.
    assert record(run).of(cached) == [("WHOLE", "w")] * 3


def test_nobody_can_say_what_looking_into_weak_dictionaries_touches(monkeypatch: pytest.MonkeyPatch) -> None:
    import weakref

    sites: list[Any] = []
    monkeypatch.setattr(announcing, "announce_unknown", sites.append)

    def run(table: Any, box: Box) -> None:
        table["a"] = box
        table["a"]
        len(table)
        table.pop("a")

    table: Any = weakref.WeakValueDictionary()
    assert record(run, table, Box()).of(table) == [("WHOLE", "w")]
    first = run.__code__.co_firstlineno
    assert [site.line - first for site in sites] == [2, 3, 4]


def test_a_key_that_is_looked_up_in_a_weak_dictionary_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    import weakref

    sites: list[Any] = []
    monkeypatch.setattr(announcing, "announce_unknown", sites.append)

    def run(table: Any, box: Box) -> None:
        table[box] = 1
        table[box]
        assert box in table
        table.get(box)
        list(table)

    table: Any = weakref.WeakKeyDictionary()
    assert record(run, table, Box()).of(table) == [("WHOLE", "w"), ("WHOLE", "r"), ("WHOLE", "r"), ("WHOLE", "r")]
    assert len(sites) == 1


def test_objects_of_installed_packages_are_written_by_their_methods() -> None:
    from networkx.utils import UnionFind

    def run(sets: Any) -> None:
        sets.union(1, 2)
        sets[1]

    sets = UnionFind()
    assert record(run, sets).of(sets) == [("WHOLE", "w"), ("WHOLE", "w")]


def test_names_are_given_while_the_gate_is_closed() -> None:
    def run(box: Box, xs: list[Any], table: dict[str, Any], inner: Box) -> None:
        box.n = inner
        xs.append(inner)
        table["a"] = inner

    box, inner, xs, table = Box(), Box(), [], {}
    probe = record(run, box, xs, table, inner, is_open=False)
    assert probe.steps == []
    assert [id(obj) for obj in probe.published] == [id(obj) for obj in (inner, box, xs, inner, inner, table)]


def test_site_says_where() -> None:
    def run(box: Box) -> None:
        box.n += 1

    probe = record(run, Box())
    site = probe.sites[0]
    assert site.file == __file__
    assert site.line == run.__code__.co_firstlineno + 1
    assert site.function.endswith("run")
    assert (site.module, site.name) == (__name__, "n")
    assert site.span == (site.line, site.line, 8, 13)
