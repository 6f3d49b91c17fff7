"""What puts into a queue and what gets something else out of it can be swapped; whoever looks at both ends sees their order."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest

from interleave.explore import explore
from interleave.result import Budget, Result
from tests.threads import together


def proven(scenario: Callable[[], Any], strategy: str = "dpor") -> Result:
    result = explore(scenario, strategy=strategy, races="off", budget=Budget(executions=20_000))
    assert result.verdict == "proven", result
    assert result.statistics.redundant == 0
    return result


@pytest.mark.parametrize("make", [queue.Queue, queue.SimpleQueue])
@pytest.mark.parametrize("count", [1, 5, 20])
def test_one_producer_and_one_consumer(make: Callable[[], Any], count: int) -> None:
    """There is one class: every item is put before it is got, and that is all."""

    def scenario() -> None:
        line, got = make(), []
        together(lambda: [line.put(number) for number in range(count)], lambda: got.extend(line.get() for _ in range(count)))
        assert got == list(range(count))

    assert proven(scenario).executions == 1


def test_bounded_queue() -> None:
    """One item fits in, so puts and gets alternate: one class again."""

    def scenario() -> None:
        line: queue.Queue[int] = queue.Queue(maxsize=1)
        together(lambda: [line.put(number) for number in range(5)], lambda: [line.get() for _ in range(5)])

    assert proven(scenario).executions == 1


@pytest.mark.parametrize(("producers", "classes"), [(2, 2), (3, 6)])
def test_producers_are_ordered(producers: int, classes: int) -> None:
    def scenario() -> None:
        line: queue.Queue[int] = queue.Queue()

        def put(number: int) -> Callable[[], None]:
            return lambda: line.put(number)

        together(*map(put, range(producers)), lambda: [line.get() for _ in range(producers)])

    assert proven(scenario).executions == classes


def test_semaphore_that_gives_way() -> None:
    def scenario() -> None:
        ready = threading.Semaphore(0)
        together(lambda: [ready.release() for _ in range(4)], lambda: [ready.acquire() for _ in range(4)])

    assert proven(scenario).executions == 1


def test_somebody_takes_what_another_needs() -> None:
    """One consumer may take both items, the second of which came of its taking the first: the other waits for ever."""

    def scenario() -> None:
        line: queue.Queue[int] = queue.Queue()
        line.put(0)
        together(lambda: (line.put(line.get() + 1), line.get()), line.get)

    failure = explore(scenario, strategy="dpor", races="off").failure
    assert failure is not None
    assert failure.kind == "stuck"
    found = explore(scenario, strategy="dpor", races="off", stop_on_failure=False)
    assert found.exhausted
    # Each of the three that get may be the last.
    assert found.executions == 3


LOOKS: dict[str, Callable[[queue.Queue[int]], Any]] = {
    "attempt": lambda line: _attempt(line),
    "size": lambda line: line.qsize(),
    "time limit": lambda line: _attempt(line, timeout=1.0),
    "mutex": lambda line: _with_mutex(line),
    "items": lambda line: _first(line),
}


def _attempt(line: queue.Queue[int], timeout: float | None = None) -> Any:
    try:
        return line.get(timeout=timeout) if timeout else line.get_nowait()
    except queue.Empty:
        return "empty"


def _with_mutex(line: queue.Queue[int]) -> int:
    with line.mutex:
        return len(line.queue)


def _first(line: queue.Queue[int]) -> int:
    with line.mutex:
        return line.queue[0] if line.queue else -1


@pytest.mark.parametrize("look", LOOKS.values(), ids=list(LOOKS))
def test_who_looks_at_both_ends_sees_every_order(look: Callable[[queue.Queue[int]], Any]) -> None:
    found: dict[str, set[Any]] = {"dpor": set(), "dfs": set()}

    def scenario() -> None:
        line: queue.Queue[int] = queue.Queue()
        seen: list[Any] = []
        together(lambda: (line.put(1), line.put(2)), line.get, lambda: seen.append(look(line)))
        seen.append(line.qsize())
        outcomes.add(tuple(seen))

    for strategy, outcomes in found.items():  # noqa: B007
        # One item for two who want one, where somebody takes two.
        result = explore(scenario, strategy=strategy, races="off", budget=Budget(executions=20_000), stop_on_failure=False)
        assert result.exhausted
    assert found["dpor"] == found["dfs"]


def test_who_looks_at_the_value_of_a_semaphore_sees_every_order() -> None:
    found: set[int] = set()

    def scenario() -> None:
        permits = threading.Semaphore(1)
        together(permits.release, permits.acquire, lambda: found.add(permits._value))

    proven(scenario)
    assert found == {0, 1, 2}
