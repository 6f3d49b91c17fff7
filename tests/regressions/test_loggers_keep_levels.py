"""Nothing was proven of a module that logs: only the first execution took the lock to look a level up.

Nor of one that sets loggers up, which was not put back.
"""

from __future__ import annotations

import logging
import threading
from typing import Literal

import pytest

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


@pytest.mark.parametrize("isolate", ["off", "fork"])
def test_first_execution_finds_them_looked_up(isolate: Literal["off", "fork"]) -> None:
    name = f"{__name__}.{isolate}"
    log = logging.getLogger(name)
    log.setLevel(logging.CRITICAL)

    def scenario() -> None:
        together(lambda: log.error("a"), lambda: log.debug("b"))

    result = explore(scenario, isolate=isolate)
    assert result.uncontrolled == ()
    assert result.verdict == "proven"


def changes_levels() -> None:
    """Empties what loggers remember, in the middle."""
    _log.info("a")
    together(lambda: _log.setLevel(logging.INFO), lambda: _log.info("b"))
    logging.disable(logging.INFO)
    _log.info("c")
    logging.disable(logging.NOTSET)
    _log.setLevel(logging.NOTSET)


def test_levels_are_changed_in_every_execution() -> None:
    result = explore(changes_levels, races="off")
    assert result.uncontrolled == ()
    assert result.verdict == "proven"
    assert logging.getLogger(__name__).isEnabledFor(logging.ERROR)


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
