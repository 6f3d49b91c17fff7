"""The search under a bound on preemptions took a semaphore for a lock: it proved what fails, or never ended."""

from __future__ import annotations

import threading

import pytest

from interleave.explore import explore
from tests.threads import together


def two_inside():
    permits, shared = threading.Semaphore(2), {"n": 0}

    def add():
        with permits:
            shared["n"] += 1

    together(add, add)
    assert shared["n"] == 2


def two_permits_each():
    permits = threading.Semaphore(2)

    def work():
        with permits, permits:
            pass

    together(work, work)


@pytest.mark.parametrize("scenario", [two_inside, two_permits_each])
def test_as_many_threads_as_there_are_permits_hold_a_semaphore(scenario):
    below, within = (explore(scenario, strategy="dpor", preemptions=bound, races="off") for bound in (0, 1))
    assert (below.verdict, below.failures) == ("proven", ())
    assert within.verdict == "failed"
    assert within.failure.preemptions == 1
