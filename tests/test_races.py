"""Races that no assertion notices: exactly those of a program are reported, each with a seed that shows it again.

Programs are told apart by what `of` says: severity, pattern and place of each race.
"""

from __future__ import annotations

import functools
import itertools
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable

import pytest

from interleave import Budget, Result, UsageError, check, explore, replay
from interleave.errors import CheckFailed
from interleave.model import Race
from tests.synchronised import Box, together

UPDATE = "read-write-write"
Program = Callable[[], object]


def of(program: Program, *, strategy: str = "auto", executions: int = 200, **options: str) -> list[tuple[str, str, str]]:
    """Explore a program, replay the seed of each race found, and return what was found."""
    result = explore(program, strategy=strategy, budget=Budget(executions=executions), **options)
    assert not result.failures, result.failures[0].report()
    for race in result.races:
        assert race.key in {again.key for again in replay(program, race.seed).races}, race
    return [(race.severity, race.pattern, race.place) for race in result.races]


def counter() -> None:
    box = Box()
    together(box.add, box.add)


def one_lock_of_two() -> None:
    box, guard = Box(), threading.Lock()

    def add() -> None:
        with guard:
            box.add()

    together(add, box.add)


def different_locks() -> None:
    box = Box()

    def add(guard: threading.Lock) -> None:
        with guard:
            box.add()

    first, second = threading.Lock(), threading.Lock()
    together(lambda: add(first), lambda: add(second))


def items() -> None:
    table = {"k": 0}

    def add() -> None:
        table["k"] += 1

    together(add, add)


def reset_during_update() -> None:
    box, guard = Box(5), threading.Lock()

    def add() -> None:
        with guard:
            box.add()

    def reset() -> None:
        box.value = 0

    together(add, reset)


def closure_variable() -> None:
    count = 0

    def add() -> None:
        nonlocal count
        count += 1

    together(add, add)


TOTAL = 0


def add_to_global() -> None:
    global TOTAL
    TOTAL += 1


def global_variable() -> None:
    global TOTAL
    TOTAL = 0
    together(add_to_global, add_to_global)


def check_then_act_on_a_dict() -> None:
    table: dict[str, Box] = {}

    def get() -> Box:
        if "k" not in table:
            table["k"] = Box()
        return table["k"]

    together(get, get)


def lazy_attribute() -> None:
    box = Box()
    box.made = None  # type: ignore[attr-defined]

    def get() -> None:
        if box.made is None:  # type: ignore[attr-defined]
            box.made = Box()  # type: ignore[attr-defined]

    together(get, get)


class TestHarmful:
    """Updates that are lost, in each of the ways that programs have of losing them."""

    @pytest.mark.parametrize(
        ("program", "place"),
        [
            (counter, "Box.value"),
            (one_lock_of_two, "Box.value"),
            (different_locks, "Box.value"),
            (items, "table['k']"),
            (reset_during_update, "Box.value"),
            (closure_variable, "count"),
            (global_variable, f"{__name__}.TOTAL"),
            (lazy_attribute, "Box.made"),
        ],
        ids=lambda case: getattr(case, "__name__", ""),
    )
    @pytest.mark.parametrize("strategy", ["auto", "random", "dpor", "dfs"])
    def test_lost_update(self, program: Program, place: str, strategy: str) -> None:
        found = of(program, strategy=strategy)
        assert ("harmful", UPDATE, place) in found
        assert [one for one in found if one[0] == "harmful"] == [("harmful", UPDATE, place)]

    def test_check_then_act_on_a_dict(self) -> None:
        assert of(check_then_act_on_a_dict) == [
            ("harmful", UPDATE, "table['k']"),
            ("harmful", "write-write-read", "table['k']"),
        ]

    def test_own_write_read_back(self) -> None:
        def program() -> None:
            box = Box()

            def use(value: int) -> None:
                box.value = value
                box.value

            together(lambda: use(1), lambda: use(2))

        assert of(program) == [("harmful", "write-write-read", "Box.value")]

    def test_accesses_say_who_what_where_and_under_which_locks(self) -> None:
        (race,) = explore(one_lock_of_two, budget=Budget(executions=50)).races
        assert race.kind == "unserializable"
        said = [(access.mode, access.value) for access in race.accesses]
        assert said == [("reads", "0"), ("reads", "0"), ("writes", "1"), ("writes", "1")]
        assert race.accesses[2].thread != race.accesses[3].thread
        held = {(access.thread, access.locks) for access in race.accesses}
        assert held == {("Thread-1 (add)", ("Lock",)), ("Thread-2 (add)", ())}
        assert {access.function for access in race.accesses} == {"Box.add"}
        assert len({access.line for access in race.accesses}) == 1
        assert all(access.file.endswith("synchronised.py") for access in race.accesses)


