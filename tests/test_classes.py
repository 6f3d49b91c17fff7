"""What executions amount to: the class of each, how many classes, what is unseen, and the orders of conflicting accesses."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.classes import Classes
from interleave.errors import UsageError
from interleave.explore import explore
from interleave.model import READ, SHAPE, STATE, WHOLE, WRITE, Access, Event, Operation, Site, ThreadInfo, Trace, conflict
from interleave.report.statistics import statistics_lines
from interleave.result import Budget, Result
from interleave.strategies.pct import Pct
from tests.threads import together

ROOT = Path(__file__).parent.parent

ACCESS = st.builds(
    Access, st.sampled_from([("o",), ("p",)]), st.sampled_from(["a", "b", SHAPE, STATE, WHOLE]), st.sampled_from([READ, WRITE])
)
FOOTPRINT = st.one_of(st.none(), st.lists(ACCESS, max_size=2).map(tuple))
EVENT = st.tuples(st.integers(0, 2), st.builds(Operation, st.just("step"), FOOTPRINT, st.just(Site("a.py", 1, "f"))))


def trace_of(events: list[Event]) -> Trace:
    return Trace(events=events, threads=[ThreadInfo(tid, (0, tid), str(tid), 0) for tid in range(3)])


@given(st.lists(EVENT, min_size=2, max_size=8), st.data())
def test_neighbours_swapped_are_of_the_same_class_if_they_do_not_conflict(events: list[Event], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(events) - 2))
    (tid, one), (other_tid, other) = events[at : at + 2]
    if tid == other_tid:
        return
    swapped = [*events[:at], events[at + 1], events[at], *events[at + 2 :]]
    classes = Classes()
    is_same = classes.digest(trace_of(events)) == classes.digest(trace_of(swapped))
    assert is_same is not conflict(one, other)


def test_what_threads_do_tells_classes_apart() -> None:
    site, classes = Site("a.py", 1, "f"), Classes()
    read, write = (Operation(kind, (Access(("o",), "a", mode),), site) for kind, mode in (("read", READ), ("write", WRITE)))
    traces = [
        [(0, read)],
        [(1, read)],
        [(0, write)],
        [(0, read), (0, read)],
        [(0, read), (1, read)],
        [(0, Operation("yield", (), site))],
        [],
    ]
    assert len({classes.digest(trace_of(events)) for events in traces}) == len(traces)


def writes() -> None:
    shared = {"last": 0}

    def write() -> None:
        for number in range(3):
            shared["last"] = number

    together(write, write)


def lists() -> None:
    shared: list[int] = []

    def work() -> None:
        shared.append(1)
        if shared[0]:
            len(shared)

    together(work, work)


def locks() -> None:
    lock, shared = threading.Lock(), [0]

    def work() -> None:
        with lock:
            shared[0] += 1
        with lock:
            shared[0] += 1

    together(work, work, work)


@pytest.mark.parametrize("scenario", [writes, lists, locks])
@pytest.mark.parametrize("strategy", ["random", "pos"])
def test_sampling_until_saturated_meets_each_class_that_a_proof_runs(scenario: Callable[[], None], strategy: str) -> None:
    proof = explore(scenario, strategy="dpor", races="off")
    assert proof.verdict == "proven"
    sampled = explore(scenario, strategy=strategy, races="off", budget=Budget(executions=None, unseen=0.001))
    assert (sampled.verdict, sampled.stopped_by) == ("passed", "saturated")
    assert sampled.statistics.classes == proof.executions
    assert 0 <= sampled.statistics.unseen < 0.001
    assert sampled.statistics.classed * 0.001 >= 3


def test_estimate_is_the_share_of_what_was_met_once() -> None:
    site, classes = Site("a.py", 1, "f"), Classes(everything=True)
    assert classes.unseen is None
    for number in [1, 1, 1, 2, 3, 3, 4, 5]:
        classes.add(trace_of([(0, Operation("yield", (), site))] * number), is_drawn=True)
    assert (len(classes), classes.counted, classes.unseen) == (5, 8, 3 / 8)
    classes.add(Trace(has_new_points=True), is_drawn=True)
    assert (len(classes), classes.unseen) == (0, None)


def test_executions_of_a_search_have_no_estimate() -> None:
    result = explore(writes, strategy="dfs", races="off", budget=Budget(executions=50, unseen=0.5))
    assert (result.stopped_by, result.statistics.classed, result.statistics.unseen) == ("executions", 0, -1)


def test_proof_has_nothing_unseen() -> None:
    budget = Budget(unseen=0.001)
    proof = explore(locks, strategy="auto", races="off", budget=budget)
    assert (proof.verdict, proof.statistics.unseen) == ("proven", 0)
    assert 0 < proof.statistics.classes < proof.executions, "samples were taken too, and some of their classes met once"
    assert not any("class" in line for line in statistics_lines(proof, in_full=True))
    # Beyond a bound there may be more.
    bounded = explore(locks, strategy="auto", races="off", preemptions=1, budget=budget)
    assert bounded.verdict == "proven"
    assert (bounded.statistics.unseen == 0) is (not bounded.statistics.classed)
    assert proof.statistics.classed < proof.executions


def test_not_all_executions_are_looked_at_in_a_long_exploration() -> None:
    result = explore(writes, strategy="random", races="off", budget=Budget(executions=1_500))
    assert 200 < result.statistics.looked < 700
    assert result.statistics.classes == explore(writes, strategy="dpor", races="off").executions


def flags() -> None:
    shared = {"ready": False, "data": 0}
    done = threading.Event()

    def produce() -> None:
        shared["data"] = 1
        done.set()

    def consume() -> None:
        done.wait()
        shared.get("data")

    together(produce, consume)


def names(result: Result) -> list[tuple[str, str, str, bool]]:
    return [(pair.place, pair.first_kind, pair.second_kind, pair.is_both) for pair in result.statistics.pairs]


@pytest.mark.parametrize("strategy", ["random", "dpor"])
def test_orders_are_those_that_were_seen(strategy: str) -> None:
    def scenario() -> None:
        shared = {"last": 0}
        together(lambda: shared.update(last=1) or shared["last"], lambda: shared.__setitem__("last", 2))

    result = explore(scenario, strategy=strategy, races="off", budget=Budget(executions=100))
    assert result.statistics.pairs
    assert all(pair.is_both for pair in result.statistics.pairs)
    assert all("test_classes.py:" in pair.first for pair in result.statistics.pairs)
    once = explore(scenario, strategy=strategy, races="off", budget=Budget(executions=1))
    assert not any(pair.is_both for pair in once.statistics.pairs)


def test_order_that_synchronisation_forbids_is_never_seen() -> None:
    pairs = names(explore(flags, strategy="random", races="off", budget=Budget(executions=100)))
    assert [pair for pair in pairs if pair[0].startswith("dict")] == [("dict[...]", "write", "read", False)]


def test_pct_guarantees_what_the_paper_says() -> None:
    result = explore(writes, strategy="pct", races="off", budget=Budget(executions=40))
    counts = result.statistics
    # Of three threads, one waits; each chooses at its beginning and at three writes or so.
    strategy = Pct()
    strategy.threads, strategy.longest, strategy.repeated = 3, 9, 20
    assert strategy.chances() == (pytest.approx(1 / 300), pytest.approx(1 - (1 - 1 / 300) ** 20))
    assert counts.depth == 3
    assert 0 < counts.chance < counts.chance_of_all < 1
    assert Pct().chances() == (0.0, 0.0)


def test_pct_guarantees_nothing_of_executions_before_the_longest() -> None:
    strategy = Pct()
    for points, repeated in [(5, 0), (5, 1), (7, 0), (7, 1), (6, 2)]:
        strategy.begin()
        strategy._points = points
        strategy.end(trace_of([]))
        assert strategy.repeated == repeated


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["dpor", "dfs"])
def test_search_says_up_to_which_bound_it_came(strategy: str) -> None:
    scenario = writes if strategy == "dfs" else locks
    needed = [explore(scenario, strategy=strategy, preemptions=bound, races="off").executions for bound in range(4)]
    told = []
    for executions in range(needed[0], needed[3], (needed[3] - needed[0]) // 6):
        stopped = explore(scenario, strategy=strategy, preemptions=3, races="off", budget=Budget(executions=executions))
        assert stopped.verdict == "passed"
        told.append(stopped.statistics.bound_done)
        assert told[-1] < 0 or needed[told[-1]] <= executions
    assert told == sorted(told)
    assert told[-1] >= 1


def test_orders_are_kept_for_another_process_and_classes_counted_anew(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "interleave", "explore", "tests.test_classes:lists", "--strategy", "random", "--executions", "40",
               "--state", str(tmp_path / "state"), "--races", "off", "--json", "-"]  # fmt: skip
    parts = [
        json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)["scenarios"][0]["statistics"]
        for _ in range(2)
    ]
    # There it has to be learned again which accesses are ever in conflict.
    assert [part["classed"] for part in parts] == [39, 39]
    assert [part["looked"] for part in parts] == [40, 80]
    assert parts[0]["pairs"] == parts[1]["pairs"] != []


def test_what_was_counted_can_be_kept() -> None:
    site, classes = Site("a.py", 1, "f"), Classes(everything=True)
    trace = trace_of([(tid, Operation("write", (Access(("o",), "a", WRITE),), site)) for tid in (0, 1)])
    classes.add(trace, is_drawn=True)
    again = pickle.loads(pickle.dumps(classes))
    again.add(trace, is_drawn=True)
    assert (len(again), again.counted, again.pairs()) == (1, 2, classes.pairs())


@pytest.mark.parametrize("unseen", [0, 1, -0.5])
def test_unseen_is_a_share(unseen: float) -> None:
    with pytest.raises(UsageError, match="a share between 0 and 1"):
        explore(writes, budget=Budget(unseen=unseen))
