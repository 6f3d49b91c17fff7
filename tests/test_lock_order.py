"""Lock-order inversions in executions that pass: found, guarded against false alarms, and confirmed by running into the deadlock."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import pytest

from interleave import Budget, Result, explore, replay
from interleave.detectors import lock_order
from interleave.execution import Controls
from interleave.model import Schedule, Trace
from interleave.runner import Runner
from tests.synchronised import together

Program = Callable[[], object]


def explored(program: Program, executions: int = 2) -> Result:
    return explore(program, strategy="random", budget=Budget(executions=executions))


def nested(outer: threading.Lock, inner: threading.Lock) -> Callable[[], None]:
    def body() -> None:
        with outer:
            with inner:
                pass

    return body


def opposite() -> None:
    a, b = threading.Lock(), threading.Lock()
    together(nested(a, b), nested(b, a))


def ring() -> None:
    a, b, c = (threading.RLock() for _ in range(3))
    together(nested(a, b), nested(b, c), nested(c, a))  # type: ignore[arg-type]


def one_thread() -> None:
    a, b = threading.Lock(), threading.Lock()

    def both() -> None:
        nested(a, b)()
        nested(b, a)()

    together(both)


def same_order() -> None:
    a, b = threading.Lock(), threading.Lock()
    together(nested(a, b), nested(a, b))


def gate_lock() -> None:
    gate, a, b = threading.Lock(), threading.Lock(), threading.Lock()

    def guarded(outer: threading.Lock, inner: threading.Lock) -> Callable[[], None]:
        def body() -> None:
            with gate:
                nested(outer, inner)()

        return body

    together(guarded(a, b), guarded(b, a))


def separated_by_join() -> None:
    a, b = threading.Lock(), threading.Lock()
    together(nested(a, b), lambda: None)
    together(nested(b, a), lambda: None)


def separated_by_start() -> None:
    a, b = threading.Lock(), threading.Lock()

    def first() -> None:
        nested(a, b)()
        together(nested(b, a))

    together(first, lambda: None)


def separated_by_event() -> None:
    a, b, done = threading.Lock(), threading.Lock(), threading.Event()

    def first() -> None:
        nested(a, b)()
        done.set()

    def second() -> None:
        done.wait()
        nested(b, a)()

    together(first, second)


def separated_by_queue() -> None:
    a, b, channel = threading.Lock(), threading.Lock(), queue.Queue[int]()

    def first() -> None:
        nested(a, b)()
        channel.put(1)

    def second() -> None:
        channel.get()
        nested(b, a)()

    together(first, second)


def attempts() -> None:
    a, b = threading.Lock(), threading.Lock()

    def polite() -> None:
        with b:
            if a.acquire(blocking=False):
                a.release()

    together(nested(a, b), polite)


def separated_by_a_variable() -> None:
    """A flag under a lock, of which the detector knows nothing: no schedule deadlocks."""
    a, b, guard = threading.Lock(), threading.Lock(), threading.Lock()
    done: list[int] = []

    def first() -> None:
        nested(a, b)()
        with guard:
            done.append(1)

    def second() -> None:
        with guard:
            is_done = bool(done)
        if is_done:
            nested(b, a)()

    together(first, second)


@pytest.mark.parametrize(("program", "length"), [(opposite, 2), (ring, 3)], ids=["opposite", "ring"])
def test_inversion_is_confirmed_by_a_deadlock(program: Program, length: int) -> None:
    result = explore(program, budget=Budget(executions=2))
    (inversion,) = result.inversions
    assert inversion.is_confirmed
    assert len(inversion.steps) == length
    assert len({step.tid for step in inversion.steps}) == length
    assert all(step.outer_at.line < step.inner_at.line for step in inversion.steps)
    failure = result.failure
    assert failure is not None
    assert (failure.kind, failure.executions) == ("deadlock", 1)
    for seed in (failure.seed, inversion.seed):
        again = replay(program, seed).failure
        assert again is not None
        assert again.kind == "deadlock"


@pytest.mark.parametrize(
    "program",
    [one_thread, same_order, gate_lock, separated_by_join, separated_by_start, separated_by_event, separated_by_queue, attempts],
    ids=lambda program: program.__name__,
)
def test_guarded_orders_are_no_inversion(program: Program) -> None:
    result = explored(program, 50)
    assert result.verdict == "passed"
    assert result.inversions == ()
    assert result.statistics.tries == 0


def test_inversion_that_cannot_be_confirmed_says_so() -> None:
    result = explored(separated_by_a_variable, 100)
    assert result.verdict == "passed"
    (inversion,) = result.inversions
    assert not inversion.is_confirmed
    assert 1 <= result.statistics.tries <= 2
    assert replay(separated_by_a_variable, inversion.seed).failure is None


def test_condition_takes_its_lock_again_inside_another() -> None:
    """`wait` gives up the condition's lock only: who takes it again still holds the other."""

    def program() -> None:
        other, ready = threading.Lock(), threading.Condition()

        def waiter() -> None:
            with other:
                with ready:
                    ready.wait(timeout=1)

        def rival() -> None:
            with ready:
                with other:
                    pass

        together(waiter, rival)

    result = explored(program, 20)
    assert result.failure is not None
    assert result.failure.kind == "deadlock"


def trace_of(program: Program) -> Trace:
    runner = Runner(program, "program", Controls())
    with runner.control:
        return runner.follow(Schedule(()), watched=True)


def test_goodlock_on_one_trace() -> None:
    """The detector alone, on the default schedule."""
    for program, count in ((opposite, 1), (ring, 1), (gate_lock, 0), (separated_by_join, 0), (same_order, 0)):
        trace = trace_of(program)
        assert trace.outcome is None
        assert trace.witness is not None
        assert len(list(lock_order.cycles(trace.events, trace.witness))) == count, program.__name__
