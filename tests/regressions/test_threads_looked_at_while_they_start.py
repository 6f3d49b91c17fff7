"""What a thread object says while another thread starts it was ordered with nothing, and was a proof all the same."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import pytest

from interleave import explore
from tests.threads import together


def _join(thread: threading.Thread) -> bool:
    try:
        thread.join()
    except RuntimeError:
        return False
    return True


def _start(thread: threading.Thread) -> bool:
    try:
        thread.start()
    except RuntimeError:
        return False
    return True


@pytest.mark.parametrize("strategy", ["dpor", "dfs", "auto"])
@pytest.mark.parametrize(
    "look",
    [
        lambda thread: thread.ident is not None,
        lambda thread: thread.native_id is not None,
        lambda thread: thread.is_alive(),
        lambda thread: "initial" in repr(thread),
        _join,
        _start,
    ],
)
def test_both_answers_are_found(look: Callable[[threading.Thread], bool], strategy: str) -> None:
    seen = []

    def scenario() -> None:
        thread = threading.Thread(target=str)
        found: list[bool] = []
        together(lambda: found.append(look(thread)), lambda: _start(thread))
        seen.append(found[0])
        thread.join()

    assert explore(scenario, strategy=strategy).verdict == "proven"
    assert set(seen) == {False, True}


def test_who_starts_a_thread_may_ask() -> None:
    def work() -> None:
        thread = threading.Thread(target=str)
        if not thread.is_alive():
            thread.start()
        assert thread.ident is not None
        thread.join()
        assert not thread.is_alive()

    assert explore(lambda: together(work, work), strategy="dpor").verdict == "proven"


def test_threads_may_join_those_that_were_started_before_them_or_handed_over() -> None:
    def scenario() -> None:
        started: queue.Queue[threading.Thread] = queue.Queue()

        def start() -> None:
            thread = threading.Thread(target=str)
            thread.start()
            started.put(thread)

        first = threading.Thread(target=start)
        second = threading.Thread(target=first.join)
        first.start()
        second.start()
        started.get().join()
        second.join()

    assert explore(scenario, strategy="dpor").verdict == "proven"
