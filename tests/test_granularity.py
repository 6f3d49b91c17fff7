"""Switches as with the GIL: what can be lost, and what cannot; and the labels of failures.

What is expected here of CPython 3.11 to 3.13 is what `instrument/switches.py` says of their sources. `test_granularity_native.py` asks the
interpreter itself.
"""

from __future__ import annotations

import io
import sys
import threading
from collections import UserDict
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from interleave import Budget, UsageError, explore, replay
from interleave.database import explore_remembering
from interleave.gil import switches_within_memory
from interleave.model import NOWHERE, Operation
from interleave.report import write
from interleave.report.gil import gil_line
from interleave.report.machine import as_data
from interleave.result import Failure
from interleave.schedule import decode
from tests.generated import Program, build, programs
from tests.granularity_programs import PROGRAMS, Shared, scenario_of

PYTHON = f"CPython {sys.version_info[0]}.{sys.version_info[1]}"
MANY = Budget(executions=3_000)

pytestmark = pytest.mark.labelled


def explored(body: Callable[[Any], object], granularity: str, strategy: str = "dpor", threads: int = 2) -> set[Any]:
    """Return the final states of all schedules of threads that run `body`."""
    seen: set[Any] = set()
    result = explore(scenario_of(body, seen, threads), strategy=strategy, granularity=granularity, budget=MANY)
    assert result.verdict == "proven", result
    return seen


@pytest.mark.parametrize("name", PROGRAMS)
def test_lost_updates_under_the_gil_are_those_with_a_point_in_between(name: str) -> None:
    body, is_lost_with_gil = PROGRAMS[name]
    free, gil = explored(body, "free-threaded"), explored(body, "gil")
    assert gil <= free
    assert explored(body, "gil", "dfs") == gil
    assert len(free) > 1
    assert (len(gil) > 1) == is_lost_with_gil


def test_every_strategy_keeps_blocks_whole() -> None:
    body, _ = PROGRAMS["attribute increment"]
    for strategy in ("random", "pct", "pos", "surw", "auto", "dfs", "dpor"):
        seen: set[Any] = set()
        result = explore(scenario_of(body, seen), strategy=strategy, granularity="gil", budget=Budget(executions=60))
        assert not result.failures
        assert len(seen) == 1, strategy


def test_bounded_search_keeps_blocks_whole() -> None:
    seen: set[Any] = set()
    body, _ = PROGRAMS["get and store"]
    result = explore(scenario_of(body, seen), strategy="dpor", preemptions=1, granularity="gil")
    assert result.verdict == "proven"
    assert result.scope == f"every schedule with at most 1 preemption with the GIL of {PYTHON}"
    assert seen == explored(body, "gil")


def test_reduction_runs_each_order_of_blocks_once() -> None:
    def twice(shared: Shared) -> None:
        shared.n += 1
        shared.m += 1

    for threads, orders in ((2, 2), (3, 6)):
        result = explore(scenario_of(twice, set(), threads), strategy="dpor", granularity="gil")
        assert (result.verdict, result.executions, result.statistics.redundant) == ("proven", orders, 0)


# --- code that is not instrumented ------------------------------------------------------------------------------------


class Foreign(UserDict):  # type: ignore[type-arg]
    """The special methods are those of the standard library, in Python."""


def operator_of_library(shared: Shared) -> None:
    value = shared.n
    shared.m = shared.fraction + 1
    shared.n = value + 1


def item_of_library(shared: Shared) -> None:
    value = shared.n
    shared.m = shared.foreign["a"]
    shared.n = value + 1


def operator_of_c(shared: Shared) -> None:
    value = shared.n
    shared.m = (value + 1) * 2
    shared.n = value + 1


def comparison_of_library(shared: Shared) -> None:
    value = shared.n
    shared.m = [shared.fraction] == [1]
    shared.n = value + 1


def comparison_of_c(shared: Shared) -> None:
    value = shared.n
    shared.m = [1, "a", (value,)] == [1, "a", (2,)]
    shared.n = value + 1