class TestPossible:
    """Accesses that nothing orders, without an update that is seen to be lost."""

    def test_read_without_the_lock_of_the_write(self) -> None:
        def program() -> None:
            box, guard, seen = Box(), threading.Lock(), deque[int]()

            def add() -> None:
                with guard:
                    box.add()

            together(add, lambda: seen.append(box.value))

        assert of(program) in ([("possible", "write-read", "Box.value")], [("possible", "read-write", "Box.value")])

    def test_two_reads_of_what_should_be_one_value(self) -> None:
        def program() -> None:
            box = Box(1)

            def use() -> None:
                if box.value:
                    box.value

            def clear() -> None:
                box.value = 0

            together(use, clear)

        assert of(program) == [("possible", "read-write-read", "Box.value")]

    def test_value_in_between_is_seen(self) -> None:
        def program() -> None:
            box = Box()

            def pass_through() -> None:
                box.value = 1
                box.value = 2

            together(pass_through, lambda: box.value)

        assert of(program) == [("possible", "write-read-write", "Box.value")]

    def test_last_writer_wins(self) -> None:
        def program() -> None:
            box = Box()

            def first() -> None:
                box.value = 1

            def second() -> None:
                box.value = 2

            together(first, second)

        assert of(program) == [("possible", "write-write", "Box.value")]

    def test_sleeping_orders_nothing(self) -> None:
        def program() -> None:
            box = Box()

            def late() -> None:
                time.sleep(1)
                assert box.value in (0, 3)

            def early() -> None:
                box.value = 3

            together(early, late)

        assert [severity for severity, _, _ in of(program)] == ["possible"]

    def test_wait_that_gives_up_orders_nothing(self) -> None:
        def program() -> None:
            box, done = Box(), threading.Event()

            def impatient() -> None:
                done.wait(timeout=1)
                box.value = 1

            def other() -> None:
                box.value = 2

            together(impatient, other)

        assert of(program) == [("possible", "write-write", "Box.value")]

    def test_looks_at_one_queue_order_nothing(self) -> None:
        import queue

        def program() -> None:
            box, channel = Box(), queue.Queue[int]()

            def write(value: int) -> None:
                box.value = value
                channel.qsize()

            together(lambda: write(1), lambda: write(2))

        assert of(program) == [("possible", "write-write", "Box.value")]

    def test_producers_are_not_ordered_by_their_queue(self) -> None:
        import queue

        def program() -> None:
            box, channel = Box(), queue.Queue[int]()

            def write(value: int) -> None:
                box.value = value
                channel.put(value)

            together(lambda: write(1), lambda: write(2))

        assert of(program) == [("possible", "write-write", "Box.value")]

    def test_pairs_of_locations_are_reported_not_executions(self) -> None:
        """Two objects, one line."""

        def program() -> None:
            boxes = [Box(), Box()]

            def write(value: int) -> None:
                for box in boxes:
                    box.value = value

            together(lambda: write(1), lambda: write(2))

        assert of(program, strategy="random") == [("possible", "write-write", "Box.value")]


