"""Deadlocks: found exactly, at once, and told with the names of the threads, the locks and the lines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from tests.peers.answers import failing, lines_of, proven, run


def nested(first: Any, second: Any) -> Callable[[], None]:
    def body() -> None:
        with first:
            with second:
                pass

    return body


def philosophers(order: Sequence[tuple[int, int]], make: Callable[[], Any] = threading.Lock) -> None:
    forks = [make() for _ in order]
    run(*(nested(forks[first], forks[second]) for first, second in order), names=tuple(f"philosopher-{n}" for n in range(len(order))))


LOCKS: dict[str, Callable[[], Any]] = {
    "Lock": threading.Lock,
    "RLock": threading.RLock,
    "Condition": threading.Condition,
    "Semaphore": threading.Semaphore,
    "BoundedSemaphore": threading.BoundedSemaphore,
}


@pytest.mark.parametrize("kind", ["Lock", "RLock", "Condition"])
def test_two_locks_in_opposite_orders(kind: str) -> None:
    def scenario() -> None:
        philosophers([(0, 1), (1, 0)], LOCKS[kind])

    failure = failing(scenario, "deadlock", "'philosopher-0' waits for")
    assert "'philosopher-1' waits for" in failure.message
    assert failure.outcome.cycle == (1, 2)
    assert failure.preemptions == 1
    told = [one for one in failure.outcome.blocked if one.tid in (1, 2)]
    assert [one.holders for one in told] == [(2,), (1,)]
    for one in told:
        assert len(one.holds) == 1
        assert one.holds[0].where is not None
        # Taken at the outer `with`, waiting at the inner.
        assert one.holds[0].where.line == one.where.line - 1
    assert "with second:" in lines_of(failure)
    report = failure.report()
    assert "philosopher-0" in report
    assert "philosopher-1" in report


@pytest.mark.parametrize("kind", ["Semaphore", "BoundedSemaphore"])
def test_two_semaphores_in_opposite_orders(kind: str) -> None:
    """A semaphore has no owner, so that nobody can be said to hold it: both threads are stuck, and both are named."""

    def scenario() -> None:
        philosophers([(0, 1), (1, 0)], LOCKS[kind])

    failure = failing(scenario, "stuck", "'philosopher-0' waits for")
    assert "'philosopher-1' waits for" in failure.message
    assert {one.thread for one in failure.outcome.blocked} == {"main", "philosopher-0", "philosopher-1"}
    assert "with second:" in lines_of(failure)
    assert kind in failure.message


def test_three_philosophers() -> None:
    failure = failing(lambda: philosophers([(0, 1), (1, 2), (2, 0)]), "deadlock")
    assert failure.outcome.cycle in [(1, 2, 3), (1, 3, 2)]
    # Who is preempted once has one fork; the two others block without being preempted.
    assert failure.preemptions == 1


def test_three_philosophers_in_one_order_are_proven() -> None:
    proven(lambda: philosophers([(0, 1), (1, 2), (0, 2)]), strategy="dpor", executions=2_000)


def test_deadlock_is_found_by_every_strategy() -> None:
    def scenario() -> None:
        philosophers([(0, 1), (1, 0)])

    for strategy in ("dpor", "random", "pct", "pos", "surw"):
        assert failing(scenario, "deadlock", strategy=strategy).outcome.cycle == (1, 2)


def test_lock_taken_twice_by_one_thread() -> None:
    def scenario() -> None:
        lock = threading.Lock()
        run(nested(lock, lock), names=("careless",))

    failure = failing(scenario, "deadlock", "thread 'careless' waits for")
    assert "which it holds itself" in failure.message
    assert failure.executions == 1
    assert failure.preemptions == 0
    assert failure.outcome.cycle == (1,)


def test_lock_taken_twice_in_the_scenario_itself() -> None:
    def scenario() -> None:
        lock = threading.Lock()
        with lock:
            lock.acquire()

    failure = failing(scenario, "deadlock", "'main'")
    assert "lock.acquire()" in lines_of(failure)


def test_reentrant_lock_taken_twice_is_proven() -> None:
    def scenario() -> None:
        lock = threading.RLock()
        run(nested(lock, lock), nested(lock, lock))

    proven(scenario)


def test_deadlock_of_two_while_others_live_on() -> None:
    def scenario() -> None:
        first, second = threading.Lock(), threading.Lock()
        state = SimpleNamespace(n=0)

        def work() -> None:
            for _ in range(3):
                state.n += 1

        run(nested(first, second), nested(second, first), work, names=("a", "b", "worker"))

    failure = failing(scenario, "deadlock")
    assert failure.outcome.cycle == (1, 2)
    assert "worker" not in {one.thread for one in failure.outcome.blocked}


def test_thread_that_joins_who_waits_for_its_lock() -> None:
    def scenario() -> None:
        lock = threading.Lock()
        worker = threading.Thread(target=nested(lock, threading.Lock()), name="worker")
        with lock:
            worker.start()
            worker.join()

    failure = failing(scenario, "deadlock", "'main' waits for the end of 'worker'")
    assert failure.outcome.cycle == (0, 1)
    assert failure.executions == 1


def test_two_threads_that_join_each_other() -> None:
    def scenario() -> None:
        threads: list[threading.Thread] = []
        are_started = threading.Event()

        def join(other: int) -> None:
            are_started.wait()
            threads[other].join()

        threads += [threading.Thread(target=join, args=(other,)) for other in (1, 0)]
        for thread in threads:
            thread.start()
        are_started.set()

    failure = failing(scenario, "deadlock", "waits for the end of")
    assert failure.outcome.cycle == (1, 2)


def test_lock_not_given_back_by_a_thread_that_ended() -> None:
    def scenario() -> None:
        lock = threading.Lock()
        run(lock.acquire, lock.acquire, names=("first", "second"))

    failure = failing(scenario, "stuck", "waits for")
    assert failure.executions == 1


def test_deadlock_behind_a_check_needs_the_right_order_only_once() -> None:
    """The second lock is taken only by who finds the flag up: neither order alone shows it."""

    def scenario() -> None:
        first, second = threading.Lock(), threading.Lock()
        state = SimpleNamespace(is_busy=False)

        def raise_flag() -> None:
            with first:
                state.is_busy = True
                with second:
                    state.is_busy = False

        def look() -> None:
            with second:
                if state.is_busy:
                    with first:
                        pass

        run(raise_flag, look)

    failing(scenario, "deadlock")
