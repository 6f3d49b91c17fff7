"""Samplers on a synthetic machine: what they draw is what their theory says."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from fractions import Fraction
from itertools import permutations
from statistics import mean

import pytest

from interleave.errors import UsageError
from interleave.model import NOWHERE, Deviation, Operation, Strategy, Trace
from interleave.strategies._draws import Draws
from interleave.strategies._points import Picker, bits
from interleave.strategies._priorities import Priorities
from interleave.strategies.dfs import Dfs
from interleave.strategies.pct import Pct
from interleave.strategies.pos import Pos
from interleave.strategies.random import RandomWalk
from interleave.strategies.surw import Surw
from tests import simulation, synthetic
from tests.synthetic import Announcement, Machine, Program, Thread, acquire, independent, path_of, release

Maker = Callable[[], Program]


def deviations(trace: Trace) -> tuple[Deviation, ...]:
    return tuple(trace.deviations)


def excess(drawn: Mapping[Hashable, int], expected: Mapping[Hashable, Fraction]) -> float:
    """Return chi squared in standard deviations above its mean, which are 2 * n and n for n degrees of freedom."""
    assert drawn.keys() <= expected.keys()
    count = sum(drawn.values())
    free = len(expected) - 1
    chi_squared = sum((drawn.get(one, 0) - count * chance) ** 2 / (count * chance) for one, chance in expected.items())
    return float(chi_squared - free) / (2 * free) ** 0.5


def evenly(members: Sequence[Hashable]) -> dict[Hashable, Fraction]:
    return dict.fromkeys(members, Fraction(1, len(members)))


def script(*threads: str) -> Maker:
    """Make a program from what its threads do: a letter is an operation on the state of that name, a dot a step of one's own."""

    def thread(letters: str) -> Thread:
        for letter in letters:
            yield Announcement("step") if letter == "." else Announcement("put", letter)

    return lambda: Program([thread(letters) for letters in threads])


def orders(*counts: int) -> list[Hashable]:
    """Return the ways to merge threads with so many steps each."""
    return sorted(set(permutations([tid for tid, count in enumerate(counts) for _ in range(count)])))


def order_at(trace: Trace, place: str) -> tuple[int, ...]:
    """Return the order in which the threads performed their operations on a place."""
    return tuple(tid for tid, operation in trace.events if operation.accesses and operation.accesses[0].owner == (place,))


def is_uniform(drawn: Counter[int]) -> bool:
    """Tell by chi square, with n - 1 degrees of freedom, up to its mean plus six standard deviations."""
    expected, free = drawn.total() / len(drawn), len(drawn) - 1
    return sum((count - expected) ** 2 / expected for count in drawn.values()) <= free + 6 * (2 * free) ** 0.5


