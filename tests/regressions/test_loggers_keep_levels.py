"""With isolate="globals" nothing was proven of a module that logs: only the first execution took the lock to look a level up."""

from __future__ import annotations

import logging
import threading

from interleave import explore
from tests.threads import together

_log = logging.getLogger(__name__)


def scenario() -> None:
    sums = [0]
    lock = threading.Lock()

    def add() -> None:
        _log.debug("adding")
        with lock:
            sums[0] += 1

    together(add, add)
    assert sums == [2]


def test_every_execution_looks_levels_up() -> None:
    result = explore(scenario, isolate="globals")
    assert result.uncontrolled == ()
    assert result.verdict == "proven"
