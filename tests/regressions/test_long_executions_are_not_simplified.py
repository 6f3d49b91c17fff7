"""A test of a suite that was only too long to be explored took minutes to be simplified, and then to be labelled, for a warning."""

from __future__ import annotations

import threading
import time

import pytest

from interleave.explore import explore
from interleave.result import Budget


def polls_for_ever() -> None:
    turns = []

    def poll() -> None:
        while True:
            turns.append(len(turns))
            time.sleep(1)

    thread = threading.Thread(target=poll)
    thread.start()
    thread.join()


@pytest.mark.labelled
def test_what_was_cut_off_is_run_once_more_and_no_oftener() -> None:
    result = explore(polls_for_ever, budget=Budget(executions=5, steps=300), shrink="ended")
    assert [one.kind for one in result.failures] == ["livelock"]
    assert result.statistics.shrinking == 1
    assert result.failures[0].under_gil is None


@pytest.mark.labelled
def test_what_ended_is_simplified_all_the_same() -> None:
    def scenario() -> None:
        seen: list[int] = []
        threads = [threading.Thread(target=seen.append, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [0, 1]

    result = explore(scenario, strategy="random", budget=Budget(executions=50), shrink="ended")
    assert result.statistics.shrinking > 1
    assert result.failures[0].under_gil is not None
