"""Threads that wait for what nobody will do, and correct programs that wait: exact verdicts, whatever the order of the threads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from tests.peers.answers import failing, lines_of, proven, run

ORDERS = pytest.mark.parametrize("waiter_first", [True, False], ids=["waiter first", "waiter last"])


def in_order(waiter: Callable[[], object], other: Callable[[], object], waiter_first: bool) -> None:
    bodies = (waiter, other) if waiter_first else (other, waiter)
    names = ("waiter", "other") if waiter_first else ("other", "waiter")
    run(*bodies, names=names)


# -- lost wakeups ---------------------------------------------------------------------------------------------


@ORDERS
@pytest.mark.parametrize("strategy", ["auto", "dpor"])
def test_wakeup_is_lost_without_a_predicate(waiter_first: bool, strategy: str) -> None:
    def scenario() -> None:
        condition = threading.Condition()

        def wait() -> None:
            with condition:
                condition.wait()

        def wake() -> None:
            with condition:
                condition.notify()

        in_order(wait, wake, waiter_first)

    failure = failing(scenario, "stuck", "thread 'waiter' waits for Condition", strategy=strategy)
    assert "notify" in failure.message
    assert "condition.wait()" in lines_of(failure)


@ORDERS
def test_wakeup_is_lost_when_the_predicate_is_checked_outside_the_lock(waiter_first: bool) -> None:
    def scenario() -> None:
        condition = threading.Condition()
        state = SimpleNamespace(is_ready=False)

        def wait() -> None:
            if not state.is_ready:
                with condition:
                    condition.wait()

        def wake() -> None:
            state.is_ready = True
            with condition:
                condition.notify()

        in_order(wait, wake, waiter_first)

    failure = failing(scenario, "stuck", "'waiter'")
    # Whoever starts first is let go on up to the gap and then preempted.
    assert failure.preemptions <= 1


@ORDERS
def test_event_cleared_by_its_waiter_loses_a_wakeup(waiter_first: bool) -> None:
    def scenario() -> None:
        event = threading.Event()

        def wait() -> None:
            event.clear()
            event.wait()

        in_order(wait, event.set, waiter_first)

    failing(scenario, "stuck", "thread 'waiter' waits for Event")


def test_notify_wakes_the_wrong_one() -> None:
    """Producer and consumer wait on one condition; `notify` may wake the one for whom nothing changed."""

    def scenario() -> None:
        condition = threading.Condition()
        items: list[int] = []

        def put() -> None:
            with condition:
                while items:
                    condition.wait()
                items.append(1)
                condition.notify()

        def get() -> None:
            with condition:
                while not items:
                    condition.wait()
                items.pop()
                condition.notify()

        run(put, put, get, get, names=("put-1", "put-2", "get-1", "get-2"))

    failing(scenario, "stuck", executions=2_000)


# -- nobody is left -------------------------------------------------------------------------------------------


def test_event_that_is_never_set() -> None:
    def scenario() -> None:
        event = threading.Event()
        run(event.wait, names=("waiter",))

    failure = failing(scenario, "stuck", "thread 'waiter' waits for Event")
    assert "set" in failure.message
    assert failure.executions == 1
    assert {one.thread for one in failure.outcome.blocked} == {"main", "waiter"}


def test_get_that_nobody_serves() -> None:
    def scenario() -> None:
        items: queue.Queue[int] = queue.Queue()
        items.get()

    failure = failing(scenario, "stuck", "thread 'main' waits for Queue")
    assert "put" in failure.message
    assert "items.get()" in lines_of(failure)


def test_put_into_a_full_queue() -> None:
    def scenario() -> None:
        items: queue.Queue[int] = queue.Queue(maxsize=1)
        items.put(1)
        items.put(2)

    assert "get" in failing(scenario, "stuck", "waits for Queue").message


def test_join_of_a_queue_without_task_done() -> None:
    def scenario() -> None:
        items: queue.Queue[int] = queue.Queue()
        items.put(1)
        items.get()
        items.join()

    assert "task_done" in failing(scenario, "stuck", "Queue").message


def test_barrier_short_of_a_party() -> None:
    def scenario() -> None:
        barrier = threading.Barrier(3)
        run(barrier.wait, barrier.wait)

    failure = failing(scenario, "stuck", "thread 'a' waits for Barrier")
    assert "thread 'b' waits for Barrier" in failure.message
    assert "missing party" in failure.message
    assert {one.thread for one in failure.outcome.blocked} == {"main", "a", "b"}


def test_semaphore_that_nobody_releases() -> None:
    def scenario() -> None:
        semaphore = threading.Semaphore(1)
        run(semaphore.acquire, semaphore.acquire)

    assert "release" in failing(scenario, "stuck", "Semaphore").message


def test_future_that_nobody_fulfils() -> None:
    def scenario() -> None:
        future: Future[int] = Future()
        run(future.result, names=("asker",))

    assert "set_result()" in failing(scenario, "stuck", "thread 'asker' waits for Future").message


def test_queue_drained_by_the_other_consumer() -> None:
    """`empty` says no, and then the other one takes it."""

    def scenario() -> None:
        items: queue.Queue[int] = queue.Queue()
        items.put(1)

        def take() -> None:
            if not items.empty():
                items.get()

        run(take, take)

    assert failing(scenario, "stuck", "waits for Queue").preemptions == 1


def test_daemon_that_waits_for_ever_is_no_failure() -> None:
    def scenario() -> None:
        items: queue.Queue[int] = queue.Queue()
        threading.Thread(target=items.get, daemon=True).start()

    proven(scenario)
