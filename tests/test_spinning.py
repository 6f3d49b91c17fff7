"""Loops that wait by looking again and again: searches end, find every outcome, and no bounded loop is taken for one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from interleave import Budget, explore
from tests.threads import together

#: Turns of a loop in the programs that give up; enough to see every state of the other threads.
TURNS = 3


class GivesUpError(Exception):
    """Ends an execution in which a thread spun for so long that it is left out of the comparison."""


#: A program is made from the way in which it waits, and returns its outcome.
Wait = Callable[[Callable[[], bool]], None]


def peterson(*, is_wrong: bool, spins: bool) -> Callable[[], object]:
    def program() -> object:
        wants = [False, False]
        state = SimpleNamespace(turn=0, total=0)

        def enter(me: int) -> None:
            other = 1 - me
            if is_wrong:
                state.turn = other
                wants[me] = True
            else:
                wants[me] = True
                state.turn = other
            if spins:
                while wants[other] and state.turn == other:
                    pass
            else:
                for _ in range(TURNS):
                    if not (wants[other] and state.turn == other):
                        break
                else:
                    raise GivesUpError
            total = state.total
            state.total = total + 1
            wants[me] = False

        together(lambda: enter(0), lambda: enter(1))
        return state.total

    return program


def two_flags(*, spins: bool) -> Callable[[], object]:
    def program() -> object:
        state = SimpleNamespace(one=False, two=False, seen=())

        def look() -> None:
            if spins:
                while not state.one:
                    pass
            else:
                for _ in range(TURNS):
                    if state.one:
                        break
                else:
                    raise GivesUpError
            state.seen = (state.two,)

        def tell() -> None:
            state.one = True
            state.two = True
            state.one = False
            state.one = True

        together(look, tell)
        return state.seen

    return program


def ping_pong(*, spins: bool) -> Callable[[], object]:
    def program() -> object:
        state = SimpleNamespace(turn=0, log=())

        def play(me: int) -> None:
            for _ in range(2):
                if spins:
                    rally(state, me)
                else:
                    for _ in range(TURNS):
                        if state.turn == me:
                            break
                    else:
                        raise GivesUpError
                state.log += (me,)
                state.turn = 1 - me

        together(lambda: play(0), lambda: play(1))
        return state.log

    return program


def rally(state: Any, me: int) -> None:
    """Wait for one's turn; a function of its own, because a loop in a `for` loop is not taken for one that only waits."""
    while state.turn != me:
        pass


def spin_lock(*, spins: bool) -> Callable[[], object]:
    def program() -> object:
        lock = threading.Lock()
        state = SimpleNamespace(order=())

        def enter(me: int) -> None:
            if spins:
                while not lock.acquire(blocking=False):
                    pass
            else:
                for _ in range(TURNS):
                    if lock.acquire(blocking=False):
                        break
                else:
                    raise GivesUpError
            state.order += (me,)
            lock.release()

        together(lambda: enter(0), lambda: enter(1))
        return state.order

    return program


def sequence_lock(*, is_wrong: bool, spins: bool) -> Callable[[], object]:
    """A reader that begins anew by `continue` while a writer is at it, and at the end if one has been."""

    def program() -> object:
        state = SimpleNamespace(number=0, one=0, two=0, seen=())

        def read() -> None:
            for _ in range(TURNS + 1):
                number = state.number
                if number % 2:
                    continue
                one = state.one
                two = state.two
                if state.number == number or is_wrong:
                    break
            else:
                raise GivesUpError
            state.seen = one, two

        def look() -> None:
            while True:
                number = state.number
                if number % 2:
                    continue
                one = state.one
                two = state.two
                if state.number == number or is_wrong:
                    break
            state.seen = one, two

        def write() -> None:
            state.number += 1
            state.one = 1
            state.two = 1
            state.number += 1

        together(look if spins else read, write)
        return state.seen

    return program


