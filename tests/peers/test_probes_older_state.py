"""Locks that are older than the run, and state of one thread: controlled, kept apart, and given back."""

from __future__ import annotations

import contextvars
import threading
import weakref
from threading import Lock
from types import SimpleNamespace

import pytest

from tests.peers.answers import failing, proven, run

MODULE_LOCK = threading.Lock()
IMPORTED_LOCK = Lock()
MODULE_RLOCK = threading.RLock()
MODULE_CONDITION = threading.Condition()
TOTAL = SimpleNamespace(v=0)


class Counter:
    """A counter that loses updates unless it is protected by a lock."""

    class_lock = threading.Lock()

    def __init__(self) -> None:
        self.value = 0

    def add(self) -> None:
        self.value += 1


# -- locks older than the run ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", [MODULE_LOCK, IMPORTED_LOCK, MODULE_RLOCK, Counter.class_lock, MODULE_CONDITION], ids=lambda x: "")
def test_lock_in_a_closure_made_before_the_run_protects(lock: Lock) -> None:
    def scenario() -> None:
        counter = Counter()

        def add() -> None:
            with lock:
                counter.add()

        run(add, add)
        assert counter.value == 2

    proven(scenario)
    assert not lock.locked() if hasattr(lock, "locked") else True
    with lock:
        pass


def test_module_lock_protects() -> None:
    def scenario() -> None:
        TOTAL.v = 0

        def add() -> None:
            with MODULE_LOCK:
                TOTAL.v += 1

        run(add, add)
        assert TOTAL.v == 2

    assert proven(scenario, strategy="dpor").executions == 2
    assert not MODULE_LOCK.locked()


def test_locks_of_a_module_deadlock() -> None:
    def scenario() -> None:
        def one() -> None:
            with MODULE_LOCK, IMPORTED_LOCK:
                pass

        def other() -> None:
            with IMPORTED_LOCK, MODULE_LOCK:
                pass

        run(one, other)

    assert failing(scenario, "deadlock").outcome.cycle == (1, 2)
    assert not MODULE_LOCK.locked()
    assert not IMPORTED_LOCK.locked()


def test_lock_made_by_an_imported_name_during_the_run() -> None:
    def scenario() -> None:
        lock, counter = Lock(), Counter()

        def add() -> None:
            with lock:
                counter.add()

        run(add, add)
        assert counter.value == 2

    proven(scenario)


# -- state of one thread --------------------------------------------------------------------------------------

LOCAL = threading.local()
VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")


def test_thread_local_values_stay_apart() -> None:
    def scenario() -> None:
        local = threading.local()
        counter = Counter()

        def work(value: int) -> None:
            assert not hasattr(local, "value")
            assert not hasattr(LOCAL, "value")
            local.value = LOCAL.value = value
            counter.value += 0
            assert (local.value, LOCAL.value) == (value, value)

        run(lambda: work(1), lambda: work(2))
        assert not hasattr(local, "value")

    proven(scenario)


def test_accesses_to_a_thread_local_do_not_multiply_the_search() -> None:
    def scenario() -> None:
        local = threading.local()

        def work() -> None:
            local.value = 0
            for _ in range(3):
                local.value += 1
            assert local.value == 3

        run(work, work)

    assert proven(scenario, strategy="dpor").executions == 1


def test_context_variables_stay_apart() -> None:
    def scenario() -> None:
        counter = Counter()

        def work(value: str) -> None:
            assert VARIABLE.get() == "unset"
            token = VARIABLE.set(value)
            counter.value += 0
            assert VARIABLE.get() == value
            VARIABLE.reset(token)

        run(lambda: work("one"), lambda: work("two"))
        assert VARIABLE.get() == "unset"

    proven(scenario)


def test_finalizer_runs_where_the_last_reference_goes() -> None:
    def scenario() -> None:
        gone: list[str] = []

        class Resource:
            def __del__(self) -> None:
                gone.append("deleted")

        holders = [Resource()]
        reference = weakref.ref(holders[0], lambda _: gone.append("callback"))

        def drop() -> None:
            if holders:
                holders.clear()

        run(drop, drop)
        assert reference() is None
        assert sorted(gone) == ["callback", "deleted"]

    proven(scenario)


def test_weak_reference_dies_between_check_and_use() -> None:
    def scenario() -> None:
        class Resource:
            name = "it"

        holders = [Resource()]
        reference = weakref.ref(holders[0])

        def use() -> None:
            if reference() is not None:
                assert reference().name  # type: ignore[union-attr]

        run(use, holders.clear)

    failing(scenario, "exception", "AttributeError")
