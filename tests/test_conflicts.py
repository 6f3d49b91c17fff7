"""The conflict relation on containers: what it calls independent can be swapped, and nobody can tell.

Two operations of different threads, next to each other in a schedule, are announced on the same state. Where the accesses announced do not
conflict, both orders of the two must give the same results, the same container, in the same order, and the same errors.
"""

from __future__ import annotations

import copy
import os
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interleave.model import NOWHERE, Access, Operation, conflict
from tests.instrument_probe import Probe, instrumented, probing

EXAMPLES = int(os.environ.get("INTERLEAVE_EXAMPLES", "60"))

Body = Callable[[Any, Any, Any], object]


# Operations on a container `c`, with a key or index `k` and a value `v`. They are instrumented by name of this module.


def get_item(c: Any, k: Any, v: Any) -> object:
    return c[k]


def set_item(c: Any, k: Any, v: Any) -> object:
    c[k] = v


def delete_item(c: Any, k: Any, v: Any) -> object:
    del c[k]


def add_to_item(c: Any, k: Any, v: Any) -> object:
    c[k] += v


def contains(c: Any, k: Any, v: Any) -> object:
    return k in c


def length(c: Any, k: Any, v: Any) -> object:
    return len(c)


def truth(c: Any, k: Any, v: Any) -> object:
    return 1 if c else 0


def iterate(c: Any, k: Any, v: Any) -> object:
    return [*c]


def loop(c: Any, k: Any, v: Any) -> object:
    for one in c:
        return one
    return None


def ordered(c: Any, k: Any, v: Any) -> object:
    return sorted(c)


def get(c: Any, k: Any, v: Any) -> object:
    return c.get(k)


def pop_key(c: Any, k: Any, v: Any) -> object:
    return c.pop(k, None)


def pop(c: Any, k: Any, v: Any) -> object:
    return c.pop()


def pop_item(c: Any, k: Any, v: Any) -> object:
    return c.popitem()


def set_default(c: Any, k: Any, v: Any) -> object:
    return c.setdefault(k, v)


def update(c: Any, k: Any, v: Any) -> object:
    c.update({k: v})


def items(c: Any, k: Any, v: Any) -> object:
    return list(c.items())


def clear(c: Any, k: Any, v: Any) -> object:
    c.clear()


def append(c: Any, k: Any, v: Any) -> object:
    c.append(v)


def append_left(c: Any, k: Any, v: Any) -> object:
    c.appendleft(v)


def pop_left(c: Any, k: Any, v: Any) -> object:
    return c.popleft()


def extend(c: Any, k: Any, v: Any) -> object:
    c.extend([v])


def insert(c: Any, k: Any, v: Any) -> object:
    c.insert(k, v)


def remove(c: Any, k: Any, v: Any) -> object:
    c.remove(v)


def count(c: Any, k: Any, v: Any) -> object:
    return c.count(v)


def sort(c: Any, k: Any, v: Any) -> object:
    c.sort()


def add(c: Any, k: Any, v: Any) -> object:
    c.add(k)


def discard(c: Any, k: Any, v: Any) -> object:
    c.discard(k)


def move_to_end(c: Any, k: Any, v: Any) -> object:
    c.move_to_end(k)


def rotate(c: Any, k: Any, v: Any) -> object:
    c.rotate(v)


MAPPING = (
    get_item, set_item, delete_item, add_to_item, contains, length, truth, iterate, loop, ordered, get, pop_key, pop_item, set_default,
    update, items, clear,
)  # fmt: skip
SEQUENCE = (
    get_item, set_item, delete_item, add_to_item, contains, length, truth, iterate, loop, ordered, append, pop, extend, insert, remove,
    count, clear,
)  # fmt: skip
CONTAINERS: dict[str, tuple[Callable[[list[int]], Any], tuple[Body, ...]]] = {
    "dict": (lambda keys: {key: key * 10 for key in keys}, MAPPING),
    "OrderedDict": (lambda keys: OrderedDict((key, key * 10) for key in keys), (*MAPPING, move_to_end)),
    "defaultdict": (lambda keys: defaultdict(int, {key: key * 10 for key in keys}), MAPPING),
    "Counter": (lambda keys: Counter(keys), MAPPING),
    "list": (list, (*SEQUENCE, sort)),
    "deque": (deque, (*SEQUENCE, append_left, pop_left, rotate)),
    "bytearray": (bytearray, SEQUENCE),
    "set": (set, (contains, length, truth, iterate, loop, ordered, pop, add, discard, clear)),
}

steps = st.tuples(st.integers(0, 17), st.integers(0, 3), st.integers(0, 3))


@pytest.fixture(autouse=True, scope="module")
def _instrumented() -> Iterator[None]:
    with instrumented(__name__):
        # A function gets its hooks when it is first called.
        for _, bodies in CONTAINERS.values():
            for body in bodies:
                perform(body, [1], 0, 1)
        yield


def perform(body: Body, container: Any, key: int, value: int) -> object:
    """Return what an operation returns, or the type of what it raises."""
    try:
        return repr(body(container, key, value))
    except Exception as error:
        return type(error).__name__


def footprint(body: Body, container: Any, key: int, value: int) -> list[Operation]:
    """Return what an operation announces on a state, which is left as it was."""
    scratch = copy.deepcopy(container)
    with probing() as probe:
        perform(body, scratch, key, value)
    return [Operation("step", tuple(accesses), NOWHERE) for accesses in _named(probe, scratch)]


def _named(probe: Probe, container: object) -> Iterator[list[Access]]:
    """Yield the accesses of each step that are to the container itself: all else is private to the operation."""
    for step in probe.steps:
        found: list[Access] = []
        for owner, field, mode in step:
            if owner is container:
                hashable: Hashable = field  # type: ignore[assignment]
                found.append(Access(("container",), hashable, mode))
        yield found


def state_of(container: Any) -> object:
    """Return what can be seen of a container, its order included."""
    return list(container.items()) if isinstance(container, dict) else list(container), len(container)


@pytest.mark.parametrize("name", CONTAINERS)
def test_independent_operations_can_be_swapped(name: str) -> None:
    make, bodies = CONTAINERS[name]
    independent = 0

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.integers(0, 3), unique=True, max_size=4), steps, steps)
    def check(content: list[int], one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
        nonlocal independent
        first, second = ((bodies[number % len(bodies)], key, value) for number, key, value in (one, other))
        start = make(content)
        announced = [footprint(body, start, key, value) for body, key, value in (first, second)]
        if any(conflict(left, right) for left in announced[0] for right in announced[1]):
            return
        independent += 1
        forwards, backwards = copy.deepcopy(start), copy.deepcopy(start)
        in_order = [perform(first[0], forwards, *first[1:]), perform(second[0], forwards, *second[1:])]
        swapped = [perform(second[0], backwards, *second[1:]), perform(first[0], backwards, *first[1:])]
        assert in_order == swapped[::-1]
        assert state_of(forwards) == state_of(backwards)

    check()
    assert independent > EXAMPLES // 10, "most pairs conflict: nothing was tested"


def test_operations_that_announce_nothing_do_not_exist() -> None:
    for name, (make, bodies) in CONTAINERS.items():
        for body in bodies:
            announced = footprint(body, make([0, 1, 2]), 1, 1)
            assert any(operation.accesses for operation in announced), f"{body.__name__} of a {name}"
