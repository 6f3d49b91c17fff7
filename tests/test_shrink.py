"""Simplification on a synthetic machine: what comes out is as simple as it can be, and nothing is run too often."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from interleave.model import Deviation, Schedule, Trace
from interleave.shrink import complexity, simplify
from interleave.strategies.dfs import Dfs
from interleave.strategies.few import Few
from interleave.strategies.random import RandomWalk
from interleave.strategies.replay import Replay
from tests.synthetic import Announcement, Machine, Program, Thread, acquire, increments, path_of, release

Maker = Callable[[], Program]


class Lab:
    """Finds a failing trace of a program, and runs what the simplifier asks for."""

    def __init__(self, make_program: Maker, *, seed: int = 0) -> None:
        self.machine = Machine(make_program)
        self.runs = 0
        self.searched = 0
        found = self.machine.explore(RandomWalk(seed=seed), limit=1)
        while found[-1].outcome is None:
            seed += 1_000
            found = self.machine.explore(RandomWalk(seed=seed), limit=1)
        self.trace = found[-1]
        assert self.trace.outcome is not None
        self.signature = self.trace.outcome.signature

    def run(self, schedule: Schedule) -> Trace | None:
        self.runs += 1
        return self.same(self.machine.explore(Replay(schedule, strict=False))[0])

    def search(self, preemptions: int) -> Iterator[Trace | None]:
        return self._found_by(Dfs(preemptions=preemptions))

    def sample(self, most: Callable[[], int]) -> Iterator[Trace | None]:
        return self._found_by(Few(most))

    def _found_by(self, strategy: Dfs | Few) -> Iterator[Trace | None]:
        while strategy.begin():
            self.searched += 1
            trace = self.machine.execute(strategy)
            yield self.same(trace)
            strategy.end(trace)

    def same(self, trace: Trace) -> Trace | None:
        return trace if trace.outcome is not None and trace.outcome.signature == self.signature else None

    def all_failing(self) -> list[Trace]:
        return [trace for trace in self.machine.explore(Dfs(), limit=50_000) if self.same(trace) is not None]


def handshake() -> Program:
    """Make a program that fails only where thread 0 is preempted and then preempts thread 1 in turn."""
    state = {"x": 0, "seen": 0}

    def first() -> Thread:
        for _ in range(3):
            yield Announcement("step")
        state["x"] = 1
        yield Announcement("step")
        assert state["x"] != 2 or state["seen"] == 3, "interrupted"
        yield Announcement("step")

    def second() -> Thread:
        for _ in range(2):
            yield Announcement("step")
        if state["x"] == 1:
            state["x"] = 2
        for _ in range(2):
            yield Announcement("step")
            state["seen"] += 1
        state["seen"] = 3
        yield Announcement("step")

    return Program([first(), second()])


def locks() -> Program:
    """Make a program that can deadlock, with work around the locks."""
    held: dict[str, bool] = {}

    def thread(first: str, second: str) -> Thread:
        for _ in range(5):
            yield Announcement("step")
        for name in (first, second):
            yield from acquire(held, name)
        for name in (second, first):
            yield from release(held, name)
        for _ in range(5):
            yield Announcement("step")

    return Program([thread("a", "b"), thread("b", "a"), thread("a", "b")])


def retries() -> Program:
    """Make a program that takes more steps the more often thread 1 was late, and fails if it was late at all."""
    state = {"is_ready": False, "tries": 0}

    def wait() -> Thread:
        while not state["is_ready"] and state["tries"] < 6:
            state["tries"] += 1
            yield Announcement("step")
        assert state["tries"] < 2, "late"

    def prepare() -> Thread:
        for _ in range(4):
            yield Announcement("step")
        state["is_ready"] = True

    return Program([prepare(), wait()])


def dice() -> Program:
    def thread() -> Thread:
        first = yield Announcement("choose", values=6)
        second = yield Announcement("choose", values=6)
        assert first < 3 or second > 4, "too much"

    return Program([thread()])


CASES: dict[str, Maker] = {
    "lost update": increments(2),
    "lost update of 3": increments(3),
    "lost update in long threads": increments(3, 2, padding=8),
    "two preemptions": handshake,
    "deadlock": locks,
    "retries": retries,
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("case", "preemptions", "switches"),
    [
        ("lost update", 1, 2),
        ("lost update of 3", 1, 3),
        ("lost update in long threads", 1, 3),
        ("two preemptions", 2, 2),
        ("deadlock", 1, 2),
        ("retries", 1, 1),
    ],
)
def test_comes_down_to_the_simplest(case: str, preemptions: int, switches: int, seed: int) -> None:
    lab = Lab(CASES[case], seed=seed)
    simple = simplify(lab.trace, lab.run, search=lab.search)
    assert (simple.preemptions, simple.switches) == (preemptions, switches)
    assert lab.same(simple) is simple


@pytest.mark.parametrize("case", ["lost update", "lost update of 3", "two preemptions", "retries"])
def test_is_as_simple_as_any_schedule(case: str) -> None:
    for seed in range(5):
        lab = Lab(CASES[case], seed=seed)
        simple = simplify(lab.trace, lab.run, search=lab.search)
        assert complexity(simple)[:3] == min(complexity(trace)[:3] for trace in lab.all_failing())


@pytest.mark.parametrize("case", CASES)
def test_is_never_worse_without_a_search(case: str) -> None:
    for seed in range(10):
        lab = Lab(CASES[case], seed=seed)
        simple = simplify(lab.trace, lab.run)
        assert complexity(simple) <= complexity(lab.trace)
        assert simple.preemptions <= 2
        assert lab.searched == 0


def test_makes_values_default_or_small() -> None:
    for seed in range(5):
        lab = Lab(dice, seed=seed)
        assert simplify(lab.trace, lab.run).deviations == [Deviation(2, 3)]


@pytest.mark.parametrize("case", CASES)
def test_is_deterministic(case: str) -> None:
    results = []
    for _ in range(2):
        lab = Lab(CASES[case], seed=11)
        simple = simplify(lab.trace, lab.run, search=lab.search)
        results.append((path_of(simple), simple.deviations, lab.runs, lab.searched))
    assert results[0] == results[1]


@pytest.mark.parametrize("limit", [0, 1, 7, 40])
def test_runs_no_more_than_the_limit(limit: int) -> None:
    lab = Lab(CASES["lost update in long threads"])
    simplify(lab.trace, lab.run, limit=limit, search=lab.search, sample=lab.sample)
    assert lab.runs + lab.searched <= limit
    assert limit < 7 or lab.runs > 0


def test_runs_no_schedule_twice() -> None:
    lab = Lab(CASES["lost update in long threads"])
    seen: list[Schedule] = []

    def run(schedule: Schedule) -> Trace | None:
        seen.append(schedule)
        return lab.run(schedule)

    simplify(lab.trace, run)
    assert len(seen) > 10
    assert len(seen) == len(set(seen))


def test_keeps_the_trace_if_nothing_else_fails_the_same_way() -> None:
    lab = Lab(increments(2))
    assert simplify(lab.trace, lambda schedule: None, search=lambda bound: iter([None])) is lab.trace


def test_ignores_a_search_that_finds_nothing_simpler() -> None:
    lab = Lab(CASES["lost update of 3"], seed=2)
    without = simplify(lab.trace, lab.run, limit=250)
    # The whole trace comes back from the search: it must not undo what was achieved.
    assert complexity(simplify(lab.trace, lab.run, limit=500, search=lambda bound: iter([lab.trace]))) == complexity(without)


def test_tries_to_join_stretches_of_a_thread() -> None:
    # Thread 1 runs from 2 to 5 and from 9 to 14, thread 0 between and after.
    trace = Trace(deviations=[Deviation(2, 1), Deviation(5, 0), Deviation(9, 1), Deviation(14, 0)], moments=20)
    tried: list[tuple[Deviation, ...]] = []

    def run(schedule: Schedule) -> None:
        tried.append(schedule.deviations)

    simplify(trace, run)
    # Its first stretch of three comes later: thread 0 is left three moments earlier than before.
    assert (Deviation(6, 1), Deviation(14, 0)) in tried
    # Its second stretch of five comes earlier: thread 1 is left five moments later than before.
    assert (Deviation(2, 1), Deviation(10, 0)) in tried
    # Thread 0's stretch of four joins what it did before 2.
    assert (Deviation(6, 1), Deviation(9, 1), Deviation(14, 0)) in tried
