"""Small programs, each with whether two threads that run it can come to different ends under the GIL of CPython, 3.11 to 3.13.

On free-threaded Python all of them can.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

count = 0


def closure() -> tuple[Callable[[], None], Callable[[], int]]:
    """Return a function that increments a closure variable, and one that returns its value."""
    number = 0

    def add() -> None:
        nonlocal number
        number += 1

    return add, lambda: number


class Shared:
    """What the threads share; `total` is what an increment of any kind adds to."""

    fraction: Any
    foreign: Any

    def __init__(self) -> None:
        global count
        count = 0
        self.add, self.added = closure()
        self.equal = Equal()
        self.names = {"a": 1, "b": 2}
        self.n = 0
        self.m: Any = 0
        self.table: dict[str, int] = {}
        self.values: list[int] = []

    def get(self) -> int:
        return self.n

    @property
    def value(self) -> int:
        return self.n

    @value.setter
    def value(self, value: int) -> None:
        self.n = value

    @property
    def total(self) -> int:
        return self.n + self.table.get("k", 0) + len(self.values) + self.added() + count


class Equal:
    """Compares in Python."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def attribute(shared: Shared) -> None:
    shared.n += 1


def item(shared: Shared) -> None:
    if "k" not in shared.table:
        shared.table["k"] = 0
    shared.table["k"] += 1


def get_and_store(shared: Shared) -> None:
    shared.table["k"] = shared.table.get("k", 0) + 1


def append(shared: Shared) -> None:
    if not shared.values:
        shared.values.append(1)


def check_then_append(shared: Shared) -> None:
    if len(shared.values) == 0:
        shared.values.append(1)


def global_increment(shared: Shared) -> None:
    global count
    count += 1


def closure_increment(shared: Shared) -> None:
    shared.add()


def method_before(shared: Shared) -> None:
    shared.n = shared.get() + 1


def method_between(shared: Shared) -> None:
    value = shared.n
    shared.n = value + 1 + 0 * shared.get()


def read_of_property(shared: Shared) -> None:
    shared.n = shared.value + 1


def property_increment(shared: Shared) -> None:
    shared.value += 1


def comparison(shared: Shared) -> None:
    value = shared.n
    if shared.equal == 1:
        shared.n = value + 1


def loop(shared: Shared) -> None:
    value = shared.n
    for _ in (1, 2):
        pass
    shared.n = value + 1


def empty_loop(shared: Shared) -> None:
    value = shared.n
    for _ in ():
        pass
    shared.n = value + 1


def while_loop(shared: Shared) -> None:
    value, turn = shared.n, 0
    while turn < 2:
        turn += 1
    shared.n = value + 1


def while_once(shared: Shared) -> None:
    value, turn = shared.n, 0
    while turn < 1:
        turn += 1
    shared.n = value + 1


def handler(shared: Shared) -> None:
    try:
        shared.table["k"] += 1
    except KeyError:
        shared.table["k"] = 1


def iteration(shared: Shared) -> None:
    try:
        for _ in shared.names:
            pass
    except RuntimeError:
        shared.values.append(1)
    shared.names.pop("a", None)


def generator(shared: Shared) -> None:
    def numbers() -> Any:
        yield shared.n

    for number in numbers():
        shared.n = number + 1
        break


def generator_twice(shared: Shared) -> None:
    def numbers() -> Any:
        value = shared.n
        yield None
        shared.n = value + 1

    for _ in numbers():
        pass


class Reader:
    """Reads when it is made, and when it is called."""

    def __init__(self, shared: Shared) -> None:
        self.number = shared.n

    def __call__(self, shared: Shared) -> int:
        return shared.n


def read(shared: Shared, depth: int = 0) -> int:
    return read(shared, depth - 1) if depth else shared.n


def class_call(shared: Shared) -> None:
    shared.n = Reader(shared).number + 1


def object_call(shared: Shared) -> None:
    reader = Reader(shared)
    shared.n = reader(shared) + 1


def recursion(shared: Shared) -> None:
    shared.n = read(shared, 3) + 1


def unpacked_call(shared: Shared) -> None:
    arguments = (shared,)
    shared.n = read(*arguments) + 1


def exception(shared: Shared) -> None:
    box = [0]

    def fail() -> None:
        box[0] = shared.n
        raise KeyError

    try:
        fail()
    except KeyError:
        pass
    shared.n = box[0] + 1


def branch_not_taken(shared: Shared) -> None:
    value = shared.n
    if value > 9:
        read(shared)
    shared.n = value + 1


#: By name: what a thread does, and whether it can go wrong under the GIL.
PROGRAMS: dict[str, tuple[Callable[[Shared], object], bool]] = {
    "attribute increment": (attribute, False),
    "global increment": (global_increment, False),
    "closure increment": (closure_increment, False),
    "item increment": (item, False),
    "get and store": (get_and_store, True),
    "check and append": (append, False),
    "check by a call and append": (check_then_append, True),
    "call of a method before": (method_before, False),
    "call of a method in between": (method_between, True),
    "read of a property": (read_of_property, False),
    "increment of a property": (property_increment, True),
    "comparison in Python": (comparison, True),
    "loop in between": (loop, True),
    "loop without a turn": (empty_loop, False),
    "while loop": (while_loop, True),
    "while loop of one turn": (while_once, False),
    "iteration of a dictionary": (iteration, True),
    "handler of an exception": (handler, False),
    "class that reads": (class_call, True),
    "object that reads": (object_call, True),
    "function that reads in recursion": (recursion, False),
    # Inlined since 3.12.
    "function that reads what is unpacked": (unpacked_call, sys.version_info < (3, 12)),
    # On 3.12 and no other the compiler has a handler at the end of the function jump back.
    "exception from a function that reads": (exception, sys.version_info[:2] == (3, 12)),
    "call in a branch not taken": (branch_not_taken, False),
    "generator before": (generator, False),
    "generator that goes on": (generator_twice, True),
}


def scenario_of(body: Callable[[Any], object], seen: set[Any] | None, threads: int = 2) -> Callable[[], None]:
    """Return the scenario of threads that all run `body`; it notes the final state, or with None, fails if an update is lost."""

    def scenario() -> None:
        shared = Shared()
        running = [threading.Thread(target=body, args=(shared,)) for _ in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        if seen is None:
            assert shared.total == threads
        else:
            seen.add((shared.total, tuple(shared.values)))

    return scenario


def outcomes_of(body: Callable[[Any], object], turns: int) -> set[Any]:
    """Return the final states that two real threads come to that run `body`, each time begun together."""
    rounds = [Shared() for _ in range(turns)]
    reached = [-1, -1]

    def work(me: int) -> None:
        for turn, shared in enumerate(rounds):
            reached[me] = turn
            while reached[1 - me] < turn:
                pass
            body(shared)

    running = [threading.Thread(target=work, args=(me,)) for me in range(2)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return {(one.total, tuple(one.values)) for one in rounds}
