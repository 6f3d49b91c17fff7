"""The interpreter's tests of locks, conditions, events, semaphores and barriers (`test.lock_tests`), under control.

Each class is instantiated as `test_threading` does it. What is left out, and why:

* `test_at_fork_reinit`: reinitialises a lock in a forked child; a fork duplicates the process with everything under control in it.
* `ConditionAsRLockTests.test_recursion_count`: a condition has no such method; `test_threading` leaves it out, too.
"""

from __future__ import annotations

import threading

import pytest

from .harness import Case, conform, methods, unknown_names

lock_tests = pytest.importorskip("test.lock_tests", reason="this interpreter comes without its test package")

NOT_APPLICABLE = ("test_at_fork_reinit", "ConditionAsRLockTests.test_recursion_count")


class LockTests(lock_tests.LockTests):
    locktype = staticmethod(threading.Lock)


class PyRLockTests(lock_tests.RLockTests):
    locktype = staticmethod(threading._PyRLock)


class CRLockTests(lock_tests.RLockTests):
    locktype = staticmethod(threading._CRLock)


class EventTests(lock_tests.EventTests):
    eventtype = staticmethod(threading.Event)


class ConditionAsRLockTests(lock_tests.RLockTests):
    """A condition uses an RLock by default and has its interface."""

    locktype = staticmethod(threading.Condition)


class ConditionTests(lock_tests.ConditionTests):
    condtype = staticmethod(threading.Condition)


class SemaphoreTests(lock_tests.SemaphoreTests):
    semtype = staticmethod(threading.Semaphore)


class BoundedSemaphoreTests(lock_tests.BoundedSemaphoreTests):
    semtype = staticmethod(threading.BoundedSemaphore)


class BarrierTests(lock_tests.BarrierTests):
    barriertype = staticmethod(threading.Barrier)


CASES: tuple[Case, ...] = (
    LockTests,
    PyRLockTests,
    CRLockTests,
    EventTests,
    ConditionAsRLockTests,
    ConditionTests,
    SemaphoreTests,
    BoundedSemaphoreTests,
    BarrierTests,
)
for _case in CASES:
    # They run inside scenarios only, not as test cases of their own.
    _case.__test__ = False


@pytest.mark.parametrize(("case", "name"), list(methods(CASES, NOT_APPLICABLE)))
def test_conforms(case: Case, name: str) -> None:
    conform(case, name)


def test_the_exclusions_name_tests_that_exist() -> None:
    assert unknown_names(CASES, NOT_APPLICABLE) == []
