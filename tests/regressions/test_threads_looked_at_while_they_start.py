"""What a thread object says while another thread starts it is ordered with nothing, and was a proof all the same."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from interleave import explore
from tests.threads import together


@pytest.mark.parametrize(
    "look", [lambda thread: thread.ident is not None, lambda thread: thread.native_id is not None, lambda thread: thread.is_alive()]
)
def test_answers_are_no_proof(look: Callable[[threading.Thread], bool]) -> None:
    def scenario() -> None:
        thread = threading.Thread(target=str)
        together(lambda: look(thread), thread.start)
        thread.join()

    assert explore(scenario, strategy="dpor").verdict == "inconclusive"


def test_who_starts_a_thread_may_ask() -> None:
    def work() -> None:
        thread = threading.Thread(target=str)
        if not thread.is_alive():
            thread.start()
        assert thread.ident is not None
        thread.join()
        assert not thread.is_alive()

    assert explore(lambda: together(work, work), strategy="dpor").verdict == "proven"
