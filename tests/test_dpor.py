"""Optimal DPOR on the simulated machine: published numbers of executions, and the traps that implementations fall into.

Every program here is also run by the brute-force reference: the search must make one execution of each class, none twice.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from interleave.errors import InternalError, ReplayMismatch
from interleave.model import Point, Trace
from interleave.strategies.dpor import Dpor
from tests.brute_force import Canon, enumerate_classes
from tests.simulation import Body, Instruction, Machine, Program, Run, explore

Maker = Callable[[], Body]


def steps(*instructions: Instruction) -> Maker:
    """Make a thread that does these one after another and returns what was answered."""

    def body() -> Body:
        answers = []
        for instruction in instructions:
            answers.append((yield instruction))
        return tuple(answers)

    return body


def parallel(*threads: Maker, own: Maker | None = None, **limits: dict[str, int]) -> Program:
    """Make a program that starts the threads, does what is its own, and joins them."""

    def main() -> Body:
        tids = []
        for thread in threads:
            tids.append((yield "spawn", thread))
        result = (yield from own()) if own else None
        for tid in tids:
            yield "join", tid
        return result

    return Program(main, **limits)


def read(name: str) -> Instruction:
    return "read", name


def write(name: str, value: int = 1) -> Instruction:
    return "write", name, value


def locked(lock: str, *instructions: Instruction) -> tuple[Instruction, ...]:
    return ("acquire", lock), *instructions, ("release", lock)


def reader_of(name: str, *, when: str) -> Maker:
    """Make a thread that reads a variable if another one is set."""

    def body() -> Body:
        if (yield read(when)):
            return (yield read(name))
        return None

    return body


def assert_exact(program: Program, executions: int) -> list[Run]:
    """Check that the search makes one execution of each class of the program, and how many there are."""
    classes = enumerate_classes(program)
    assert classes is not None
    strategy = Dpor()
    runs = explore(program, strategy)
    canon = Canon()
    found = [canon.of(run.trace) for run in runs]
    assert set(found) == {canon.of(run.trace) for run in classes.values()}
    assert len(found) == len(classes)
    assert strategy.redundant == 0
    assert {run.outcome for run in runs} == {run.outcome for run in classes.values()}
    assert len(classes) == executions
    return runs


# -- published numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("readers", "executions"), [(1, 2), (2, 4), (3, 8), (5, 32)])
def test_readers(readers: int, executions: int) -> None:
    assert_exact(parallel(steps(write("x")), *[steps(read("x"))] * readers), executions)


def lastzero(size: int) -> Program:
    def find() -> Body:
        index = size
        while (yield read(f"a{index}")) != 0:
            index -= 1
        return index

    def fill(index: int) -> Maker:
        def body() -> Body:
            value = yield read(f"a{index - 1}")
            yield write(f"a{index}", value + 1)

        return body

    return parallel(find, *(fill(index) for index in range(1, size + 1)))


@pytest.mark.parametrize(("size", "executions"), [(1, 2), (2, 5), (3, 12), (4, 28)])
def test_lastzero(size: int, executions: int) -> None:
    assert_exact(lastzero(size), executions)


def test_lastzero_of_eight() -> None:
    strategy = Dpor()
    assert len(explore(lastzero(8), strategy)) == 704
    assert strategy.redundant == 0


class Weighed(Dpor):
    """DPOR, with the size of what it keeps between executions noted: that of a pickle, which is the same on all machines."""

    def __init__(self) -> None:
        super().__init__()
        self.executions = self.depth = self.peak = 0

    def end(self, trace: Trace) -> None:
        super().end(trace)
        self.executions += 1
        self.depth = max(self.depth, len(trace.events))
        if self.executions % 12 == 0:
            self._pending = ()
            self.peak = max(self.peak, len(pickle.dumps(self)))


def test_memory_grows_with_the_depth_and_not_with_the_executions() -> None:
    few, many = Weighed(), Weighed()
    for threads, strategy in ((4, few), (6, many)):
        explore(parallel(*[steps(*locked("l", read("x"), write("x")))] * threads), strategy)
    assert many.executions == 30 * few.executions
    assert many.peak * few.depth < 1.3 * few.peak * many.depth


def test_wakeup_trees_stay_small() -> None:
    strategy = Weighed()
    explore(lastzero(8), strategy)
    # Where its trees held a branch for each event of whole executions it was 90,000.
    assert strategy.peak < 30_000


@pytest.mark.parametrize(("threads", "executions"), [(2, 2), (3, 6), (4, 24)])
def test_locks_are_not_explored_inside(threads: int, executions: int) -> None:
    assert_exact(parallel(*[steps(*locked("l", read("x"), write("x")))] * threads), executions)


@pytest.mark.parametrize(("sections", "executions"), [(1, 2), (2, 6), (3, 20)])
def test_lock_sections(sections: int, executions: int) -> None:
    assert_exact(parallel(*[steps(*locked("l", write("x")) * sections)] * 2), executions)


def test_lock_against_plain_write() -> None:
    under_lock = steps(*locked("l", write("x", 1))), steps(*locked("l", write("x", 2), read("x")))
    assert_exact(parallel(steps(write("x", 42)), *under_lock), 8)


@pytest.mark.parametrize("length", [1, 40])
def test_private_steps_cost_nothing(length: int) -> None:
    threads = [steps(*[write(name), read(name)] * length, write("v"), read("v")) for name in "ab"]
    strategy = Dpor()
    assert len(explore(parallel(*threads), strategy)) == 4
    assert strategy.redundant == 0


WRITERS = steps(write("x", 1)), steps(write("x", 2))
PUBLISHED = {
    "two writers, two readers": ((*WRITERS, *[steps(read("y"), read("x"))] * 2), 18),
    "difficult readers": (
        (
            steps(write("l1"), write("x", 1)),
            steps(write("l2"), write("x", 2)),
            steps(write("l3"), read("x")),
            steps(write("l4"), read("x")),
        ),
        18,
    ),
    "sleeping races 1": ((steps(write("y")), steps(write("x")), reader_of("y", when="x")), 3),
    "sleeping races 3": ((steps(write("y")), steps(write("x")), steps(read("x")), reader_of("y", when="x")), 6),
    "sleeping races 4": (
        (steps(write("y")), steps(write("x")), steps(read("x")), reader_of("y", when="x"), steps(read("y"))),
        12,
    ),
    "different dependencies": (
        (*(steps(write(name)) for name in "xyz"), reader_of("x", when="z"), reader_of("x", when="y")),
        9,
    ),
    "hairbrush": ((steps(*[write("x")] * 3), steps(*[read("x")] * 3)), 20),
    "coherence": ((steps(write("x")), steps(write("x")), steps(read("x"), read("x"))), 12),
    "two writers, one reader each": (tuple(steps(write("x", tid), read("x")) for tid in range(2)), 4),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published(name: str) -> None:
    threads, executions = PUBLISHED[name]
    assert_exact(parallel(*threads), executions)


# -- operations that block --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [2, 3, 4])
def test_every_thread_gets_the_lock_that_nobody_releases(threads: int) -> None:
    runs = assert_exact(parallel(*[steps(("acquire", "l"))] * threads), threads)
    assert all(run.is_deadlock for run in runs)


@pytest.mark.parametrize(("size", "executions"), [(2, 3), (3, 7)])
def test_philosophers(size: int, executions: int) -> None:
    threads = [steps(*locked(f"f{(seat + 1) % size}", *locked(f"f{seat}"))) for seat in range(size)]
    runs = assert_exact(parallel(*threads), executions)
    assert sum(run.is_deadlock for run in runs) == 1


def test_deadlock_met_last_hides_nothing() -> None:
    """Two threads are left waiting for different locks; each must be tried before those that took them."""
    inner = steps(*locked("m", *locked("l")))
    assert_exact(parallel(inner, steps(("acquire", "l")), own=steps(("acquire", "m"))), 3)


@pytest.mark.parametrize(("threads", "executions"), [(1, 3), (2, 16)])
def test_try_against_acquire(threads: int, executions: int) -> None:
    def attempt() -> Body:
        if (yield "try", "l"):
            yield from steps(read("x"), write("x"), ("release", "l"))()

    assert_exact(parallel(*[attempt] * threads, own=steps(*locked("l", read("x"), write("x")))), executions)


def test_queue_keeps_producers_and_consumers_apart() -> None:
    program = parallel(steps(("put", "q", 1), ("put", "q", 2)), steps(("get", "q"), ("get", "q")))
    assert_exact(program, 2)


def test_bounded_queue() -> None:
    """The last put waits for a get, and what it races with is the put before that: before the get there was no room."""
    program = parallel(steps(("get", "q")), steps(read("x"), ("put", "q", 1)), steps(("put", "q", 2)), capacities={"q": 1})
    runs = assert_exact(program, 2)
    assert {run.outcome[0][1][1] for run in runs} == {(1,), (2,)}


def test_semaphore_lets_two_in() -> None:
    inside = steps(("down", "s"), read("x"), write("x"), ("up", "s"))
    assert_exact(parallel(inside, inside, permits={"s": 2}), 18)


def test_lost_wakeup_is_one_of_two_classes() -> None:
    waiter = steps(*locked("l", ("wait", "c", "l")))
    runs = assert_exact(parallel(waiter, steps(*locked("l", ("notify", "c")))), 2)
    assert sorted(run.is_deadlock for run in runs) == [False, True]


def test_event_set_before_and_after_waiting() -> None:
    runs = assert_exact(parallel(steps(("await", "e"), read("x")), steps(write("x"), ("set", "e"))), 2)
    assert not any(run.is_deadlock for run in runs)


def test_time_passes_only_when_nothing_else_can_go_on() -> None:
    sleeper = steps(("sleep", 1), read("x"))
    runs = explore(parallel(sleeper, steps(write("x"), read("y")), own=steps(write("y"))), Dpor())
    assert len(runs) == 2
    assert {run.outcome[0][1] for run in runs} == {((0, 0), (None, 1))}


# -- threads and values -----------------------------------------------------------------------------------------------


def test_threads_are_known_by_path_and_not_by_tid() -> None:
    """Two threads spawn one each: which of the two gets the lower tid differs from execution to execution."""

    def parent(name: str) -> Maker:
        def body() -> Body:
            yield read("x")
            child = yield "spawn", steps(write("x"), write(name))
            yield "join", child

        return body

    program = parallel(parent("a"), parent("b"))
    runs = assert_exact(program, 4)
    assert len({tuple(info.path for info in run.trace.threads) for run in runs}) == 2


def test_spawn_and_join_order() -> None:
    """What is done before a spawn and after a join is in no race."""

    def main() -> Body:
        yield write("x", 1)
        child = yield "spawn", steps(read("x"), write("x", 2))
        yield "join", child
        return (yield read("x"))

    (run,) = assert_exact(Program(main), 1)
    assert run.outcome[0][0] == ((0,), 2)


def test_all_values_are_chosen() -> None:
    runs = assert_exact(parallel(steps(("choose", 3), ("choose", 2))), 6)
    assert {run.outcome[0][1][1] for run in runs} == {(one, two) for one in range(3) for two in range(2)}


def test_values_multiply_with_orders() -> None:
    assert_exact(parallel(steps(("choose", 3), write("x")), steps(("choose", 2), read("x"))), 12)


def test_value_decides_what_conflicts() -> None:
    def chooser() -> Body:
        if (yield "choose", 2):
            yield write("x")

    assert_exact(parallel(chooser, steps(read("x"), read("x"))), 4)


def test_daemons_are_followed_to_where_they_block() -> None:
    """The scenario could end at once; what its daemon might do until then is explored all the same."""

    def main() -> Body:
        yield "daemon", steps(write("x", 1), write("x", 2), ("get", "q"))
        return (yield read("x"))

    strategy = Dpor()
    runs = explore(Program(main), strategy)
    assert sorted(run.outcome[0][0][1] for run in runs) == [0, 1, 2]
    assert strategy.scope == "every schedule"


def test_endless_daemon_is_cut_and_that_is_said() -> None:
    def endless() -> Body:
        while True:
            yield ("yield",)

    def main() -> Body:
        yield "daemon", endless
        return (yield read("x"))

    strategy = Dpor()
    assert len(explore(Program(main), strategy)) == 1
    assert "at most" in strategy.scope


# -- the reference, and the contract ----------------------------------------------------------------------------------


def test_reference_may_merge_prefixes() -> None:
    program = parallel(steps(*locked("l", write("x"))), steps(read("x"), *locked("l")))
    merged, plain = enumerate_classes(program), enumerate_classes(program, merge=False)
    assert merged is not None
    assert plain is not None
    assert len(merged) == len(plain) == 3
    assert {run.outcome for run in merged.values()} == {run.outcome for run in plain.values()}


def test_search_is_deterministic() -> None:
    first, second = (explore(lastzero(3), Dpor()) for _ in range(2))
    assert [run.trace.events for run in first] == [run.trace.events for run in second]


@pytest.mark.parametrize(("other", "step"), [(parallel(), 1), (parallel(steps(write("x")), steps(read("x"), write("x"))), 5)])
def test_program_that_changes_is_noticed(other: Program, step: int) -> None:
    strategy = Dpor()
    assert strategy.begin()
    Machine(parallel(steps(write("x")), steps(write("x"), write("x"))), strategy).run()
    assert strategy.begin()
    with pytest.raises(ReplayMismatch, match=f"at step {step},") as mismatch:
        Machine(other, strategy).run()
    assert mismatch.value.step == step


def test_kernel_that_hides_events_is_noticed() -> None:
    class Forgetful(Dpor):
        def choose(self, point: Point) -> int:
            return point.default if len(point.events) == 2 else super().choose(point)

    strategy: Any = Forgetful()
    assert strategy.begin()
    with pytest.raises(InternalError, match="announced to the strategy"):
        Machine(parallel(steps(write("x"))), strategy).run()
