"""The scenarios that are timed: each as one function, and taken apart the way that some tools want it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Shaped:
    """A scenario in three parts: `setup` makes the state, each of `workers` gets it in a thread of its own."""

    setup: Callable[[], Any]
    workers: tuple[Callable[[Any], None], ...]

    def run(self) -> None:
        """Run the scenario with plain threads."""
        state = self.setup()
        threads = [threading.Thread(target=worker, args=(state,)) for worker in self.workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


class Counter:
    """A counter and its lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value = 0

    def increment(self) -> None:
        """Add one, properly."""
        with self.lock:
            self.value += 1


def _transfer(source: str, target: str, amount: int) -> Callable[[dict[str, int]], None]:
    def transfer(accounts: dict[str, int]) -> None:
        if accounts[source] >= amount:
            accounts[source] -= amount
            accounts[target] += amount

    return transfer


def _produce(items: Any) -> None:
    for number in range(3):
        items.put(number)


def _consume(items: Any) -> None:
    for _ in range(3):
        items.get()


def _make_queue() -> queue.Queue[int]:
    return queue.Queue(maxsize=2)


#: The three scenarios that speed is measured on.
SHAPED: dict[str, Shaped] = {
    "3 threads, one locked increment": Shaped(Counter, (Counter.increment,) * 3),
    "2 threads, racy transfer on dicts": Shaped(lambda: {"a": 100, "b": 100}, (_transfer("a", "b", 50), _transfer("b", "a", 30))),
    "producer and consumer, queue.Queue": Shaped(_make_queue, (_produce, _consume)),
}


def many(threads: int, operations: int) -> Callable[[], None]:
    """Return a scenario of so many threads that each make `operations` locked increments."""

    def work(counter: Counter) -> None:
        for _ in range(operations):
            counter.increment()

    return Shaped(Counter, (work,) * threads).run
