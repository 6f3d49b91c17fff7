"""What a search may claim, what it must notice, and how few executions it needs."""

from __future__ import annotations

import itertools
import queue
import random
import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest

import interleave
from tests.peers.answers import explore, failing, holding, proven, run

# -- narrow windows -------------------------------------------------------------------------------------------


def long_threads() -> None:
    """Two threads of twenty iterations; one of them may lose an update in one place only."""
    state = SimpleNamespace(total=0)

    def work() -> None:
        own = SimpleNamespace(tick=0)
        for number in range(20):
            own.tick += 1
            if number == 10:
                seen = state.total
                state.total = seen + 1

    run(work, work)
    assert state.total == 2, "update lost"


@pytest.mark.parametrize(("strategy", "seeds"), [("dfs", 1), ("pct", 2), ("auto", 1), ("surw", 2), ("dpor", 1)])
def test_window_of_one_operation_in_long_threads(strategy: str, seeds: int) -> None:
    for seed in range(seeds):
        failure = failing(long_threads, "assertion", "update lost", strategy=strategy, seed=seed)
        assert failure.preemptions == 1


def test_bug_that_needs_two_preemptions() -> None:
    def scenario() -> None:
        state = SimpleNamespace(x=0, y=0)

        def one() -> None:
            state.x = 1
            assert state.y == 0, "met half-way"
            state.x = 0

        def other() -> None:
            if state.x == 1:
                state.y = 1
            state.y = 0

        run(one, other)

    assert failing(scenario, "assertion", "met half-way").preemptions == 2
    result = proven(scenario, strategy="dfs", preemptions=1)
    assert "1 preemption" in result.scope


# -- claims ---------------------------------------------------------------------------------------------------


def many_orders() -> None:
    """2,520 classes of equivalent schedules: four threads with two locked sections each."""
    lock, log = threading.Lock(), list[int]()

    def work(me: int) -> None:
        for _ in range(2):
            with lock:
                log.append(me)

    run(*(lambda me=me: work(me) for me in range(4)))
    assert sorted(log) == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("strategy", ["auto", "dfs", "dpor", "pct", "random", "pos", "surw"])
def test_truncated_search_is_never_a_proof(strategy: str) -> None:
    result = explore(many_orders, executions=20, strategy=strategy)
    assert (result.verdict, result.exhausted, result.stopped_by, result.scope) == ("passed", False, "executions", "")
    assert result.executions == 20


def test_search_cut_by_the_clock_is_never_a_proof() -> None:
    result = interleave.explore(many_orders, strategy="dpor", budget=interleave.Budget(executions=None, seconds=0.05))
    assert (result.verdict, result.exhausted, result.stopped_by) == ("passed", False, "seconds")


def test_sampling_is_never_a_proof() -> None:
    """Even where every schedule happens to have been met."""

    def scenario() -> None:
        run(lambda: None)

    for strategy in ("random", "pct", "pos", "surw"):
        result = explore(scenario, strategy=strategy, executions=10)
        assert (result.verdict, result.exhausted) == ("passed", False)


# -- nondeterminism -------------------------------------------------------------------------------------------

RUNS = itertools.count()
SEEN: list[int] = []


def keeps_a_counter() -> None:
    state = SimpleNamespace(v=0)

    def add() -> None:
        if next(RUNS) % 3 == 0:
            state.v += 1
        state.v += 1

    run(add, add)


def remembers_the_last_run() -> None:
    SEEN.append(1)
    state = SimpleNamespace(v=0)

    def add() -> None:
        for _ in SEEN:
            state.v += 1

    run(add, add)


@pytest.mark.parametrize("scenario", [keeps_a_counter, remembers_the_last_run], ids=lambda one: one.__name__)
@pytest.mark.parametrize("strategy", ["auto", "random", "dpor"])
def test_state_kept_between_executions_is_told(scenario: Callable[[], None], strategy: str) -> None:
    result = explore(scenario, strategy=strategy, executions=50)
    assert result.verdict == "failed"
    failure = result.failures[0]
    assert failure.kind == "nondeterminism", failure.message
    assert "test_probes_search.py" in failure.message
    assert "step" in failure.message
    assert failure.outcome.where is not None


def test_random_numbers_are_pinned() -> None:
    def scenario() -> None:
        state = SimpleNamespace(v=0)

        def add() -> None:
            for _ in range(random.randrange(1, 6)):
                state.v += 1

        run(add, add)

    holding(scenario, executions=50)


def test_failure_that_does_not_come_again_is_not_reported_as_what_it_seemed() -> None:
    runs = itertools.count()

    def scenario() -> None:
        state = SimpleNamespace(v=0)

        def add() -> None:
            state.v += 1

        run(add, add)
        assert next(runs) != 5, "only once"

    result = explore(scenario, strategy="random")
    assert [failure.kind for failure in result.failures] == ["nondeterminism"]
    assert "only once" in result.failures[0].message


# -- executions against classes of equivalent schedules -------------------------------------------------------


def increments(threads: int, times: int) -> Callable[[], None]:
    def scenario() -> None:
        state = SimpleNamespace(v=0)

        def add() -> None:
            for _ in range(times):
                state.v += 1

        run(*[add] * threads)

    return scenario


def last_zero(size: int) -> Callable[[], None]:
    """One thread looks for the last zero of a list whose elements others fill in."""

    def scenario() -> None:
        items = [0] * (size + 1)

        def fill(index: int) -> None:
            items[index] = items[index - 1] + 1

        def search() -> None:
            index = size
            while items[index] != 0:
                index -= 1

        run(search, *(lambda index=index: fill(index) for index in range(1, size + 1)))

    return scenario


def locked_sections(threads: int) -> Callable[[], None]:
    def scenario() -> None:
        lock, state = threading.Lock(), SimpleNamespace(v=0)

        def add() -> None:
            with lock:
                state.v += 1

        run(*[add] * threads)

    return scenario


def appends() -> None:
    items: list[int] = []
    run(lambda: items.append(1), lambda: items.append(2))


def different_items() -> None:
    items = [0, 0]

    def add(index: int) -> None:
        items[index] += 1

    run(lambda: add(0), lambda: add(1))


def puts() -> None:
    items: queue.Queue[int] = queue.Queue()
    run(lambda: items.put(1), lambda: items.put(2))


CLASSES: dict[str, tuple[Callable[[], None], int]] = {
    "2 threads, 1 increment": (increments(2, 1), 4),
    "2 threads, 2 increments": (increments(2, 2), 34),
    "3 threads, 1 increment": (increments(3, 1), 36),
    "2 threads, 3 increments": (increments(2, 3), 328),
    "last zero of 3": (last_zero(3), 12),
    "3 threads, 1 locked increment": (locked_sections(3), 6),
    "2 appends": (appends, 2),
    "2 different items": (different_items, 1),
    "2 puts": (puts, 2),
}


@pytest.mark.parametrize("program", CLASSES)
def test_reduction_runs_each_class_once(program: str) -> None:
    scenario, classes = CLASSES[program]
    result = proven(scenario, strategy="dpor", executions=1_000)
    assert result.executions == classes
    assert result.statistics.redundant == 0


def test_reduction_of_a_large_program() -> None:
    assert proven(many_orders, strategy="dpor", executions=3_000).executions == 2_520
