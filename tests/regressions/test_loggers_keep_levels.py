"""With isolate="globals" nothing was proven of a module that logs: only the first execution took the lock to look a level up.

Nor of one that sets loggers up, which was not put back.
"""

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


def leaves_handlers() -> None:
    for logger in (_log, logging.getLogger()):
        logger.setLevel(logging.INFO)
        logger.addHandler(logging.NullHandler())
    together(lambda: _log.info("a"), lambda: _log.info("b"))


def test_handlers_and_levels_are_put_back() -> None:
    """An execution had the handlers of all before it, until it was too long to be explored; so it was in the tests of pykka."""
    before = [(logger.level, list(logger.handlers)) for logger in (_log, logging.getLogger())]
    result = explore(leaves_handlers, isolate="globals")
    assert (result.verdict, result.uncontrolled) == ("proven", ())
    assert [(logger.level, list(logger.handlers)) for logger in (_log, logging.getLogger())] == before