def two_waits(*, spins: bool) -> Callable[[], object]:
    """A loop that waits, in another one."""

    def program() -> object:
        state = SimpleNamespace(one=False, two=0, seen=())

        def look() -> None:
            if spins:
                while True:
                    while not state.one:
                        pass
                    if state.two:
                        break
            else:
                for _ in range(2 * TURNS):
                    if state.one and state.two:
                        break
                else:
                    raise GivesUpError
            state.seen = (state.two,)

        def tell() -> None:
            state.one = True
            state.two = 1
            state.two = 2

        together(look, tell)
        return state.seen

    return program


def filling(*, spins: bool) -> Callable[[], object]:
    def program() -> object:
        found: list[int] = []
        state = SimpleNamespace(seen=())

        def look() -> None:
            if spins:
                while len(found) < 2:
                    pass
            else:
                for _ in range(TURNS):
                    if len(found) >= 2:
                        break
                else:
                    raise GivesUpError
            state.seen = tuple(found)

        def fill() -> None:
            found.append(1)
            found.append(2)
            found.append(3)

        together(look, fill)
        return state.seen

    return program


PROGRAMS: dict[str, Callable[..., Callable[[], object]]] = {
    "peterson": lambda spins: peterson(is_wrong=False, spins=spins),
    "peterson the wrong way round": lambda spins: peterson(is_wrong=True, spins=spins),
    "two flags": lambda spins: two_flags(spins=spins),
    "ping pong": lambda spins: ping_pong(spins=spins),
    "spin lock": lambda spins: spin_lock(spins=spins),
    "sequence lock": lambda spins: sequence_lock(is_wrong=False, spins=spins),
    "sequence lock that looks once": lambda spins: sequence_lock(is_wrong=True, spins=spins),
    "two waits": lambda spins: two_waits(spins=spins),
    "filling": lambda spins: filling(spins=spins),
}
#: How many outcomes they have.
OUTCOMES = (1, 2, 2, 1, 2, 2, 4, 2, 2)


def outcomes(program: Callable[[], object], strategy: str, executions: int | None = None) -> set[object]:
    """Return what a program comes to under all schedules, those left out in which a thread gives up."""
    seen: set[object] = set()

    def scenario() -> None:
        caught: list[object] = []
        hook = threading.excepthook
        threading.excepthook = caught.append
        try:
            outcome = program()
        finally:
            threading.excepthook = hook
        if not caught:
            seen.add(outcome)

    result = explore(scenario, strategy=strategy, budget=Budget(executions=executions))
    assert result.failures == (), result.failures[0].report()
    assert result.exhausted
    assert result.statistics.redundant == 0
    return seen


@pytest.mark.parametrize(("name", "number"), list(zip(PROGRAMS, OUTCOMES, strict=True)))
def test_every_outcome_is_found(name: str, number: int) -> None:
    """The reference spins a few times at most, and every schedule of it is run."""
    found = outcomes(PROGRAMS[name](spins=True), "dpor")
    assert found == outcomes(PROGRAMS[name](spins=False), "dpor")
    assert len(found) == number


@pytest.mark.parametrize("strategy", ["dfs", "dpor"])
def test_a_flag_gives_two_classes_and_a_proof(strategy: str) -> None:
    state = SimpleNamespace()

    def scenario() -> None:
        state.flag = False
        state.seen = []

        def wait() -> None:
            while not state.flag:
                pass
            state.seen.append(1)

        def tell() -> None:
            state.flag = True

        together(wait, tell)
        assert state.seen == [1]

    result = explore(scenario, strategy=strategy)
    assert result.verdict == "proven"
    if strategy == "dpor":
        assert result.executions == 3, "before the first look, between the first and the second, and after both"


@pytest.mark.parametrize("strategy", ["dfs", "dpor", "random", "pct", "pos", "surw", "auto"])
def test_polling_an_event_ends(strategy: str) -> None:
    def scenario() -> None:
        event = threading.Event()
        state = SimpleNamespace(value=0)

        def wait() -> None:
            while not event.is_set():
                time.sleep(0.01)
            assert state.value == 1

        def tell() -> None:
            time.sleep(1.0)
            state.value = 1
            event.set()

        together(wait, wait, tell)

    result = explore(scenario, strategy=strategy, budget=Budget(executions=200))
    assert not result.failures
    assert result.statistics.longest < 100


