"""Loops that wait by spinning: correct ones pass, those without an end are told as such, with the loop, in bounded memory."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tests.peers.answers import explore, failing, holding, proven, run

STRATEGIES = pytest.mark.parametrize("strategy", ["auto", "random", "dfs"])


@STRATEGIES
def test_waiting_by_spinning_and_sleeping_passes(strategy: str) -> None:
    def scenario() -> None:
        state = SimpleNamespace(is_ready=False, value=0)

        def wait() -> None:
            while not state.is_ready:
                time.sleep(0.001)
            assert state.value == 1

        def prepare() -> None:
            state.value = 1
            state.is_ready = True

        run(wait, prepare)

    holding(scenario, strategy=strategy, executions=100)


def peterson(enter: Callable[[list[bool], list[int], int], None]) -> Callable[[], None]:
    """Return Peterson's mutual exclusion for two threads, with the entry protocol `enter`."""

    def scenario() -> None:
        wants, turn = [False, False], [0]
        state = SimpleNamespace(inside=0)

        def work(me: int) -> None:
            enter(wants, turn, me)
            state.inside += 1
            assert state.inside == 1, "both inside"
            state.inside -= 1
            wants[me] = False

        run(lambda: work(0), lambda: work(1))

    return scenario


def _correct(wants: list[bool], turn: list[int], me: int) -> None:
    wants[me] = True
    turn[0] = 1 - me
    while wants[1 - me] and turn[0] == 1 - me:
        time.sleep(0.001)


def _turn_first(wants: list[bool], turn: list[int], me: int) -> None:
    turn[0] = 1 - me
    wants[me] = True
    while wants[1 - me] and turn[0] == 1 - me:
        time.sleep(0.001)


def test_peterson_holds() -> None:
    holding(peterson(_correct), executions=300)


def test_peterson_with_its_lines_swapped_does_not() -> None:
    failing(peterson(_turn_first), "assertion", "both inside")


def test_peterson_that_spins_without_pause_holds_where_threads_are_scheduled_fairly() -> None:
    def enter(wants: list[bool], turn: list[int], me: int) -> None:
        wants[me] = True
        turn[0] = 1 - me
        while wants[1 - me] and turn[0] == 1 - me:
            pass

    holding(peterson(enter), strategy="random", executions=100)


@STRATEGIES
def test_spin_without_end_is_a_livelock_that_names_its_loop(strategy: str) -> None:
    def scenario() -> None:
        state = SimpleNamespace(is_ready=False)

        def wait() -> None:
            while not state.is_ready:
                pass

        run(wait, lambda: None, names=("spinner", "other"))

    failure = failing(scenario, "livelock", "'spinner' repeats line", strategy=strategy, steps=20_000)
    assert "nobody is left to change what it reads" in failure.message
    assert failure.outcome.where is not None
    assert failure.outcome.where.function.endswith("wait")
    assert "test_probes_progress.py" in failure.message


def test_spin_without_end_costs_bounded_memory() -> None:
    """A search that keeps what it saw at each turn of the loop would fill the memory."""

    def scenario() -> None:
        state = SimpleNamespace(is_ready=False)

        def wait() -> None:
            while not state.is_ready:
                pass

        run(wait, wait)

    tracemalloc.start()
    try:
        result = explore(scenario, strategy="dfs", steps=5_000, stop_on_failure=False, executions=30)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.failures
    assert peak < 100_000_000


def test_two_threads_that_wait_for_each_other_by_spinning() -> None:
    """Nobody is blocked, and nobody gets on."""

    def scenario() -> None:
        is_done = [False, False]

        def work(me: int) -> None:
            while not is_done[1 - me]:
                time.sleep(0.001)
            is_done[me] = True

        run(lambda: work(0), lambda: work(1))

    failing(scenario, "livelock", "scenario.<locals>.work", strategy="dfs", steps=20_000)


def test_two_polite_threads_get_past_each_other_where_scheduled_fairly() -> None:
    """Each gives way to the other for as long as both move in step."""

    def scenario() -> None:
        wants = [False, False]

        def work(me: int) -> None:
            while True:
                wants[me] = True
                if not wants[1 - me]:
                    break
                wants[me] = False
            wants[me] = False

        run(lambda: work(0), lambda: work(1))

    holding(scenario, strategy="random", executions=50)


def test_spinning_until_another_thread_acts_is_no_livelock() -> None:
    def scenario() -> None:
        state = SimpleNamespace(is_ready=False)

        def wait() -> None:
            while not state.is_ready:
                pass

        def act() -> None:
            state.is_ready = True

        run(wait, act)

    holding(scenario, executions=50)


def test_livelock_replays_under_the_bound_it_was_found_with() -> None:
    def scenario() -> None:
        state = SimpleNamespace(is_ready=False)

        def wait() -> None:
            while not state.is_ready:
                pass

        run(wait)

    failing(scenario, "livelock", steps=500)


def test_retry_by_trylock_livelocks_in_some_order_only() -> None:
    def scenario() -> None:
        first, second = threading.Lock(), threading.Lock()

        def both(one: threading.Lock, other: threading.Lock) -> None:
            while True:
                with one:
                    if other.acquire(blocking=False):
                        other.release()
                        return

        run(lambda: both(first, second), lambda: both(second, first))

    holding(scenario, strategy="random", executions=100)


def test_busy_loop_that_never_touches_anything_shared_ends_the_search_of_nobody_else() -> None:
    def scenario() -> None:
        total = 0
        for number in range(3_000):
            total += number
        done: list[int] = []
        run(lambda: done.append(1), lambda: done.append(2))
        assert len(done) == 2

    proven(scenario)


def test_loop_that_waits_for_the_clock_ends() -> None:
    def scenario() -> None:
        def wait() -> None:
            deadline = time.monotonic() + 5.0
            while time.monotonic() < deadline:
                pass

        run(wait, wait)

    holding(scenario, executions=30, steps=20_000)
