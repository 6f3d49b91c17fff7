"""Samplers on a synthetic machine: what they draw is what their theory says."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest

from interleave.errors import UsageError
from interleave.model import Deviation, Strategy, Trace
from interleave.strategies._points import bits, pick_bit
from interleave.strategies.pct import Pct
from interleave.strategies.random import RandomWalk
from tests.synthetic import Announcement, Machine, Program, Thread, independent

Maker = Callable[[], Program]


def deviations(trace: Trace) -> tuple[Deviation, ...]:
    return tuple(trace.deviations)


class TestRandomWalk:
    @pytest.mark.parametrize(
        "mask",
        [0b111, 0b1011, 0b10, (1 << 10) - 1, (1 << 100) - 1, 1 << 99 | 1 << 50 | 1, ((1 << 100) - 1) // 3],
        ids=["3 of 3", "3 of 4", "1 of 2", "10 of 10", "100 of 100", "3 of 100", "50 of 100"],
    )
    def test_draws_uniformly_from_a_mask(self, mask: int) -> None:
        source = random.Random(7)
        members = bits(mask)
        drawn = Counter(pick_bit(mask, source) for _ in range(200 * len(members)))
        assert set(drawn) == set(members)
        # Chi square with n - 1 degrees of freedom: its mean plus six standard deviations.
        excess = sum((drawn[member] - 200) ** 2 / 200 for member in members)
        free = len(members) - 1
        assert excess <= free + 6 * (2 * free) ** 0.5

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
