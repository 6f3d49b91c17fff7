"""Strategies on a synthetic machine: what searches cover, what replays follow, what is made by name."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from math import comb, factorial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interleave.errors import ReplayMismatch, UsageError
from interleave.model import Deviation, Point, Schedule, Strategy, Trace
from interleave.strategies import TABLE, make
from interleave.strategies._points import bits
from interleave.strategies.auto import Auto
from interleave.strategies.bounded import Bounded
from interleave.strategies.dfs import Dfs
from interleave.strategies.few import Few
from interleave.strategies.pct import Pct
from interleave.strategies.random import RandomWalk
from interleave.strategies.replay import Replay
from tests.synthetic import Announcement, Machine, Program, Thread, acquire, increments, independent, path_of, release

Maker = Callable[[], Program]


class Scripted(Strategy):
    """Follow given choices, then the first one possible; record how many there were each time."""

    def __init__(self, script: list[int]) -> None:
        self.script = script
        self.offered: list[tuple[int, ...]] = []

    def choose(self, point: Point) -> int:
        options = tuple(range(point.values)) if point.values else bits(point.enabled)
        self.offered.append(options)
        depth = len(self.offered) - 1
        return options[self.script[depth]] if depth < len(self.script) else options[0]


def all_traces(make_program: Maker) -> list[Trace]:
    """Run every schedule, by counting through the choices as through the digits of a number."""
    traces: list[Trace] = []
    script: list[int] = []
    machine = Machine(make_program)
    while True:
        strategy = Scripted(script)
        traces.append(machine.execute(strategy))
        digits = script + [0] * (len(strategy.offered) - len(script))
        while digits and digits[-1] == len(strategy.offered[len(digits) - 1]) - 1:
            digits.pop()
        if not digits:
            return traces
        digits[-1] += 1
        script = digits


def deviations(trace: Trace) -> tuple[Deviation, ...]:
    return tuple(trace.deviations)


def preemptions_in(path: tuple[int, ...], counts: tuple[int, ...]) -> int:
    """Count them anew from the order of steps alone; thread 0 is current at the start."""
    left = list(counts)
    found = current = 0
    for tid in path:
        found += tid != current and left[current] > 0
        left[tid] -= 1
        current = tid
    return found


@st.composite
def programs(draw: st.DrawFn) -> Maker:
    """Draw up to three threads of steps, choices of a value, and sections under one of two locks, which may deadlock."""
    kinds = st.sampled_from(["step", "step", "choose", "a", "b"])
    shape = st.sampled_from([(3,), (3, 3), (2, 3), (1, 2, 2), (2, 1, 1)])
    bodies = [draw(st.lists(kinds, min_size=1, max_size=size)) for size in draw(shape)]

    def make_program() -> Program:
        holders: dict[str, bool] = {}

        def thread(body: list[str]) -> Thread:
            for kind in body:
                if kind in "ab":
                    yield from acquire(holders, kind)
                else:
                    yield Announcement(kind, values=2 if kind == "choose" else 0)
            for kind in body:
                if kind in "ab" and holders.get(kind):
                    yield from release(holders, kind)

        return Program([thread(body) for body in bodies])

    return make_program


class TestDfs:
    @pytest.mark.parametrize("counts", [(1, 1), (2, 2), (3, 3), (5, 5), (2, 3), (1, 1, 1), (2, 2, 2), (1, 2, 3), (1, 1, 1, 1), (4,)])
    def test_runs_every_interleaving_once(self, counts: tuple[int, ...]) -> None:
        paths = [path_of(trace) for trace in Machine(independent(*counts)).explore(Dfs())]
        expected = factorial(sum(counts))
        for count in counts:
            expected //= factorial(count)
        assert len(paths) == len(set(paths)) == expected

    def test_runs_binomially_many_for_two_threads(self) -> None:
        assert [len(Machine(independent(n, n)).explore(Dfs())) for n in range(1, 7)] == [comb(2 * n, n) for n in range(1, 7)]

    @pytest.mark.parametrize("counts", [(3, 3), (2, 2, 2), (1, 3, 2)])
    def test_runs_each_bound_completely_before_the_next(self, counts: tuple[int, ...]) -> None:
        every = set(itertools.permutations([tid for tid, count in enumerate(counts) for _ in range(count)]))
        expected = Counter(preemptions_in(path, counts) for path in every)
        found = [trace.preemptions for trace in Machine(independent(*counts)).explore(Dfs())]
        assert found == sorted(found)
        assert Counter(found) == expected
        for bound in range(max(expected) + 2):
            strategy = Dfs(preemptions=bound)
            paths = [path_of(trace) for trace in Machine(independent(*counts)).explore(strategy)]
            assert len(paths) == len(set(paths))
            assert set(paths) == {path for path in every if preemptions_in(path, counts) <= bound}
            is_cut = any(number > bound for number in expected)
            assert strategy.scope == (f"every schedule with at most {bound} preemption{'s' * (bound != 1)}" if is_cut else "every schedule")

    @given(programs())
    @settings(max_examples=60, deadline=None)
    def test_agrees_with_brute_force(self, make_program: Maker) -> None:
        # Which choices were made says which schedule it was, as both start from the same defaults.
        expected = Counter((path_of(trace), deviations(trace)) for trace in all_traces(make_program))
        found = [(path_of(trace), deviations(trace)) for trace in Machine(make_program).explore(Dfs(), limit=100_000)]
        assert max(expected.values()) == 1
        assert Counter(found) == expected

    @given(programs(), st.integers(0, 2))
    @settings(max_examples=30, deadline=None)
    def test_bound_leaves_out_nothing_below_it(self, make_program: Maker, bound: int) -> None:
        expected = Counter(deviations(trace) for trace in all_traces(make_program) if trace.preemptions <= bound)
        found = [deviations(trace) for trace in Machine(make_program).explore(Dfs(preemptions=bound), limit=100_000)]
        assert Counter(found) == expected

    @given(programs())
    @settings(max_examples=20, deadline=None)
    def test_known_remainder_never_exceeds_the_true_one(self, make_program: Maker) -> None:
        total = len(Machine(make_program).explore(Dfs(), limit=100_000))
        machine, strategy = Machine(make_program), Dfs()
        for done in range(total):
            assert strategy.remaining <= total - done
            assert strategy.remaining > 0
            assert strategy.begin()
            machine.execute(strategy)
        assert strategy.remaining == 0
        assert not strategy.begin()

    def test_begins_again_when_points_appear(self) -> None:
        machine, strategy = Machine(increments(2)), Dfs()
        traces = machine.explore(strategy)
        assert traces[0].has_new_points
        # Without points inside, the first execution looked like one of two; with them there are C(4, 2).
        assert strategy.schedules == 6
        assert len({path_of(trace) for trace in traces[1:]}) == 6
        assert sum(trace.outcome is not None for trace in traces) == 4

    def test_names_the_step_that_did_not_repeat(self) -> None:
        runs = itertools.count()

        def make_program() -> Program:
            run = next(runs)

            def thread() -> Thread:
                yield Announcement("step")
                yield Announcement("step" if run < 3 else "other")
                yield Announcement("step")

            return Program([thread(), thread()])

        with pytest.raises(ReplayMismatch, match=r"step 1 \(program\.py:10\).*'other' of thread 0.*'step' of thread 0") as caught:
            Machine(make_program).explore(Dfs())
        assert (caught.value.step, caught.value.where) == (1, "program.py:10")

    def test_names_the_end_that_came_too_early(self) -> None:
        runs = itertools.count()
        with pytest.raises(ReplayMismatch, match="the execution ended"):
            Machine(lambda: independent(*((2, 2) if next(runs) < 4 else (0, 1)))()).explore(Dfs())

    def test_finds_a_lost_update_with_one_preemption(self) -> None:
        failed = [trace for trace in Machine(increments(2)).explore(Dfs(preemptions=1)) if trace.outcome]
        assert failed
        assert {trace.preemptions for trace in failed} == {1}

    def test_refuses_a_negative_bound(self) -> None:
        with pytest.raises(UsageError, match="-1"):
            Dfs(preemptions=-1)


class TestReplay:
    @given(programs(), st.integers(0, 1000))
    @settings(max_examples=60, deadline=None)
    def test_repeats_an_execution(self, make_program: Maker, seed: int) -> None:
        machine = Machine(make_program)
        recorded = machine.explore(RandomWalk(seed=seed), limit=1)[0]
        replays = machine.explore(Replay(Schedule(deviations(recorded), recorded.moments)))
        assert len(replays) == 1
        assert path_of(replays[0]) == path_of(recorded)
        assert replays[0].deviations == recorded.deviations
        assert replays[0].preemptions == recorded.preemptions

    def test_repeats_what_was_recorded_before_points_were_known(self) -> None:
        machine = Machine(increments(3, times=2))
        recorded = machine.explore(RandomWalk(seed=5), limit=1)[0]
        assert recorded.has_new_points
        again = machine.explore(Replay(Schedule(deviations(recorded), recorded.moments)))[0]
        assert path_of(again) == path_of(recorded)

    @pytest.mark.parametrize(
        ("schedule", "said"),
        [
            (Schedule((Deviation(3, 7),)), r"step 1 \(program\.py:10\): logical thread 7 was recorded, but only these can go on: 0, 1"),
            (Schedule((Deviation(1, 1),)), "nothing was to be chosen at moment 1"),
            (Schedule((Deviation(2, 1), Deviation(40, 1))), "recorded choices were left: 1"),
            (Schedule((Deviation(2, 1),), 99), "ended at announcement 6, where the recorded one ended at 99"),
        ],
        ids=["not enabled", "no choice", "too short", "other length"],
    )
    def test_raises_where_it_cannot_follow(self, schedule: Schedule, said: str) -> None:
        with pytest.raises(ReplayMismatch, match=said):
            Machine(independent(2, 2)).explore(Replay(schedule))
        lenient = Replay(schedule, strict=False)
        assert path_of(Machine(independent(2, 2)).explore(lenient)[0]) in {(0, 0, 1, 1), (1, 1, 0, 0)}
        assert lenient.divergence is not None

    def test_raises_for_a_value_that_is_not_there(self) -> None:
        def thread() -> Thread:
            yield Announcement("choose", values=2)

        with pytest.raises(ReplayMismatch, match="value 2 was recorded, but there are 2"):
            Machine(lambda: Program([thread()])).explore(Replay(Schedule((Deviation(2, 2),))))

    def test_follows_without_divergence(self) -> None:
        strategy = Replay(Schedule((Deviation(2, 1),), 6))
        assert path_of(Machine(independent(2, 2)).explore(strategy)[0]) == (1, 1, 0, 0)
        assert strategy.divergence is None


def conflicting(*counts: int) -> Maker:
    """Make a program whose threads write one place so many times each: every order of the writes is a class of its own."""

    def thread(count: int) -> Thread:
        for _ in range(count):
            yield Announcement("write", "x")

    return lambda: Program([thread(count) for count in counts])


class TestAuto:
    @pytest.mark.parametrize("counts", [(2, 2), (3, 3), (2, 2, 2)])
    def test_proves_what_is_small(self, counts: tuple[int, ...]) -> None:
        strategy = Auto(executions=2_000)
        traces = Machine(conflicting(*counts)).explore(strategy, limit=2_000)
        expected = factorial(sum(counts))
        for count in counts:
            expected //= factorial(count)
        assert strategy.scope == "every schedule"
        assert strategy.shares["dpor"] == expected == len({path_of(trace) for trace in traces})

    def test_proves_at_once_where_nothing_conflicts(self) -> None:
        strategy = Auto(executions=2_000)
        assert len(Machine(independent(20, 20, 20)).explore(strategy)) == 1
        assert strategy.scope == "every schedule"

    def test_leaves_tiny_spaces_to_the_prover(self) -> None:
        strategy = Auto(executions=2_000)
        assert len(Machine(conflicting(2, 2)).explore(strategy)) == 6
        assert strategy.shares == {"dpor": 6}

    def test_samples_what_is_large(self) -> None:
        strategy = Auto(executions=500)
        traces = Machine(conflicting(20, 20, 20)).explore(strategy, limit=500)
        assert len(traces) == 500
        assert strategy.scope == ""
        assert strategy.prover is None
        shares = strategy.shares
        assert shares["dpor"] < 30
        assert min(shares["surw"], shares["pos"]) > 170
        assert min(shares["pct(2)"], shares["pct(3)"], shares["random"]) > 25

    def test_gives_up_without_a_budget_too(self) -> None:
        strategy = Auto(executions=None)
        Machine(conflicting(20, 20, 20, 20)).explore(strategy, limit=200)
        assert strategy.prover is None

    def test_proves_what_only_seems_to_be_large(self) -> None:
        def make_program() -> Program:
            # Every thread goes on only when the one before has ended, so there is one order of their writes.
            ended = [False] * 8

            def thread(me: int) -> Thread:
                for step in range(4):
                    yield Announcement("write", "x", guard=lambda: me == 0 or ended[me - 1])
                    ended[me] = step == 3

            return Program([thread(me) for me in range(8)])

        strategy = Auto(executions=2_000)
        Machine(make_program).explore(strategy, limit=2_000)
        assert strategy.scope == "every schedule"

    @pytest.mark.parametrize("bound", [0, 1])
    def test_honours_the_bound_on_preemptions(self, bound: int) -> None:
        strategy = Auto(preemptions=bound, executions=2_000)
        Machine(independent(10, 10, 10)).explore(strategy, limit=2_000)
        assert strategy.scope == f"every schedule with at most {bound} preemption{'s' * (bound != 1)}"
        assert "dpor" not in strategy.shares

    def test_begins_with_the_default_schedule(self) -> None:
        assert not Machine(conflicting(9, 9)).explore(Auto(), limit=1)[0].deviations

    def test_proves_anew_when_a_sampler_finds_points(self) -> None:
        machine, strategy = Machine(independent(4, 4)), Auto(preemptions=9, executions=2_000)
        while strategy.begin() and len(strategy.shares) == 1:
            machine.execute(strategy)
        assert list(strategy.shares) == ["dfs", "surw"]
        strategy.end(Trace(has_new_points=True))
        before = strategy.shares["dfs"]
        assert before > 1
        machine.explore(strategy)
        assert strategy.scope == "every schedule"
        assert strategy.shares["dfs"] - before == comb(8, 4)

    @pytest.mark.parametrize("padding", [0, 10, 40])
    def test_finds_a_lost_update_soon(self, padding: int) -> None:
        traces = Machine(increments(2, padding=padding)).explore(Auto(executions=1_000), limit=100)
        assert any(trace.outcome for trace in traces)


class TestMake:
    @pytest.mark.parametrize("name", sorted(TABLE))
    def test_makes_every_strategy_of_the_table(self, name: str) -> None:
        traces = Machine(conflicting(2, 2)).explore(make(name, seed=1, executions=100), limit=100)
        # Where nothing is known to conflict yet, the first execution of a search by schedules is one of two.
        assert len(traces) == {"auto": 6, "dfs": 7, "dpor": 6}.get(name, 100)
        assert len({path_of(trace) for trace in traces}) == 6

    def test_passes_options_on(self) -> None:
        pct, dfs = make("pct", seed=4), make("dfs", preemptions=2)
        assert isinstance(pct, Pct)
        assert (pct.seed, pct.depth) == (4, 3)
        assert isinstance(dfs, Dfs)
        assert dfs.preemptions == 2

    def test_lists_the_strategies_for_an_unknown_name(self) -> None:
        with pytest.raises(UsageError, match=r"no strategy 'randm'\. Did you mean 'random'\?\n.*auto, dfs, dpor, pct, pos, random, surw"):
            make("randm")

    def test_refuses_a_bound_that_would_be_ignored(self) -> None:
        with pytest.raises(UsageError, match=r"'random' takes no bound on preemptions \(2\)"):
            make("random", preemptions=2)
        with pytest.raises(UsageError, match=r"Those that take one are auto, dfs, dpor"):
            make("pos", preemptions=2)
        assert isinstance(make("dpor", preemptions=2), Bounded)


@pytest.mark.parametrize("preemptions", [0, 1, 2])
def test_few_comes_to_all_schedules_within_the_bound_and_to_no_others(preemptions: int) -> None:
    machine = Machine(increments(3))
    found = machine.explore(Few(lambda: preemptions), limit=3_000)
    assert max(trace.preemptions for trace in found) == preemptions
    assert {path_of(trace) for trace in found} == {path_of(trace) for trace in machine.explore(Dfs(preemptions=preemptions), limit=50_000)}