def test_a_bounded_loop_goes_on_when_it_has_looked_often_enough() -> None:
    seen = set()

    def scenario() -> None:
        state = SimpleNamespace(flag=False, result=None)

        def look() -> None:
            for _ in [None] * 4:
                while not state.flag:
                    break
            state.result = state.flag

        def tell() -> None:
            state.flag = True

        together(look, tell)
        seen.add(state.result)

    assert explore(scenario, strategy="dpor").verdict == "proven"
    assert seen == {False, True}


def test_a_loop_that_counts_is_bounded_by_its_count() -> None:
    seen = set()

    def scenario() -> None:
        state = SimpleNamespace(flag=False, result=None)

        def look() -> None:
            left = 4
            while not state.flag and left:
                left = left - 1
            state.result = left

        def tell() -> None:
            state.flag = True

        together(look, tell)
        seen.add(state.result)

    assert explore(scenario, strategy="dpor").verdict == "proven"
    assert seen == {0, 1, 2, 3, 4}


def test_draining_a_semaphore_is_no_waiting() -> None:
    seen = set()

    def scenario() -> None:
        permits = threading.Semaphore(3)
        state = SimpleNamespace(is_drained=False)

        def drain() -> None:
            while permits.acquire(blocking=False):
                pass
            state.is_drained = True

        together(drain, permits.release)
        seen.add((permits._value, state.is_drained))

    assert explore(scenario, strategy="dpor").verdict == "proven"
    assert seen == {(0, True), (1, True)}


def test_a_lock_that_becomes_held_by_an_attempt_is_seen() -> None:
    def scenario() -> None:
        lock = threading.Lock()

        def look() -> None:
            while not lock.locked():
                pass
            lock.release()

        def take() -> None:
            assert lock.acquire(blocking=False)

        together(look, take)
        assert not lock.locked()

    assert explore(scenario, strategy="dpor").verdict == "proven"


def test_three_spin_locks_are_proven() -> None:
    def scenario() -> None:
        lock = threading.Lock()
        state = SimpleNamespace(total=0)

        def add() -> None:
            while not lock.acquire(blocking=False):
                pass
            state.total += 1
            lock.release()

        together(add, add, add)
        assert state.total == 3

    result = explore(scenario, strategy="dpor", budget=Budget(executions=None))
    assert result.verdict == "proven"
    assert result.statistics.redundant == 0


@pytest.mark.parametrize("strategy", ["dfs", "dpor", "random", "pct", "pos", "surw", "auto"])
def test_waiting_for_what_never_comes_is_a_livelock(strategy: str) -> None:
    def scenario() -> None:
        state = SimpleNamespace(flag=False)

        def wait() -> None:
            while not state.flag:
                pass

        together(wait, lambda: None)

    failure = explore(scenario, strategy=strategy).failure
    assert failure is not None
    assert failure.kind == "livelock"
    assert failure.outcome.where is not None
    assert failure.outcome.where.function.endswith("wait")
    assert failure.trace.moments < 200, "seen as soon as nobody is left to change the flag"


def test_an_unfair_search_calls_nothing_a_livelock() -> None:
    """The loop is none that only waits, so a search may go round for ever while the other thread could go on."""

    def scenario() -> None:
        state = SimpleNamespace(flag=False)
        seen: list[int] = []

        def wait() -> None:
            while not state.flag:
                seen.append(1)

        def tell() -> None:
            state.flag = True

        together(wait, tell)

    for strategy in ("dpor", "dfs", "auto"):
        result = explore(scenario, strategy=strategy, budget=Budget(executions=5, steps=2_000))
        assert result.verdict == "passed", result.failures[0].report()
