"""Conditions, events, semaphores and barriers behave under control as they do natively."""

from __future__ import annotations

import threading
import time
import warnings
from typing import Any

import pytest
from differential import assert_same, kind_of, said

from tests.threads import together


@pytest.mark.parametrize("make", [threading.Lock, threading.RLock, threading._PyRLock, None])
def test_condition(make: Any) -> None:
    def body() -> Any:
        condition = threading.Condition(make()) if make else threading.Condition()
        seen: list[Any] = [said(condition.wait), said(condition.notify), said(condition.notify_all), said(condition.wait, 0)]
        with condition:
            seen += [condition.wait(0), condition.wait(0.01), condition.wait(timeout=-1), condition.wait_for(lambda: 0, 0.01)]
            seen += [condition.wait_for(lambda: 7), condition.wait_for(list, timeout=0), condition.notify(), condition.notify(3)]
        ready: list[int] = []

        def consumer() -> None:
            with condition:
                while not ready:
                    condition.wait()
                seen.append(ready.pop())

        def producer() -> None:
            with condition:
                ready.append(5)
                condition.notify()

        together(consumer, producer)
        seen.append(repr(condition).startswith("<Condition(<"))
        return seen

    assert_same(body)


def test_condition_keeps_the_levels_of_an_rlock() -> None:
    def body() -> Any:
        condition, order = threading.Condition(threading.RLock()), []

        def waiter() -> None:
            with condition, condition, condition:
                order.append("waiting")
                condition.wait()
                order.append(condition._lock._recursion_count())

        def waker() -> None:
            while True:
                with condition:
                    if order:
                        condition.notify_all()
                        return
                time.sleep(0.001)

        together(waiter, waker)
        return order

    assert_same(body)


def test_notify_wakes_as_many_as_it_says() -> None:
    def body() -> Any:
        condition, woken, waiting = threading.Condition(), [], []

        def waiter() -> None:
            with condition:
                waiting.append(1)
                woken.append(condition.wait(5))

        threads = [threading.Thread(target=waiter) for _ in range(4)]
        for thread in threads:
            thread.start()
        while True:
            with condition:
                if len(waiting) == 4:
                    break
            time.sleep(0.001)
        counts = []
        for many in (1, 2, 9):
            with condition:
                condition.notify(many)
            time.sleep(0.05)
            counts.append(len(woken))
        for thread in threads:
            thread.join()
        return counts, woken

    assert_same(body)


def test_two_conditions_share_a_lock() -> None:
    def body() -> Any:
        lock = threading.Lock()
        full, empty = threading.Condition(lock), threading.Condition(lock)
        slot: list[int] = []
        got: list[int] = []

        def producer() -> None:
            for number in range(3):
                with lock:
                    while slot:
                        empty.wait()
                    slot.append(number)
                    full.notify()

        def consumer() -> None:
            for _ in range(3):
                with lock:
                    while not slot:
                        full.wait()
                    got.append(slot.pop())
                    empty.notify()

        together(producer, consumer)
        return got

    assert_same(body)


def test_event() -> None:
    def body() -> Any:
        event = threading.Event()
        seen: list[Any] = [event.is_set(), event.wait(0), event.wait(0.01), event.wait(-1), event.set(), event.is_set(), event.wait()]
        seen += [event.clear(), event.wait(timeout=0), repr(event).partition(" at ")[0]]
        together(lambda: seen.append(event.wait()), event.set)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            seen.append((event.isSet(), [str(one.category) for one in caught]))
        return seen

    assert_same(body)


@pytest.mark.parametrize("kind", [threading.Semaphore, threading.BoundedSemaphore])
def test_semaphore(kind: Any) -> None:
    def body() -> Any:
        semaphore = kind(2)
        seen: list[Any] = [kind_of(kind, -1), said(kind, 0) is not None, said(semaphore.acquire, False, 1), said(semaphore.release, 0)]
        seen += [semaphore.acquire(), semaphore.acquire(timeout=1), semaphore.acquire(False), semaphore.acquire(timeout=0)]
        seen += [semaphore.acquire(True, 0.01), semaphore.acquire(timeout=-1), semaphore.release(2), semaphore._value]
        seen += [said(semaphore.release), semaphore._value, said(semaphore.release, -1), repr(semaphore).partition(" at ")[0]]
        with semaphore:
            seen.append(semaphore._value)
        together(lambda: seen.append(semaphore.acquire()), lambda: None)
        return seen

    assert_same(body)


def test_semaphore_limits_how_many_are_inside() -> None:
    def body() -> Any:
        semaphore, inside, most = threading.Semaphore(2), [], []

        def worker() -> None:
            with semaphore:
                inside.append(1)
                most.append(len(inside))
                inside.pop()

        together(worker, worker, worker)
        return max(most) <= 2, semaphore._value

    assert_same(body)


def test_barrier() -> None:
    def body() -> Any:
        barrier = threading.Barrier(2, action=lambda: seen.append("action"), timeout=5)
        seen: list[Any] = [type(kind_of(threading.Barrier, 0)), barrier.parties, barrier.n_waiting, barrier.broken]
        places: list[int] = []

        def party() -> None:
            places.append(barrier.wait())
            places.append(barrier.wait())

        together(party, party)
        seen += [
            sorted(places),
            barrier.n_waiting,
            said(barrier.wait, 0),
            barrier.broken,
            said(barrier.wait),
            barrier.reset(),
            barrier.broken,
        ]
        seen += [barrier.abort(), said(barrier.wait), repr(barrier).partition(" at ")[0]]
        return seen

    assert_same(body)


def test_barrier_broken_while_others_wait() -> None:
    def body() -> Any:
        barrier = threading.Barrier(3)
        seen: list[Any] = []

        def party() -> None:
            seen.append(kind_of(barrier.wait))

        def breaker() -> None:
            while barrier.n_waiting < 2:
                time.sleep(0.001)
            barrier.abort()

        together(party, party, breaker)
        barrier.reset()

        def failing() -> None:
            raise ValueError("no")

        other = threading.Barrier(1, failing)
        return seen, barrier.broken, said(other.wait), other.broken

    assert_same(body)


class _Counting(threading.Condition):
    """A subclass that counts what is called on it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.calls.append("wait")
        return super().wait(timeout)

    def notify(self, n: int = 1) -> None:
        self.calls.append(f"notify {n}")
        super().notify(n)


class _LoudEvent(threading.Event):
    def __init__(self) -> None:
        super().__init__()
        self.sets = 0

    def set(self) -> None:
        self.sets += 1
        super().set()


class _Gate(threading.Semaphore):
    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        self.asked = getattr(self, "asked", 0) + 1
        return super().acquire(blocking, timeout)


def test_subclasses_are_honoured() -> None:
    def body() -> Any:
        condition, event, gate = _Counting(), _LoudEvent(), _Gate(1)
        with condition:
            condition.wait(0.01)
            condition.wait_for(lambda: False, 0.01)
            condition.notify_all()
            condition.notify()
        together(event.set, event.wait)
        gate.acquire()
        gate.release()
        with gate:
            pass
        return condition.calls, event.sets, gate.asked, isinstance(condition, threading.Condition)

    assert_same(body)
