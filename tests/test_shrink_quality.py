"""Failures of known minimal preemption count are reported with exactly that count.

Above each scenario stands why fewer preemptions cannot do; a search through every schedule with fewer says so too. A preemption takes a
thread off that could have gone on: which thread begins, and which goes on when one blocks or ends, costs none.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest

from interleave.explore import explore
from interleave.result import Budget
from tests.sctbench import bounded_buffer, reorder_5, wronglock
from tests.threads import together

#: By scenario: the kind of failure and the number of preemptions.
CASES: dict[Callable[[], None], tuple[str, int]] = {}


def case(kind: str, preemptions: int) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def enter(scenario: Callable[[], None]) -> Callable[[], None]:
        CASES[scenario] = (kind, preemptions)
        return scenario

    return enter


class Shared:
    """Attributes that threads share."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


# One thread has to write between the other's read and write; left alone, each does both.
@case("assertion", 1)
def lost_update() -> None:
    shared = Shared(n=0)

    def add() -> None:
        shared.n += 1

    together(add, add)
    assert shared.n == 2


# The first thread reads, the two others run to their ends, the first overwrites both: one preemption loses two updates.
@case("assertion", 1)
def two_updates_lost_at_once() -> None:
    shared = Shared(n=0)

    def add() -> None:
        shared.n += 1

    together(add, add, add)
    assert shared.n != 1


# To lose an update of either counter, a thread has to be taken off within it; both are lost only if both threads are: the first within
# the first counter, the second within the other.
@case("assertion", 2)
def updates_lost_of_two_counters() -> None:
    shared = Shared(a=0, b=0)

    def add() -> None:
        shared.a += 1
        shared.b += 1

    together(add, add)
    assert (shared.a, shared.b) != (1, 1)


# Both have to check before either acts.
@case("assertion", 1)
def overdraft() -> None:
    account = Shared(balance=100)

    def withdraw() -> None:
        if account.balance >= 80:
            account.balance -= 80

    together(withdraw, withdraw)
    assert account.balance >= 0


# The first is taken off with one lock held; the second blocks by itself.
@case("deadlock", 1)
def deadlock_of_two() -> None:
    first, second = threading.Lock(), threading.Lock()

    def work(one: threading.Lock, other: threading.Lock) -> None:
        with one, other:
            pass

    together(lambda: work(first, second), lambda: work(second, first))


# The first is taken off with its fork; the third then takes its own and blocks on that one, the second takes its own and blocks on the
# third's, and the first on the second's.
@case("deadlock", 1)
def deadlock_of_three() -> None:
    forks = [threading.Lock() for _ in range(3)]

    def eat(number: int) -> None:
        with forks[number], forks[(number + 1) % 3]:
            pass

    together(*(lambda number=number: eat(number) for number in range(3)))  # type: ignore[misc]


# Whoever waits has to be taken off between looking and waiting; otherwise it sees the flag, or waits already.
@case("stuck", 1)
def lost_wakeup() -> None:
    shared, changed = Shared(is_ready=False), threading.Condition()

    def wait() -> None:
        if not shared.is_ready:
            with changed:
                changed.wait()

    def notify() -> None:
        shared.is_ready = True
        with changed:
            changed.notify()

    together(wait, notify)


# Between reading the top with its successor and comparing, the other thread takes both off and puts the first back, without being
# taken off itself.
@case("assertion", 1)
def top_of_a_stack_comes_back() -> None:
    follower = {"a": "b", "b": "c", "c": None}
    shared = Shared(top="a", taken=())

    def pop() -> None:
        top = shared.top
        following = follower[top]
        if shared.top == top:
            shared.top = following

    def pop_two_and_push_the_first() -> None:
        shared.taken = ("b",)
        follower["a"] = "c"
        shared.top = "a"

    together(pop, pop_two_and_push_the_first)
    assert shared.top not in shared.taken


# Both have to look before either removes.
@case("exception", 1)
def key_removed_after_it_was_looked_up() -> None:
    entries = {"k": 1}

    def remove() -> None:
        if "k" in entries:
            entries.pop("k")

    together(remove, remove)


# It is enough that the second thread begins.
@case("exception", 0)
def used_before_it_is_made() -> None:
    shared = Shared()

    def make() -> None:
        shared.config = "config"

    together(make, lambda: shared.config)


# Three values seen by three reads: the reader has to be taken off between each two, as a writer writes once and ends.
@case("assertion", 2)
def reader_among_two_writers() -> None:
    shared = Shared(value=0)
    seen: list[int] = []

    def read() -> None:
        for _ in range(3):
            seen.append(shared.value)

    def write(value: int) -> None:
        shared.value = value

    together(read, lambda: write(1), lambda: write(2))
    assert seen != [0, 1, 2]


# Four changes of hand between two threads that could both go on each time: 1 is read, 2 is written, 2 is read, 3 is written. The last one
# to read needs nobody to be taken off, for the writer has ended.
@case("assertion", 4)
def reader_in_step_with_a_writer() -> None:
    shared = Shared(value=0)
    seen: list[int] = []

    def write() -> None:
        for value in (1, 2, 3):
            shared.value = value

    def read() -> None:
        for _ in range(3):
            seen.append(shared.value)

    together(write, read)
    assert seen != [1, 2, 3]


