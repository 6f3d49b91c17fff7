"""Lost updates in every form that Python has for shared state, and check-then-act on containers."""

from __future__ import annotations

import array
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

import interleave
from tests.peers.answers import failing, outcomes, proven, run

TOTAL = 0


class WithSlots:
    """State in a slot, behind a property."""

    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value = 0

    @property
    def value(self) -> int:
        return self._value

    @value.setter
    def value(self, value: int) -> None:
        self._value = value


class WithClassAttribute:
    """State in the class."""

    value: ClassVar[int] = 0


def read_then_write() -> int:
    state = SimpleNamespace(v=0)

    def add() -> None:
        seen = state.v
        state.v = seen + 1

    run(add, add)
    return int(state.v)


def augmented_attribute() -> int:
    state = SimpleNamespace(v=0)

    def add() -> None:
        state.v += 1

    run(add, add)
    return int(state.v)


def augmented_global() -> int:
    global TOTAL
    TOTAL = 0

    def add() -> None:
        global TOTAL
        TOTAL += 1

    run(add, add)
    return TOTAL


def closure_variable() -> int:
    total = 0

    def add() -> None:
        nonlocal total
        total += 1

    run(add, add)
    return total


def slot_behind_a_property() -> int:
    state = WithSlots()

    def add() -> None:
        state.value += 1

    run(add, add)
    return state.value


def class_attribute() -> int:
    WithClassAttribute.value = 0

    def add() -> None:
        WithClassAttribute.value += 1

    run(add, add)
    return WithClassAttribute.value


def through_getattr_and_setattr() -> int:
    state = SimpleNamespace(v=0)

    def add() -> None:
        setattr(state, "v", getattr(state, "v") + 1)  # noqa: B009, B010

    run(add, add)
    return int(state.v)


def instance_dictionary() -> int:
    state = SimpleNamespace(v=0)

    def add() -> None:
        vars(state)["v"] = state.__dict__["v"] + 1

    run(add, add)
    return int(state.v)


def item_of(make: Callable[[], Any], key: Any) -> Callable[[], int]:
    def program() -> int:
        items = make()

        def add() -> None:
            items[key] += 1

        run(add, add)
        return int(items[key])

    return program


def nested(make: Callable[[], Any], *path: Any) -> Callable[[], int]:
    """Count in the innermost of containers in containers."""
    *outer, last = path

    def program() -> int:
        root = make()

        def innermost() -> Any:
            items = root
            for key in outer:
                items = items[key]
            return items

        def add() -> None:
            innermost()[last] += 1

        run(add, add)
        return int(innermost()[last])

    return program


def nested_written_out() -> int:
    state = {"a": {"b": 0}}

    def add() -> None:
        state["a"]["b"] += 1

    run(add, add)
    return state["a"]["b"]


def nested_read_then_write() -> int:
    state = {"a": {"b": 0}}

    def add() -> None:
        seen = state["a"]["b"]
        state["a"]["b"] = seen + 1

    run(add, add)
    return state["a"]["b"]


def object_in_a_list() -> int:
    states = [SimpleNamespace(v=0)]

    def add() -> None:
        states[0].v += 1

    run(add, add)
    return int(states[0].v)


def through_methods() -> int:
    """Read and write by methods of the dictionary, which are functions of C."""
    items: dict[str, int] = {}

    def add() -> None:
        items.update(n=items.get("n", 0) + 1)

    run(add, add)
    return items["n"]


def concatenation() -> int:
    state = SimpleNamespace(text="")

    def add() -> None:
        state.text = f"{state.text}x"

    run(add, add)
    return len(state.text)


LOSING: dict[str, Callable[[], int]] = {
    "t = s.v; s.v = t + 1": read_then_write,
    "s.v += 1": augmented_attribute,
    "global": augmented_global,
    "closure": closure_variable,
    "property over a slot": slot_behind_a_property,
    "class attribute": class_attribute,
    "getattr, setattr": through_getattr_and_setattr,
    "instance dictionary": instance_dictionary,
    "dict": item_of(lambda: {"n": 0}, "n"),
    "list": item_of(lambda: [0], 0),
    "list from the end": item_of(lambda: [5, 0], -1),
    "Counter": item_of(Counter, "n"),
    "defaultdict": item_of(lambda: defaultdict(int), "n"),
    "OrderedDict": item_of(lambda: OrderedDict(n=0), "n"),
    "deque": item_of(lambda: deque([0]), 0),
    "array": item_of(lambda: array.array("i", [0]), 0),
    "bytearray": item_of(lambda: bytearray(1), 0),
    "memoryview": item_of(lambda: memoryview(bytearray(1)), 0),
    "dict in dict": nested(lambda: {"a": {"b": 0}}, "a", "b"),
    "list in dict": nested(lambda: {"a": [0]}, "a", 0),
    "dict in list in dict": nested(lambda: {"a": [{"b": 0}]}, "a", 0, "b"),
    "d['a']['b'] += 1": nested_written_out,
    "t = d['a']['b']; d['a']['b'] = t + 1": nested_read_then_write,
    "object in list": object_in_a_list,
    "get, update": through_methods,
    "f-string": concatenation,
}


@pytest.mark.parametrize("form", LOSING)
def test_update_is_lost_or_kept_and_nothing_else_happens(form: str) -> None:
    program = LOSING[form]
    seen: set[int] = set()

    def scenario() -> None:
        total = program()
        seen.add(total)
        assert total == 2, "update lost"

    failure = failing(scenario, "assertion", "update lost", strategy="dfs", stop_on_failure=False)
    assert seen == {1, 2}
    assert failure.preemptions == 1
    assert failure.executions <= 10
    shared = [step for step in failure.trace.steps if step.is_shared and step.kind in ("read", "write")]
    assert {step.tid for step in shared} == {1, 2}


def test_wrong_order_is_never_told() -> None:
    """The steps told are those of the run: both read before either writes."""

    def scenario() -> None:
        assert read_then_write() == 2

    for strategy, seed in [("random", 3), ("pct", 1), ("dfs", 0), ("dpor", 0)]:
        failure = failing(scenario, "assertion", strategy=strategy, seed=seed)
        kinds = [step.kind for step in failure.trace.steps if step.is_shared and step.place.endswith(".v")]
        assert kinds[:4] == ["read", "read", "write", "write"]


def locked_counter() -> None:
    lock = threading.Lock()
    state = SimpleNamespace(v=0)

    def add() -> None:
        with lock:
            state.v += 1

    run(add, add)
    assert state.v == 2


def test_locked_counter_is_proven() -> None:
    assert proven(locked_counter).executions <= 10
    assert proven(locked_counter, strategy="dpor").executions == 2


def test_choices_of_the_program_are_explored() -> None:
    assert outcomes(lambda: interleave.choose("abc"), strategy="dfs") == {"a", "b", "c"}