class TestBenign:
    """Known idioms."""

    @staticmethod
    def reasons(program: Program) -> set[tuple[str, str]]:
        of(program)
        return {(race.severity, race.reason) for race in explore(program, budget=Budget(executions=100)).races}

    def test_flag_that_is_polled(self) -> None:
        def program() -> None:
            box = Box()
            box.stop = False  # type: ignore[attr-defined]

            def end() -> None:
                box.stop = True  # type: ignore[attr-defined]

            def work() -> None:
                while not box.stop:  # type: ignore[attr-defined]
                    time.sleep(0.1)

            together(end, work)

        assert self.reasons(program) == {("benign", "a flag that is only ever set to one value")}

    def test_same_value_by_all(self) -> None:
        def program() -> None:
            box = Box()

            def close() -> None:
                box.value = 9

            together(close, close)

        assert self.reasons(program) == {("benign", "every write stores the same value")}

    def test_cache_of_what_can_be_computed_again(self) -> None:
        def program() -> None:
            cache: dict[str, int] = {}

            def get() -> int:
                found = cache.get("k")
                if found is None:
                    found = cache["k"] = 42
                return found

            together(get, get)

        assert self.reasons(program) == {("benign", "both threads write the same value")}

    def test_queue_like_deque(self) -> None:
        def program() -> None:
            jobs = deque([1, 2])
            together(lambda: jobs.append(3), lambda: jobs.popleft())

        assert self.reasons(program) == {("benign", "each is one operation of a deque, which is atomic")}

    def test_append_is_not_lost(self) -> None:
        def program() -> None:
            found: list[int] = []
            together(lambda: found.append(1), lambda: found.append(2))
            assert len(found) == 2

        assert self.reasons(program) == {("benign", "each is one operation of a list, which is atomic")}

    def test_items_stored_by_several(self) -> None:
        """What others store is not overwritten, and was said to be, with the name of one item."""

        def program() -> None:
            parts: dict[int, int] = {}
            barrier, sums = threading.Barrier(2), deque[int]()

            def work(number: int) -> None:
                parts[number] = number
                barrier.wait()
                sums.append(sum(parts.values()))

            together(lambda: work(1), lambda: work(2))
            assert list(sums) == [3, 3]

        found = {(one.severity, one.place, one.reason) for one in explore(program, budget=Budget(executions=100)).races}
        assert ("benign", "parts", "each is one operation of a dict, which is atomic") in found
        assert {severity for severity, *_ in found} == {"benign"}

    def test_items_are_added_and_looked_at_behind_a_barrier(self) -> None:
        def program() -> None:
            found, lock = list[int](), threading.Lock()
            barrier, sizes = threading.Barrier(2), deque[int]()

            def work() -> None:
                found.append(1)
                barrier.wait()
                with lock:
                    sizes.append(len(found))

            together(work, work)
            assert list(sizes) == [2, 2]

        assert self.reasons(program) == {("benign", "each is one operation of a list, which is atomic")}

    def test_calls_of_a_cached_function(self) -> None:
        def program() -> None:
            square = functools.lru_cache(lambda number: number * number)
            together(lambda: square(2), lambda: square(2))
            assert square(2) == 4

        assert self.reasons(program) == {("benign", "each is one operation of a _lru_cache_wrapper, which is atomic")}

    def test_numbers_drawn_from_a_count(self) -> None:
        def program() -> None:
            numbers, drawn = itertools.count(), deque[int]()
            together(lambda: drawn.append(next(numbers)), lambda: drawn.append(next(numbers)))
            assert sorted(drawn) == [0, 1]

        assert ("benign", "each is one operation of a count, which is atomic") in self.reasons(program)
        assert {severity for severity, _ in self.reasons(program)} == {"benign"}

    def test_double_checked_locking(self) -> None:
        def program() -> None:
            box, lock = Box(), threading.Lock()

            def get() -> int:
                if not box.value:
                    with lock:
                        if not box.value:
                            box.value = 7
                return box.value

            together(get, get)

        assert self.reasons(program) == {("benign", "it is set once, after another look under the lock")}

    def test_set_once_and_looked_at_by_others_is_no_idiom(self) -> None:
        def program() -> None:
            box, lock = Box(), threading.Lock()

            def start() -> None:
                with lock:
                    if not box.value:
                        box.value = 7

            together(start, lambda: box.value)

        assert self.reasons(program) == {("possible", "")}

    def test_elements_that_come_and_go(self) -> None:
        def program() -> None:
            inside: list[int] = []

            def work(number: int) -> None:
                inside.append(number)
                inside.remove(number)

            together(lambda: work(1), lambda: work(2))
            assert inside == []

        assert self.reasons(program) == {("benign", "each is one operation of a list, which is atomic")}

    def test_elements_whose_hash_is_code(self) -> None:
        def program() -> None:
            found = set[uuid.UUID]()
            together(lambda: found.add(uuid.UUID(int=1)), lambda: found.add(uuid.UUID(int=2)))
            assert len(found) == 2

        assert self.reasons(program) == {("benign", "each is one operation of a set, which is atomic")}

    def test_equal_updates_are_no_cache(self) -> None:
        """Both threads write 1, but one after the other they would leave 2."""
        assert of(counter) == [("harmful", UPDATE, "Box.value")]