@pytest.mark.parametrize(
    ("body", "is_lost"),
    [
        (operator_of_library, True),
        (item_of_library, True),
        (comparison_of_library, True),
        (operator_of_c, False),
        (comparison_of_c, False),
    ],
)
def test_python_code_out_of_scope_may_switch(body: Callable[[Shared], object], is_lost: bool) -> None:
    def scenario() -> None:
        shared = Shared()
        shared.fraction, shared.foreign = Fraction(1, 2), Foreign(a=1)
        threads = [threading.Thread(target=body, args=(shared,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen.add(shared.n)

    seen: set[int] = set()
    assert explore(scenario, strategy="dpor", granularity="gil").verdict == "proven"
    assert seen == ({1, 2} if is_lost else {2})


def test_end_of_a_with_block_is_a_point_after_the_call() -> None:
    class Manager:
        def __init__(self, shared: Shared) -> None:
            self.shared = shared

        def __enter__(self) -> None:
            pass

        def __exit__(self, *_: object) -> None:
            self.value = self.shared.n

    def body(shared: Shared) -> None:
        manager = Manager(shared)
        with manager:
            pass
        shared.n = manager.value + 1

    assert len(explored(body, "gil")) == 2


def test_callback_of_c_is_followed_by_a_point() -> None:
    def body(shared: Shared) -> None:
        values = list(map(lambda _: shared.n, (0,)))  # noqa: C417
        shared.n = values[0] + 1

    # The read is the last that the function does, which C has called; the interpreter looks when `list` returns.
    assert len(explored(body, "gil")) == 2


def test_call_in_a_decorator_is_a_point_after_the_call() -> None:
    def body(shared: Shared) -> None:
        value = shared.n

        @staticmethod
        def method() -> None: ...

        shared.n = value + 1

    assert len(explored(body, "gil")) == 2


def test_a_comprehension_has_points_only_where_it_goes_round() -> None:
    def over_nothing(shared: Shared) -> None:
        value = shared.n
        shared.m = [one for one in ()]  # noqa: C416
        shared.n = value + 1

    def over_one(shared: Shared) -> None:
        value = shared.n
        shared.m = [one for one in (1,)]  # noqa: C416
        shared.n = value + 1

    # On 3.11 a comprehension is a function of its own, whose start is a point.
    assert (len(explored(over_nothing, "gil")) > 1) == (sys.version_info < (3, 12))
    assert len(explored(over_one, "gil")) > 1


def test_finaliser_in_scope_is_a_point() -> None:
    class Last:
        def __del__(self) -> None:
            pass

    def body(shared: Shared) -> None:
        last: Last | None = Last()
        value = shared.n
        last = None
        shared.n = value + 1 + (last is not None)

    assert len(explored(body, "gil")) == 2


# --- schedules and seeds ----------------------------------------------------------------------------------------------


def failing(name: str) -> Callable[[], None]:
    """Return a scenario that fails if an update is lost."""
    return scenario_of(PROGRAMS[name][0], None)


def test_seed_of_the_gil_is_one_of_free_threaded_python() -> None:
    result = explore(failing("get and store"), granularity="gil", name="m:f")
    failure = result.failure
    assert failure is not None
    assert failure.under_gil is None
    for granularity in ("gil", "free-threaded"):
        again = replay(failing("get and store"), failure.seed, granularity=granularity, name="m:f").failure
        assert again is not None
        assert again.outcome.signature[:2] == failure.outcome.signature[:2]
        assert again.seed == failure.seed


def test_granularity_is_checked() -> None:
    with pytest.raises(UsageError, match="granularity='bytecode' is not one of 'free-threaded', 'gil'"):
        explore(failing("get and store"), granularity="bytecode")


@pytest.mark.slow
@settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(programs)
def test_generated_programs_do_under_the_gil_a_part_of_what_they_do_without(program: Program) -> None:
    check_program(program)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(programs)
def test_many_generated_programs(program: Program) -> None:
    check_program(program)


def check_program(program: Program) -> None:
    """Compare what searches reach; of programs too large for them, only what was reached."""
    reached: dict[tuple[str, str], set[Any]] = {}
    verdicts = {}
    for granularity, strategy in (("gil", "dfs"), ("gil", "dpor"), ("free-threaded", "dpor")):
        outcomes: dict[Any, int] = {}
        budget = Budget(executions=1_500)
        result = explore(
            build(program, outcomes), strategy=strategy, granularity=granularity, budget=budget, races="off", stop_on_failure=False,
            shrink=False, gil_label=False,
        )  # fmt: skip
        reached[granularity, strategy] = set(outcomes) | {failure.kind for failure in result.failures}
        verdicts[granularity, strategy] = result.exhausted
    if verdicts["free-threaded", "dpor"]:
        assert reached["gil", "dfs"] | reached["gil", "dpor"] <= reached["free-threaded", "dpor"]
    if verdicts["gil", "dfs"]:
        assert reached["gil", "dpor"] <= reached["gil", "dfs"]
        if verdicts["gil", "dpor"]:
            assert reached["gil", "dpor"] == reached["gil", "dfs"]


# --- labels -----------------------------------------------------------------------------------------------------------


def failure_of(scenario: Callable[[], object], **options: Any) -> Failure:
    failure = explore(scenario, **options).failure
    assert failure is not None
    return failure


@pytest.mark.parametrize("name", ["attribute increment", "get and store", "item increment", "call of a method in between"])
def test_failure_is_labelled(name: str) -> None:
    labels = {failure_of(failing(name)).under_gil for _ in range(2)}
    assert len(labels) == 1
    (label,) = labels
    assert label is not None
    assert label.verdict == ("possible" if PROGRAMS[name][1] else "impossible")


def test_label_is_in_reports() -> None:
    lost = failure_of(failing("attribute increment"))
    impossible = f"Under the GIL: cannot happen on {PYTHON} (all schedules run): safe today by luck, broken on free-threaded Python."
    assert impossible in lost.report().splitlines()
    assert f"Under the GIL: this happens on {PYTHON} too." in failure_of(failing("get and store")).report().splitlines()
    assert lost.under_gil is not None
    unseen = replace(lost, under_gil=lost.under_gil._replace(verdict="not seen", executions=1_200))
    assert gil_line(unseen) == f"Under the GIL: not seen in 1,200 executions on {PYTHON}; free-threaded Python can fail so."
    assert gil_line(replace(lost, under_gil=None)) == ""


def test_label_is_in_machine_readable_reports() -> None:
    result = explore(failing("attribute increment"))
    assert result.failure is not None
    assert result.failure.under_gil is not None
    (scenario,) = as_data([result])["scenarios"]
    assert scenario["failures"][0]["under_gil"] == {"verdict": "impossible", "executions": result.failure.under_gil.executions}
    page = io.StringIO()
    write("html", [result], page)
    assert gil_line(result.failure) in page.getvalue()


def test_label_is_made_of_a_failure_recalled_from_the_database(tmp_path: Path) -> None:
    def explored_again(**options: Any) -> Failure:
        result = explore_remembering(failing("attribute increment"), tmp_path, "m:f", name="m:f", **options)
        assert result.failure is not None
        return result.failure

    first, again = explored_again(), explored_again()
    assert again.executions == 1
    assert first.under_gil is not None
    assert again.under_gil is not None
    assert first.under_gil.verdict == again.under_gil.verdict == "impossible"
    assert explored_again(gil_label=False).under_gil is None
    # What the GIL does not allow is not lost for it, nor found with it.
    assert explore_remembering(failing("attribute increment"), tmp_path, "m:f", name="m:f", granularity="gil").verdict == "proven"
    assert explored_again(gil_label=False).seed == first.seed


def test_executions_after_a_failure_are_bounded() -> None:
    calls = 0

    def scenario() -> None:
        nonlocal calls
        calls += 1
        shared = Shared()
        threads = [threading.Thread(target=work, args=(shared,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert shared.total == 4 * len(threads)

    def work(shared: Shared) -> None:
        for _ in range(4):
            shared.n += 1

    assert failure_of(scenario, gil_label=False).under_gil is None
    without, calls = calls, 0
    label = failure_of(scenario).under_gil
    assert label is not None
    assert label.verdict == "not seen"
    assert label.executions == calls - without == max(20, min(300, without // 2))


def test_no_label_is_made_if_nobody_wants_it() -> None:
    assert failure_of(failing("attribute increment"), gil_label=False).under_gil is None


def test_deadlock_needs_no_executions() -> None:
    def scenario() -> None:
        first, second = threading.Lock(), threading.Lock()

        def work(one: Any, other: Any) -> None:
            with one, other:
                pass

        threads = [threading.Thread(target=work, args=pair) for pair in ((first, second), (second, first))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    failure = failure_of(scenario)
    assert failure.kind == "deadlock"
    assert failure.under_gil == ("possible", 0)


def test_failure_of_every_schedule_needs_no_executions() -> None:
    def scenario() -> None:
        raise ValueError

    assert failure_of(scenario).under_gil == ("possible", 0)


def test_other_failures_under_the_gil_leave_it_open() -> None:
    def scenario() -> None:
        shared = Shared()

        def work() -> None:
            shared.n += 1
            value = shared.table.get("k", 0)
            shared.table["k"] = value + 1

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if shared.table["k"] != 2:
            raise KeyError("the other failure")
        assert shared.n == 2

    result = explore(scenario, stop_on_failure=False)
    labels = {failure.kind: failure.under_gil.verdict for failure in result.failures if failure.under_gil is not None}
    assert labels == {"exception": "possible", "assertion": "not seen"}


def test_async_scenario_is_labelled() -> None:
    async def scenario() -> None:
        await_free_threads()

    def await_free_threads() -> None:
        seen = Shared()
        threads = [threading.Thread(target=PROGRAMS["attribute increment"][0], args=(seen,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen.n == 2

    label = failure_of(scenario).under_gil
    assert label is not None
    assert label.verdict == "impossible"


def test_race_under_the_gil_is_not_disproved() -> None:
    failure = failure_of(scenario_of(PROGRAMS["attribute increment"][0], set()), races="harmful")
    assert failure.kind == "race"
    assert failure.under_gil is not None
    assert failure.under_gil.verdict == "not seen"


@pytest.mark.parametrize(
    ("events", "blocked", "is_within"),
    [
        ([(0, "spawn"), (1, "read"), (1, "exit"), (0, "join")], (), False),
        ([(1, "read"), (2, "read"), (2, "exit"), (1, "write")], (), True),
        ([(1, "read"), (2, "read"), (2, "exit"), (1, "acquire"), (1, "write")], (), False),
        # It was about to do something when the execution ended.
        ([(1, "read"), (2, "read")], (), True),
        ([(1, "acquire"), (2, "acquire")], (1, 2), False),
    ],
)
def test_switches_before_accesses_are_recognised(events: list[tuple[int, str]], blocked: tuple[int, ...], is_within: bool) -> None:
    assert switches_within_memory([(tid, Operation(kind, (), NOWHERE)) for tid, kind in events], blocked) == is_within


def test_free_threaded_schedule_is_followed_as_nearly_as_possible() -> None:
    failure = failure_of(failing("get and store"))
    assert failure.under_gil == ("possible", 1)
    assert decode(failure.seed, None).deviations
