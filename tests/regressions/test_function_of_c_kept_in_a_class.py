"""`pause = time.sleep` in a class: the stand-in became a method and was called with the instance as well."""

from __future__ import annotations

import os
import threading
import time

from interleave.explore import explore
from interleave.result import Budget


class Backoff:
    pause = time.sleep
    now = time.monotonic
    ident = threading.get_ident
    noise = os.urandom


def test_no_self() -> None:
    def scenario() -> None:
        backoff = Backoff()
        start = backoff.now()
        backoff.pause(5)
        assert backoff.now() - start >= 5
        assert backoff.ident() == threading.get_ident()
        assert len(backoff.noise(4)) == 4

    result = explore(scenario, budget=Budget(executions=2))
    assert not result.failures, result.failures[0].report()