class TestOption:
    """What `races` says to do."""

    def test_report_does_not_fail(self) -> None:
        result = explore(counter, budget=Budget(executions=50))
        assert (result.verdict, result.failure) == ("proven", None)
        assert result.races[0].seed

    def test_off_looks_for_none(self) -> None:
        result = explore(counter, races="off", budget=Budget(executions=50))
        assert (result.races, result.inversions, result.statistics.looks) == ((), (), 0)

    @pytest.mark.parametrize("strategy", ["auto", "random", "dfs"])
    def test_harmful_fails_with_the_simplest_schedule_and_replays(self, strategy: str) -> None:
        result = explore(counter, races="harmful", strategy=strategy, budget=Budget(executions=50))
        failure = result.failure
        assert failure is not None
        assert failure.kind == "race"
        assert failure.preemptions == 1
        again = replay(counter, failure.seed, races="harmful").failure
        assert again is not None
        assert (again.kind, again.message) == ("race", failure.message)
        assert failure.outcome.race is not None
        assert again.outcome.race is not None
        assert again.outcome.race.accesses == failure.outcome.race.accesses
        assert "holding no lock" in failure.report()

    def test_harmful_does_not_fail_on_others(self) -> None:
        def program() -> None:
            box = Box()
            together(lambda: setattr(box, "value", 1), lambda: box.value)

        assert explore(program, races="harmful", budget=Budget(executions=50)).verdict == "proven"
        failure = explore(program, races="fail", budget=Budget(executions=50)).failure
        assert failure is not None
        assert failure.kind == "race"
        assert replay(program, failure.seed, races="fail").failure is not None
        assert replay(program, failure.seed, races="harmful").failure is None

    def test_fail_lets_benign_pass(self) -> None:
        def program() -> None:
            found: list[int] = []
            together(lambda: found.append(1), lambda: found.append(2))

        assert explore(program, races="fail", budget=Budget(executions=50)).verdict == "proven"

    def test_check_raises(self) -> None:
        with pytest.raises(CheckFailed, match="lost update"):
            check(counter, races="harmful", budget=Budget(executions=50))

    def test_unknown_value_is_refused(self) -> None:
        with pytest.raises(UsageError, match="'report', 'harmful', 'fail', 'off'"):
            explore(counter, races="maybe")

    def test_going_on_collects_several(self) -> None:
        def program() -> None:
            box = Box()
            box.other = 0  # type: ignore[attr-defined]

            def add() -> None:
                box.value += 1
                box.other += 1  # type: ignore[attr-defined]

            together(add, add)

        result = explore(program, races="harmful", strategy="random", stop_on_failure=False, budget=Budget(executions=200))
        assert {failure.outcome.race.place for failure in result.failures if failure.outcome.race} == {"Box.value", "Box.other"}


class TestPrediction:
    """What a passing execution foretells is tried before more schedules are sampled."""

    def test_race_is_found_in_the_first_look(self) -> None:
        """A rare order: the other thread's write has to hit the middle of three hundred steps."""

        def program() -> None:
            box, other = Box(), Box()

            def long() -> None:
                for _ in range(100):
                    other.value += 1
                box.add()

            together(long, box.add)

        result = explore(program, strategy="random", budget=Budget(executions=2))
        assert [(race.severity, race.executions) for race in result.races] == [("harmful", 1)]

    def test_assertion_that_a_prediction_breaks_is_a_failure(self) -> None:
        def program() -> None:
            box = Box()
            together(box.add, box.add)
            assert box.value == 2

        failure = explore(program, strategy="random", budget=Budget(executions=2)).failure
        assert failure is not None
        assert (failure.kind, failure.executions) == ("assertion", 1)

    def test_bounded_search_is_not_led_beyond_its_bound(self) -> None:
        def program() -> None:
            box = Box()
            together(box.add, box.add)
            assert box.value == 2

        result = explore(program, strategy="dfs", preemptions=0)
        assert (result.verdict, result.statistics.tries) == ("proven", 0)

    def test_trials_are_bounded(self) -> None:
        """Nothing can come between, as the threads take turns by a variable, which the detector cannot know."""

        def program() -> None:
            box, turn = Box(), Box()

            def play(mine: int) -> None:
                while turn.value != mine:
                    time.sleep(0.1)
                box.add()
                turn.value = 1

            together(lambda: play(0), lambda: play(1))

        result = explore(program, strategy="random", budget=Budget(executions=300))
        assert not result.failures
        assert 0 < result.statistics.tries <= 12
        assert [race for race in result.races if race.severity == "harmful" and race.place == "Box.value" and _is_of_box(race)] == []


def _is_of_box(race: Race) -> bool:
    return all(access.function == "Box.add" for access in race.accesses)


def test_same_exploration_finds_the_same_races() -> None:
    def races(result: Result) -> list[tuple[object, ...]]:
        return [(race.key, race.seed, race.severity, race.executions) for race in result.races]

    first, second = (explore(check_then_act_on_a_dict, strategy="random", budget=Budget(executions=64)) for _ in range(2))
    assert races(first) == races(second)


def test_few_of_many_executions_are_looked_at() -> None:
    result = explore(counter, strategy="random", budget=Budget(executions=4_000))
    assert result.executions == 4_000
    assert result.statistics.looks <= 30