class TestRandomWalk:
    @pytest.mark.parametrize(
        "mask",
        [0b111, 0b1011, 0b10, (1 << 10) - 1, (1 << 100) - 1, 1 << 99 | 1 << 50 | 1, ((1 << 100) - 1) // 3],
        ids=["3 of 3", "3 of 4", "1 of 2", "10 of 10", "100 of 100", "3 of 100", "50 of 100"],
    )
    @pytest.mark.parametrize("is_repeated", [True, False])
    def test_draws_uniformly_from_a_mask(self, mask: int, *, is_repeated: bool) -> None:
        source, picker = random.Random(7), Picker()
        members = bits(mask)
        drawn: Counter[int] = Counter()
        for _ in range(200 * len(members)):
            drawn[picker.pick(mask, source)] += 1
            if not is_repeated:
                picker.pick((1 << 20) - 1, source)
        assert set(drawn) == set(members)
        assert is_uniform(drawn)

    def test_draws_uniformly_within_an_execution_and_over_many(self) -> None:
        draws = Draws(5)
        within: Counter[int] = Counter()
        firsts: Counter[int] = Counter()
        draws.begin(0)
        for _ in range(1_400):
            within[draws.below(7)] += 1
        for execution in range(1, 1_401):
            draws.begin(execution)
            firsts[draws.below(7)] += 1
        assert set(within) == set(firsts) == set(range(7))
        assert is_uniform(within)
        assert is_uniform(firsts)

    def test_draws_the_same_whichever_executions_came_before(self) -> None:
        one, other = Draws(5), Draws(5)
        drawn: dict[int, list[int]] = {}
        for execution in range(200):
            one.begin(execution)
            drawn[execution] = [one.below(3) for _ in range(150)]
        for execution in (70, 3, 3, 199, 130, 131):
            other.begin(execution)
            assert [other.below(3) for _ in range(150)] == drawn[execution]
        assert len({tuple(numbers) for numbers in drawn.values()}) == 200

    def test_draws_values_uniformly(self) -> None:
        def thread() -> Thread:
            drawn.append((yield Announcement("choose", values=3)))

        drawn: list[int] = []
        Machine(lambda: Program([thread()])).explore(RandomWalk(), limit=900)
        assert all(250 < count < 350 for count in Counter(drawn).values())
        assert len(Counter(drawn)) == 3

    def test_gives_each_execution_its_own_seed(self) -> None:
        traces = Machine(independent(5, 5, 5)).explore(RandomWalk(seed=3), limit=20)
        alone = RandomWalk(seed=3)
        alone.execution = 13
        assert deviations(Machine(independent(5, 5, 5)).explore(alone, limit=1)[0]) == deviations(traces[13])
        assert len({deviations(trace) for trace in traces}) > 15

    @pytest.mark.parametrize("seed", [1, -1, 2**70])
    def test_differs_by_seed(self, seed: int) -> None:
        one, other = (Machine(independent(9, 9)).explore(RandomWalk(seed=number), limit=3) for number in (0, seed))
        assert [deviations(trace) for trace in one] != [deviations(trace) for trace in other]

    def test_follows_weights(self) -> None:
        machine = Machine(independent(1, 1, 1))
        traces = machine.explore(RandomWalk(weights={"thread0": 5.0, "thread2": 0.0}), limit=3_000)
        chances = {(0, 1, 2): Fraction(5, 6), (1, 0, 2): Fraction(1, 6)}
        assert excess(Counter(map(path_of, traces)), chances) < 6

    def test_lets_threads_of_weight_zero_go_on_when_no_other_can(self) -> None:
        traces = Machine(independent(3, 3)).explore(RandomWalk(weights={"thread0": 0.0, "thread1": 0.0}), limit=50)
        assert len({path_of(trace) for trace in traces}) > 5

    @pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
    def test_refuses_a_weight_that_is_none(self, weight: float) -> None:
        with pytest.raises(UsageError, match="the weight of thread 'main' is"):
            RandomWalk(weights={"main": weight})


def sampling(threads: Sequence[str]) -> dict[Hashable, Fraction]:
    """Return the exact distribution of schedules under partial order sampling.

    Priorities are independent and have the same distribution, so a new one takes each rank among all that were ever drawn with the same
    probability. All ways in which this can happen are counted.
    """
    found: Counter[Hashable] = Counter()

    def go_on(done: tuple[int, ...], at: tuple[int, ...], ranking: tuple[int, ...], numbers: Mapping[int, int], chance: Fraction) -> None:
        # `ranking` has the numbers of the draws, highest priority first; `numbers` the draw that is valid by thread.
        undrawn = [tid for tid, letters in enumerate(threads) if at[tid] < len(letters) and tid not in numbers]
        if undrawn:
            number = len(ranking)
            for rank in range(number + 1):
                ranked = (*ranking[:rank], number, *ranking[rank:])
                go_on(done, at, ranked, {**numbers, undrawn[0]: number}, chance / (number + 1))
        elif numbers:
            best = min(numbers, key=lambda tid: ranking.index(numbers[tid]))
            happens = threads[best][at[best]]
            rest = {
                tid: number for tid, number in numbers.items()
                if tid != best and (happens == "." or threads[tid][at[tid]] != happens)
            }  # fmt: skip
            go_on((*done, best), tuple(one + (tid == best) for tid, one in enumerate(at)), ranking, rest, chance)
        else:
            found[done] += chance

    go_on((), (0,) * len(threads), (), {}, Fraction(1))
    return dict(found)


class TestPos:
    def test_reference_knows_the_extremes(self) -> None:
        # Nothing conflicts: every permutation of all priorities is as likely. Everything does: the uniform random walk.
        assert sampling(["..", "."]) == {(0, 0, 1): Fraction(1, 3), (0, 1, 0): Fraction(1, 6), (1, 0, 0): Fraction(1, 2)}
        assert sampling(["xx", "x"]) == {(0, 0, 1): Fraction(1, 4), (0, 1, 0): Fraction(1, 4), (1, 0, 0): Fraction(1, 2)}

    @pytest.mark.parametrize(
        "threads",
        [("..", ".."), ("xx", "xx"), (".x", "x."), ("xy", "yx"), ("x.x", "x"), ("x", "x", "x"), ("x.", "x", "."), ("xy", "x", "y")],
        ids=" | ".join,
    )
    def test_samples_as_the_paper_says(self, threads: tuple[str, ...]) -> None:
        traces = Machine(script(*threads)).explore(Pos(seed=11), limit=4_000)
        assert excess(Counter(map(path_of, traces)), sampling(threads)) < 6

    def test_samples_threads_that_begin_as_if_they_had_begun(self) -> None:
        threads = ("xy", "x", "y")

        def make_program() -> Program:
            def begin(thread: Thread) -> Thread:
                yield Announcement("begin")
                yield from thread

            return Program([begin(thread) for thread in script(*threads)().threads])

        traces = Machine(make_program).explore(Pos(seed=11), limit=4_000)
        paths = Counter(tuple(tid for tid, operation in trace.events if operation.kind != "begin") for trace in traces)
        assert excess(paths, sampling(threads)) < 6

    def test_draws_priorities_of_many_evenly(self) -> None:
        source = random.Random(5)
        priorities = Priorities(source)
        firsts: Counter[Hashable] = Counter()
        for _ in range(4_000):
            priorities.clear()
            left, order = 0b11111, []
            while left:
                order.append(priorities.pick(left, 0))
                left ^= 1 << order[-1]
            firsts[tuple(order)] += 1
        assert excess(firsts, evenly(list(permutations(range(5))))) < 6

    def test_takes_what_touches_nobody_knows_what_for_a_rival_of_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def operation_of(announced: Announcement, tid: int) -> Operation:
            return Operation(announced.kind, None, NOWHERE)

        monkeypatch.setattr(synthetic, "operation_of", operation_of)
        traces = Machine(independent(2, 1)).explore(Pos(seed=1), limit=3_000)
        assert excess(Counter(map(path_of, traces)), sampling(["xx", "x"])) < 6

    def test_gives_a_new_priority_to_who_was_blocked(self) -> None:
        def make_program() -> Program:
            holders: dict[str, bool] = {}

            def thread() -> Thread:
                yield from acquire(holders, "a")
                yield from release(holders, "a")

            return Program([thread(), thread(), thread()])

        traces = Machine(make_program).explore(Pos(seed=3), limit=3_000)
        entered = Counter(tuple(tid for tid, operation in trace.events if operation.kind == "acquire") for trace in traces)
        assert excess(entered, evenly(orders(1, 1, 1))) < 6


class TestSurw:
    @pytest.mark.parametrize(
        "threads",
        [("x", "xxxx"), ("xxx", "xxx"), ("x", "x", "xxx"), ("....x", "xx.x"), ("x......", "xxx", "x..x"), (".x", ".", "xxx..")],
        ids=" | ".join,
    )
    def test_samples_the_orders_at_a_place_uniformly(self, threads: tuple[str, ...]) -> None:
        strategy = Surw(seed=5)
        traces = Machine(script(*threads)).explore(strategy, limit=4_001)[1:]
        expected = evenly(orders(*(letters.count("x") for letters in threads)))
        assert excess(Counter(order_at(trace, "x") for trace in traces), expected) < 6

    def test_is_more_uniform_than_the_random_walk(self) -> None:
        traces = Machine(script("x", "xxxx")).explore(RandomWalk(seed=5), limit=4_000)
        assert excess(Counter(order_at(trace, "x") for trace in traces), evenly(orders(1, 4))) > 100

    def test_counts_threads_not_started_yet(self) -> None:
        def writer(times: int) -> simulation.Body:
            for _ in range(times):
                yield ("write", "x", 1)

        def starter() -> simulation.Body:
            yield ("spawn", writer, 2)
            yield ("write", "x", 1)

        def main() -> simulation.Body:
            yield ("spawn", starter)
            yield ("spawn", writer, 1)
            yield ("write", "x", 1)

        strategy = Surw(seed=2)
        seen: Counter[Hashable] = Counter()
        for _ in range(6_001):
            strategy.begin()
            trace = simulation.Machine(simulation.Program(main), strategy).run().trace
            paths = [info.path for info in trace.threads]
            seen[tuple(paths[tid] for tid, operation in trace.events if operation.kind == "write")] += strategy.execution > 1
        names = [(0,), (0, 0), (0, 1), (0, 0, 0)]
        expected = evenly([tuple(names[one] for one in order) for order in orders(1, 1, 1, 2)])  # type: ignore[attr-defined]
        assert excess(seen, expected) < 6

    def test_draws_places_by_how_often_they_are_accessed(self) -> None:
        machine, strategy = Machine(script("xxxyz", "xxxyw")), Surw(seed=4)
        drawn: Counter[Hashable] = Counter()
        machine.explore(strategy, limit=1)
        for _ in range(2_000):
            strategy.begin()
            assert strategy.place is not None
            drawn[strategy.place[0]] += 1
            machine.execute(strategy)
        assert excess(drawn, {("x",): Fraction(3, 4), ("y",): Fraction(1, 4)}) < 6

    def test_turns_from_places_whose_order_a_lock_decides(self) -> None:
        def make_program() -> Program:
            holders: dict[str, bool] = {}

            def thread() -> Thread:
                yield from acquire(holders, "a")
                for _ in range(3):
                    yield Announcement("put", "x")
                yield from release(holders, "a")
                yield Announcement("put", "y")

            return Program([thread(), thread(), thread()])

        machine, strategy = Machine(make_program), Surw(seed=4)
        drawn: Counter[Hashable] = Counter()
        for _ in range(1_000):
            strategy.begin()
            drawn[strategy.place and strategy.place[0][0]] += 1
            machine.execute(strategy)
        # By accesses alone it would be 600.
        assert 0 < drawn["x"] < 500

    def test_samples_lock_orders_uniformly(self) -> None:
        def make_program() -> Program:
            holders: dict[str, bool] = {}

            def thread(times: int) -> Thread:
                for _ in range(times):
                    yield from acquire(holders, "a")
                    yield Announcement("step")
                    yield from release(holders, "a")

            return Program([thread(1), thread(4)])

        traces = Machine(make_program).explore(Surw(seed=6), limit=3_001)[1:]
        entered = Counter(tuple(tid for tid, operation in trace.events if operation.kind == "acquire") for trace in traces)
        assert excess(entered, evenly(orders(1, 4))) < 6

    def test_copes_with_counts_that_differ_from_run_to_run(self) -> None:
        def make_program() -> Program:
            state = {"n": 0}

            def thread() -> Thread:
                for _ in range(3):
                    yield Announcement("put", "x")
                    state["n"] += 1
                    if state["n"] % 3 == 0:
                        return

            return Program([thread(), thread()])

        def paths(strategy: Strategy, limit: int) -> set[tuple[int, ...]]:
            return {path_of(trace) for trace in Machine(make_program).explore(strategy, limit=limit)}

        assert paths(Surw(seed=1), 1_500) == paths(Dfs(), 100_000)


@pytest.mark.parametrize("make", [Pos, Surw], ids=["pos", "surw"])
class TestPosAndSurw:
    def test_is_a_function_of_its_seed(self, make: Callable[..., Strategy]) -> None:
        def run(seed: int) -> list[tuple[Deviation, ...]]:
            return [deviations(trace) for trace in Machine(script("x.yx", "y.x", "xy")).explore(make(seed=seed), limit=30)]

        assert run(3) == run(3)
        assert run(3) != run(4)
        assert len(set(run(3))) > 15

    def test_draws_values_uniformly(self, make: Callable[..., Strategy]) -> None:
        def thread() -> Thread:
            drawn.append((yield Announcement("choose", values=3)))

        drawn: list[int] = []
        Machine(lambda: Program([thread()])).explore(make(), limit=900)
        assert excess(Counter(drawn), evenly(range(3))) < 6

    @pytest.mark.parametrize("kind", ["yield", "step"])
    def test_does_not_let_a_thread_spin_forever(self, make: Callable[..., Strategy], kind: str) -> None:
        def make_program() -> Program:
            state = {"is_set": False}

            def spin() -> Thread:
                while not state["is_set"]:
                    yield Announcement(kind)
                yield Announcement("put", "x")

            def put() -> Thread:
                yield Announcement("put", "x")
                state["is_set"] = True

            return Program([spin(), put(), spin()])

        traces = Machine(make_program, limit=20_000).explore(make(), limit=200 if kind == "step" else 1_000)
        assert all(trace.outcome is None for trace in traces)
        if kind == "yield":
            assert max(trace.moments for trace in traces) < 100

    def test_finds_a_narrow_window_among_many_threads(self, make: Callable[..., Strategy]) -> None:
        def make_program() -> Program:
            pair = {"a": 0, "b": 0}

            def setter() -> Thread:
                for name in pair:
                    yield Announcement("write", name)
                    pair[name] = 1

            def checker() -> Thread:
                yield Announcement("read", "a")
                seen = pair["a"]
                yield Announcement("read", "b")
                assert pair["b"] == seen, "halfway"

            return Program([*(setter() for _ in range(9)), checker()])

        def first_failure(seed: int) -> int:
            machine, strategy = Machine(make_program), make(seed=seed)
            return next(index for index in range(1, 1_000) if machine.explore(strategy, limit=1)[0].outcome)

        assert mean(first_failure(seed) for seed in range(20)) < (30 if make is Surw else 100)


def ordered(constraints: list[tuple[str, str]], length: int) -> Maker:
    """Make a program of two threads that fails if all these pairs of steps, as thread and number, are in this order."""

    def make_program() -> Program:
        seen: list[str] = []

        def thread(me: int) -> Thread:
            for at in range(length):
                yield Announcement("step")
                seen.append(f"{me}{at}")

        def check() -> None:
            assert not all(seen.index(one) < seen.index(other) for one, other in constraints), "bug"

        return Program([thread(0), thread(1)], check)

    return make_program


#: By depth: the other thread first; one preemption at one place; two preemptions, each at one place.
DEEP = {1: [("10", "00")], 2: [("02", "12"), ("12", "03")], 3: [("02", "12"), ("12", "03"), ("03", "13")]}


class TestPct:
    @pytest.mark.parametrize("depth", [1, 2, 3])
    @pytest.mark.parametrize("length", [4, 8])
    def test_keeps_its_guarantee(self, depth: int, length: int) -> None:
        machine, strategy = Machine(ordered(DEEP[depth], length)), Pct(depth=depth, seed=1)
        count = 2_000
        found = sum(trace.outcome is not None for trace in machine.explore(strategy, limit=count))
        assert strategy.longest < 2 * length
        promised = 1 / (2 * (2 * length) ** (depth - 1))
        # The promise is tight for depth 1: allow for three standard deviations of what is drawn.
        assert found >= promised * count - 3 * (promised * count) ** 0.5

    def test_beats_the_random_walk_where_a_thread_has_to_wait_long(self) -> None:
        def make_program() -> Program:
            state = {"is_open": False}

            def slow() -> Thread:
                for _ in range(30):
                    yield Announcement("step")
                state["is_open"] = True

            def quick() -> Thread:
                yield Announcement("step")
                assert not state["is_open"], "overtaken"

            return Program([quick(), slow()])

        def failures(strategy: Strategy) -> int:
            return sum(trace.outcome is not None for trace in Machine(make_program).explore(strategy, limit=200))

        assert failures(Pct(depth=1)) > 60
        assert failures(RandomWalk()) == 0

    def test_makes_no_change_in_its_first_execution(self) -> None:
        trace = Machine(independent(20, 20, 20)).explore(Pct(depth=5), limit=1)[0]
        assert trace.preemptions <= 1

    def test_preempts_at_most_depth_minus_one_times(self) -> None:
        found = Counter(trace.preemptions for trace in Machine(independent(20, 20, 20)).explore(Pct(depth=3), limit=200))
        # One more than that at the beginning, where thread 0 is current and need not have the highest priority.
        assert found.keys() == {0, 1, 2, 3}

    @pytest.mark.parametrize("kind", ["yield", "step"])
    def test_does_not_let_a_thread_spin_forever(self, kind: str) -> None:
        def make_program() -> Program:
            state = {"is_set": False}

            def spin() -> Thread:
                while not state["is_set"]:
                    yield Announcement(kind)

            def put() -> Thread:
                yield Announcement("step")
                state["is_set"] = True

            return Program([spin(), put(), spin()])

        traces = Machine(make_program, limit=20_000).explore(Pct(depth=3), limit=30)
        assert all(trace.outcome is None for trace in traces)
        if kind == "yield":
            assert max(trace.moments for trace in traces) < 50

    def test_refuses_depth_zero(self) -> None:
        with pytest.raises(UsageError, match="depth is 0"):
            Pct(depth=0)
