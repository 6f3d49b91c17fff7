"""One step of which it is not known what it touches, such as a call of a weak reference, and `auto` took every proof for hopeless.

So it took those of programs that take many locks under one.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable

import pytest

from interleave import explore
from tests.threads import together


class _Thing:
    a, b = 0, 0


def weakly_held() -> None:
    thing, lock = _Thing(), threading.Lock()
    find = weakref.ref(thing)

    def work() -> None:
        thing.a = 1
        thing.b = 2
        with lock:
            assert find() is not None

    together(work, work)


def nested() -> None:
    outer, inner = threading.Lock(), [threading.Lock() for _ in range(4)]

    def work() -> None:
        for _ in range(5):
            with outer:
                for lock in inner:
                    with lock:
                        pass

    together(work, work)


@pytest.mark.parametrize("scenario", [weakly_held, nested])
def test_small_program_is_proven(scenario: Callable[[], None]) -> None:
    assert explore(scenario).verdict == "proven"
