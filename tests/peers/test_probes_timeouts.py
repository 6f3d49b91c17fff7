"""Timeouts against what they wait for: both ends of the race are met, on virtual time, whatever the order of the threads."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tests.peers.answers import failing, outcomes, proven, run

ORDERS = pytest.mark.parametrize("waiter_first", [True, False], ids=["waiter first", "waiter last"])


def either_order(waiter: Callable[[], object], other: Callable[[], object], waiter_first: bool) -> None:
    run(*((waiter, other) if waiter_first else (other, waiter)))


def event_against_setter() -> tuple[Callable[[], bool], Callable[[], None]]:
    event = threading.Event()
    return lambda: event.wait(1.0), event.set


def condition_against_notifier() -> tuple[Callable[[], bool], Callable[[], None]]:
    condition = threading.Condition()
    state = SimpleNamespace(is_ready=False)

    def wait() -> bool:
        with condition:
            return state.is_ready or condition.wait(1.0)

    def wake() -> None:
        with condition:
            state.is_ready = True
            condition.notify()

    return wait, wake


def lock_against_holder() -> tuple[Callable[[], bool], Callable[[], None]]:
    lock = threading.Lock()

    def take() -> bool:
        got = lock.acquire(timeout=1.0)
        if got:
            lock.release()
        return got

    def hold() -> None:
        with lock:
            time.sleep(0.5)

    return take, hold


def queue_against_producer() -> tuple[Callable[[], bool], Callable[[], None]]:
    items: queue.Queue[int] = queue.Queue()

    def get() -> bool:
        try:
            return items.get(timeout=1.0) == 1
        except queue.Empty:
            return False

    return get, lambda: items.put(1)


def semaphore_against_holder() -> tuple[Callable[[], bool], Callable[[], None]]:
    semaphore = threading.Semaphore(0)
    return lambda: semaphore.acquire(timeout=1.0), semaphore.release


RACES = {
    "Event.wait": event_against_setter,
    "Condition.wait": condition_against_notifier,
    "Lock.acquire": lock_against_holder,
    "Queue.get": queue_against_producer,
    "Semaphore.acquire": semaphore_against_holder,
}


def race(kind: str, waiter_first: bool) -> Callable[[], bool]:
    def program() -> bool:
        wait, act = RACES[kind]()
        got: list[bool] = []
        either_order(lambda: got.append(bool(wait())), act, waiter_first)
        return got[0]

    return program


@ORDERS
@pytest.mark.parametrize("kind", RACES)
def test_timeout_fires_in_some_order_if_asked_for(kind: str, waiter_first: bool) -> None:
    program = race(kind, waiter_first)
    seen: set[bool] = set()

    def scenario() -> None:
        is_in_time = program()
        seen.add(is_in_time)
        assert is_in_time, "timed out"

    failing(scenario, "assertion", "timed out", strategy="dfs", timeouts="any", stop_on_failure=False)
    assert seen == {True, False}


@pytest.mark.parametrize("kind", RACES)
def test_timeout_never_fires_while_others_can_run_otherwise(kind: str) -> None:
    """Half a second of holding ends before a wait of one second does."""
    assert outcomes(race(kind, True), strategy="dfs") == {True}


@ORDERS
def test_lock_held_for_longer_than_the_timeout(waiter_first: bool) -> None:
    """The waiter gives up exactly in those orders in which the holder was there first."""

    seen: set[bool] = set()

    def scenario() -> None:
        lock = threading.Lock()
        got: list[bool] = []

        def take() -> None:
            got.append(lock.acquire(timeout=1.0))

        def hold_if_free() -> None:
            if lock.acquire(timeout=1.0):
                time.sleep(2.0)
                lock.release()

        either_order(take, hold_if_free, waiter_first)
        seen.add(got[0])
        assert got[0], "gave up"

    failing(scenario, "assertion", "gave up", strategy="dfs", stop_on_failure=False)
    assert seen == {True, False}


@ORDERS
def test_event_set_too_late(waiter_first: bool) -> None:
    def scenario() -> None:
        event = threading.Event()

        def set_late() -> None:
            time.sleep(2.0)
            event.set()

        def wait() -> None:
            assert event.wait(1.0), "too late"

        either_order(wait, set_late, waiter_first)

    assert failing(scenario, "assertion", "too late").preemptions == 0


@ORDERS
def test_event_set_in_time(waiter_first: bool) -> None:
    def scenario() -> None:
        event = threading.Event()

        def set_early() -> None:
            time.sleep(0.5)
            event.set()

        def wait() -> None:
            assert event.wait(1.0)

        either_order(wait, set_early, waiter_first)

    proven(scenario)


def test_sleep_orders_nothing_if_timeouts_may_fire_any_time() -> None:
    """Programs that synchronise by sleeping work as long as everybody is quick."""

    def scenario() -> None:
        state = SimpleNamespace(is_ready=False)

        def prepare() -> None:
            state.is_ready = True

        def use() -> None:
            time.sleep(0.1)
            assert state.is_ready, "slept too short"

        run(prepare, use)

    proven(scenario)
    failing(scenario, "assertion", "slept too short", timeouts="any")


def test_time_is_virtual_and_the_same_in_every_execution() -> None:
    begins: set[float] = set()

    def program() -> float:
        begin = time.monotonic()
        begins.add(begin)
        time.sleep(3_600.0)
        return round(time.monotonic() - begin, 3)

    assert outcomes(program) == {3_600.0}
    assert len(begins) == 1


def test_sleepers_wake_in_the_order_of_their_deadlines() -> None:
    def program() -> str:
        woken: list[str] = []

        def sleep(name: str, seconds: float) -> None:
            time.sleep(seconds)
            woken.append(name)

        run(lambda: sleep("late", 2.0), lambda: sleep("early", 1.0))
        return " ".join(woken)

    assert outcomes(program, strategy="dfs") == {"early late"}


def test_timeout_of_join_is_on_virtual_time() -> None:
    def scenario() -> None:
        thread = threading.Thread(target=lambda: time.sleep(10.0))
        thread.start()
        thread.join(timeout=1.0)
        assert thread.is_alive()
        thread.join()
        assert not thread.is_alive()

    proven(scenario)


def test_barrier_breaks_when_a_party_is_late() -> None:
    def scenario() -> None:
        barrier = threading.Barrier(2, timeout=1.0)

        def late() -> None:
            time.sleep(5.0)
            barrier.wait()

        run(barrier.wait, late)

    failing(scenario, "exception", "BrokenBarrierError")


def test_sleepers_that_wake_at_the_same_moment_race() -> None:
    def program() -> int:
        state = SimpleNamespace(v=0)

        def add() -> None:
            time.sleep(1.0)
            state.v += 1

        run(add, add)
        return int(state.v)

    assert outcomes(program, strategy="dfs") == {1, 2}
