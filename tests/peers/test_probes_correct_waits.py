"""Correct programs that wait: proven, or passed where there are too many schedules, and never called stuck."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from tests.peers.answers import failing, holding, outcomes, proven, run

ORDERS = pytest.mark.parametrize("waiter_first", [True, False], ids=["waiter first", "waiter last"])


def in_order(waiter: Callable[[], object], other: Callable[[], object], waiter_first: bool) -> None:
    run(*((waiter, other) if waiter_first else (other, waiter)))


# -- correct programs -----------------------------------------------------------------------------------------


@ORDERS
@pytest.mark.parametrize("strategy", ["dfs", "dpor"])
def test_predicate_loop_is_proven(waiter_first: bool, strategy: str) -> None:
    def scenario() -> None:
        condition = threading.Condition()
        state = SimpleNamespace(is_ready=False)

        def wait() -> None:
            with condition:
                while not state.is_ready:
                    condition.wait()

        def wake() -> None:
            with condition:
                state.is_ready = True
                condition.notify()

        in_order(wait, wake, waiter_first)

    assert proven(scenario, strategy=strategy).executions <= 17


@ORDERS
def test_wait_for_is_proven(waiter_first: bool) -> None:
    def scenario() -> None:
        condition = threading.Condition()
        items: list[int] = []

        def take() -> None:
            with condition:
                condition.wait_for(lambda: items)
                assert items.pop() == 1

        def give() -> None:
            with condition:
                items.append(1)
                condition.notify_all()

        in_order(take, give, waiter_first)

    proven(scenario)


def test_barrier_of_two_is_proven() -> None:
    def scenario() -> None:
        barrier = threading.Barrier(2)
        arrived = [False, False]

        def meet(index: int) -> None:
            arrived[index] = True
            barrier.wait()
            assert all(arrived)

        run(lambda: meet(0), lambda: meet(1))

    proven(scenario)
    assert proven(scenario, strategy="dpor").executions <= 10


def test_barrier_used_twice_is_proven() -> None:
    def scenario() -> None:
        barrier = threading.Barrier(2)
        rounds: list[int] = []

        def meet() -> None:
            for number in range(2):
                rounds.append(number)
                barrier.wait()

        run(meet, meet)
        assert rounds == [0, 0, 1, 1]

    proven(scenario, executions=2_000)


def test_queue_of_one_place_is_proven() -> None:
    def scenario() -> None:
        items: queue.Queue[int] = queue.Queue(maxsize=1)
        got: list[int] = []

        def produce() -> None:
            for number in range(3):
                items.put(number)

        def consume() -> None:
            got.extend(items.get() for _ in range(3))

        run(produce, consume)
        assert got == [0, 1, 2]

    assert proven(scenario).executions <= 30


class ReadersAndWriter:
    """A lock that many readers or one writer may hold."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._readers = 0
        self._is_writing = False

    def read(self, body: Callable[[], object]) -> None:
        with self._condition:
            while self._is_writing:
                self._condition.wait()
            self._readers += 1
        body()
        with self._condition:
            self._readers -= 1
            self._condition.notify_all()

    def write(self, body: Callable[[], object]) -> None:
        with self._condition:
            while self._is_writing or self._readers:
                self._condition.wait()
            self._is_writing = True
        body()
        with self._condition:
            self._is_writing = False
            self._condition.notify_all()


def test_readers_and_writer_hold() -> None:
    def scenario() -> None:
        lock = ReadersAndWriter()
        pair = [0, 0]

        def read() -> None:
            first = pair[0]
            assert pair[1] == first, "torn"

        def write() -> None:
            pair[0] += 1
            pair[1] += 1

        run(lambda: lock.read(read), lambda: lock.write(write), lambda: lock.read(read))

    holding(scenario, executions=200)


def test_readers_and_writer_without_the_lock_are_torn() -> None:
    def scenario() -> None:
        pair = [0, 0]

        def read() -> None:
            first = pair[0]
            assert pair[1] == first, "torn"

        def write() -> None:
            pair[0] += 1
            pair[1] += 1

        run(read, write)

    failing(scenario, "assertion", "torn")


def test_semaphore_lets_in_no_more_than_its_value() -> None:
    def program() -> int:
        semaphore = threading.Semaphore(2)
        state = SimpleNamespace(inside=0, most=0)
        guard = threading.Lock()

        def enter() -> None:
            with semaphore:
                with guard:
                    state.inside += 1
                    state.most = max(state.most, state.inside)
                with guard:
                    state.inside -= 1

        run(enter, enter, enter)
        return int(state.most)

    assert outcomes(program, strategy="dpor", executions=5_000) == {1, 2}


def test_futures_carry_results_between_workers() -> None:
    def scenario() -> None:
        future: Future[int] = Future()
        got: list[int] = []
        run(lambda: future.set_result(7), lambda: got.append(future.result()))
        assert got == [7]

    proven(scenario)


def test_future_set_twice() -> None:
    def scenario() -> None:
        future: Future[int] = Future()

        def fulfil() -> None:
            if not future.done():
                future.set_result(1)

        run(fulfil, fulfil)

    failing(scenario, "exception", "InvalidStateError")