# One party waits at the barrier, the gate is closed while it does, the other turns away: each does all it can in one go.
@case("stuck", 0)
def barrier_short_of_a_party() -> None:
    shared, barrier = Shared(is_closed=False), threading.Barrier(2)

    def meet() -> None:
        if not shared.is_closed:
            barrier.wait()

    def close() -> None:
        shared.is_closed = True

    together(meet, close, meet)


# Both have to count themselves from the same number, so one is taken off in the midst of it; then both wait.
@case("stuck", 1)
def barrier_that_counts_without_a_lock() -> None:
    shared, is_complete = Shared(arrived=0), threading.Event()

    def meet() -> None:
        shared.arrived += 1
        if shared.arrived == 2:
            is_complete.set()
        else:
            is_complete.wait()

    together(meet, meet)


# Both have to find the item before either takes it.
@case("stuck", 1)
def queue_emptied_after_it_was_looked_at() -> None:
    items: queue.Queue[int] = queue.Queue()
    items.put(1)

    def take() -> None:
        if not items.empty():
            items.get()

    together(take, take)


# Both have to find room before either fills it.
@case("exception", 1)
def queue_filled_after_it_was_looked_at() -> None:
    items: queue.Queue[int] = queue.Queue(maxsize=1)

    def offer() -> None:
        if not items.full():
            items.put_nowait(1)

    together(offer, offer)


# Of two permits each thread has one and wants another: the first has to be taken off with its own, the second blocks.
@case("stuck", 1)
def permits_taken_one_by_one() -> None:
    permits = threading.Semaphore(2)

    def work() -> None:
        with permits, permits:
            pass

    together(work, work)


# The iteration has to be left with a step to come.
@case("exception", 1)
def dictionary_changed_during_iteration() -> None:
    entries = {"a": 1, "b": 2}

    def total() -> None:
        sum(value for _, value in entries.items())

    def put() -> None:
        entries["c"] = 3

    together(total, put)


# Both have to look before either makes one.
@case("assertion", 1)
def singleton_made_twice() -> None:
    shared = Shared(instance=None)
    made: list[object] = []

    def get() -> None:
        if shared.instance is None:
            made.append(1)
            shared.instance = made

    together(get, get)
    assert len(made) == 1


# The writer has to be taken off between its two writes; the reader reads both in one go.
@case("assertion", 1)
def half_of_an_update_is_read() -> None:
    shared = Shared(low=0, high=0)
    seen: list[tuple[int, int]] = []

    def write() -> None:
        shared.low = 1
        shared.high = 1

    def read() -> None:
        seen.append((shared.low, shared.high))

    together(write, read)
    assert seen[0] in [(0, 0), (1, 1)]


# Both have to see the lock free, for which one is taken off; and the other has to be taken off while it is inside.
@case("assertion", 2)
def lock_of_a_plain_variable() -> None:
    shared = Shared(is_taken=False, inside=0)
    most: list[int] = []

    def work() -> None:
        if not shared.is_taken:
            shared.is_taken = True
            shared.inside += 1
            most.append(shared.inside)
            shared.inside -= 1

    together(work, work)
    assert max(most) < 2


# The event is set and then cleared by who waits for it: whoever sets it has only to be first.
@case("stuck", 0)
def event_cleared_before_the_wait() -> None:
    event = threading.Event()

    def wait() -> None:
        event.clear()
        event.wait()

    together(wait, event.set)


@pytest.mark.parametrize("strategy", ["auto", pytest.param("pos", marks=pytest.mark.slow)])
@pytest.mark.parametrize("scenario", CASES, ids=lambda scenario: scenario.__name__)
def test_reported_with_as_few_preemptions_as_it_takes(scenario: Callable[[], None], strategy: str) -> None:
    kind, preemptions = CASES[scenario]
    failure = explore(scenario, strategy=strategy, races="off").failure
    assert failure is not None
    assert (failure.kind, failure.preemptions) == (kind, preemptions)


@pytest.mark.parametrize(
    "scenario", [one for one, (_, preemptions) in CASES.items() if preemptions], ids=lambda scenario: scenario.__name__
)
def test_fewer_preemptions_cannot_do(scenario: Callable[[], None]) -> None:
    below = explore(scenario, strategy="dpor", preemptions=CASES[scenario][1] - 1, races="off")
    assert (below.verdict, below.failure) == ("proven", None)


def test_there_are_twenty() -> None:
    assert len(CASES) >= 20


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("strategy", ["auto", pytest.param("random", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("program", [bounded_buffer.run, reorder_5.run, wronglock.run], ids=["bounded_buffer", "reorder_5", "wronglock"])
def test_many_ways_to_go_on_where_threads_block(program: Callable[[], None], strategy: str, seed: int) -> None:
    """Each fails with one preemption, but of schedules with none there are more than a search gets through."""
    budget = Budget(executions=3_000)
    failure = explore(program, strategy=strategy, seed=seed, budget=budget, races="off", gil_label=False).failure
    assert failure is not None
    assert failure.preemptions == 1
