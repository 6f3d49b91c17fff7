"""Programs that fail, for runs in other processes: a set to iterate over, hash order, random numbers, time and threads by name."""

from __future__ import annotations

import queue
import random
import threading
import time

from tests.threads import together


class Event:
    """Hashed by address."""

    def __init__(self, name: str) -> None:
        self.name = name


def scenario_words() -> None:
    """Count words that are kept in a dictionary and a set."""
    counts: dict[str, int] = {}
    words = {"apple", "pear", "plum", "fig", "lime"}

    def count() -> None:
        for word in sorted(words):
            if word not in counts:
                counts[word] = 0
            counts[word] += 1

    together(count, count)
    assert all(counts[word] == 2 for word in sorted(words)), "words lost"


def scenario_random() -> None:
    """Draw random numbers, also to decide how often something is done."""
    state = {"n": 0}
    times = random.randrange(2, 5)

    def add() -> None:
        for _ in range(times):
            state["n"] += random.choice([1, 2])
            time.sleep(random.random())

    start = time.time()
    together(add, add)
    assert time.time() - start > 0
    total = state["n"]
    assert total >= 2 * times + 3 or total == 0, f"{total} after {times} rounds"


def scenario_deadlock() -> None:
    """Two locks in opposite orders, taken between puts and gets."""
    first, second = threading.Lock(), threading.Lock()
    items: queue.Queue[int] = queue.Queue(maxsize=1)

    def give() -> None:
        with first:
            items.put(1)
            with second:
                items.put(2)

    def take() -> None:
        items.get()
        with second:
            with first:
                items.get()

    together(give, take)


def scenario_objects() -> None:
    """Objects hashed by address, as keys."""
    events = [Event("a"), Event("b")]
    handled: dict[Event, int] = {}

    def handle() -> None:
        for event in events:
            handled[event] = handled.get(event, 0) + 1

    together(handle, handle)
    assert handled[events[0]] == 2, "handled once"


def scenario_exception() -> None:
    """An exception whose message holds an address."""
    items = [Event("only")]

    def take() -> None:
        if items:
            event = items.pop()
            if not items and event.name == "only":
                items.clear()
        elif len(items) == 0:
            raise LookupError(object())

    together(take, take, take)
