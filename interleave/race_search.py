"""Looking for races and lock-order inversions during an exploration, and trying at once what is foretold.

**What is looked at.** Ordinary executions only record what sampling needs, so to look at one is to run its schedule again with every access
and all locks held recorded (the first one is run again anyway). That is done for the first few executions; for those in which an access
was met in conflict for the first time (`Trace.has_new_points`: two threads, one writing, no lock common to all accesses, which is what
a race consists of, `runtime.places`); and for the executions with numbers that are powers of two, as code that was in conflict before may
race in new pairs. So all sites at which conflicts were ever met are looked at once, up to `MOST_NEW` executions. Beyond a small amount that
is free, looking may take one in `SHARE` of the announcements that an exploration makes; so where executions have thousands of steps, few of
them are looked at. Of one execution the first `sightings.MOST_EVENTS` events count.

**What is found** goes through three steps. `sightings` finds what the trace shows; where that is new, the schedule is run once more in
detail, for values and names, and graded (`benign`). What the trace foretells, unserializable pairs and deadlocks that another schedule may
show, is tried by steering an execution there (`strategies.steer`): a few schedules for each, before the next one is sampled. A trial that
ends in a deadlock, an exception or a failed assertion has found an ordinary failure. Trials take the first of several values
(`interleave.choose`, which waiter), so what needs another one is left to sampling. None is made under a bound on preemptions, which it
might exceed, for a strategy of the caller's own, or when the budget is spent.

**Tasks** of asyncio, and threads beside them, are looked at in detailed runs only: tasks for lost updates, threads for what nothing orders
as well (`detectors.task_steps`). Nothing is foretold for them.

**What fails a run** depends on `races`: "report" nothing, "harmful" the harmful ones, "fail" all that are not benign. Such a race becomes
the outcome of its execution and is then simplified, verified and replayed like every failure: `follow` runs a schedule and judges it anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import replace

from interleave.detectors import lock_order, sightings, task_steps
from interleave.detectors.accounts import Accounts
from interleave.detectors.lock_order import Nesting
from interleave.detectors.sightings import Sighting
from interleave.model import Inversion, Outcome, Race, Schedule, Strategy, Trace
from interleave.repetition import schedule_of
from interleave.runner import Runner
from interleave.strategies.serial import Serial
from interleave.strategies.steer import Steer, goals_of

#: Executions looked at: the first ones, and those with new points.
FIRST = 3
MOST_NEW = 12
#: Looks may cost one in so many announcements, beyond `FREE` of them; one made to look counts as `WEIGHT`, for what is thought about it.
SHARE = 40
FREE = 20_000
WEIGHT = 3
#: Schedules tried for one prediction, after one look, and in all; and announcements that those of one look may make.
TRIES_EACH = 2
TRIES_AT_ONCE = 8
TRIES = 48
TRY_MOMENTS = 20_000
#: How often one race is looked at in detail, to see whether it does harm.
DETAILS = 3
_Key = tuple[str, ...]
_ORDER = ("harmful", "possible", "benign")


class RaceSearch:
    """What is known of races in one exploration."""

    def __init__(self, runner: Runner, mode: str, *, steers: bool = True) -> None:
        self.mode = mode
        self._runner = runner
        self._steers = steers
        self._races: dict[_Key, Race] = {}
        self._inversions: dict[_Key, Inversion] = {}
        #: How often a race was run in detail, and a prediction tried.
        self._details: Counter[_Key] = Counter()
        self._tries: Counter[tuple[str, _Key]] = Counter()
        self._news = 0
        #: Announcements made by all executions, and by those made to look.
        self._moments = 0
        self._looked = 0
        self._reference: list[Trace | None] = []

    @property
    def is_on(self) -> bool:
        """Whether races are looked for."""
        return self.mode != "off"

    def races(self) -> tuple[Race, ...]:
        """Return the races seen, harmful ones first; pairs that are part of an unserializable one are left out."""
        known = list(self._races.values())
        whole = [one.key for one in known if one.kind == "unserializable"]
        kept = [one for one in known if one.kind == "unserializable" or not any(sightings.is_part_of(one.key, key) for key in whole)]
        return tuple(sorted(kept, key=lambda one: (_ORDER.index(one.severity), sightings.rank_of(one.pattern))))

    def inversions(self) -> tuple[Inversion, ...]:
        """Return the lock-order inversions seen, confirmed ones first."""
        return tuple(sorted(self._inversions.values(), key=lambda one: not one.is_confirmed))

    def look(self, trace: Trace, executions: int, *, watched: Trace | None = None, may_try: bool = True) -> Iterator[Trace]:
        """Look at an execution if it is its turn; yield the failing executions that come of it.

        `watched` is the same execution with its witness, if there is one already. Without `may_try` nothing foretold is tried.
        """
        if not self.is_on:
            return
        self._moments += trace.moments
        if watched is None or trace.has_tasks:
            if not self._is_due(trace, executions):
                return
            watched = trace if trace.has_tasks else self._run(trace.choices)
        yield from self._study(watched, executions)
        if may_try and self._steers and not trace.has_tasks:
            yield from self._try_all(watched, executions)

    def _races_in(self, detailed: Trace, only: Container[_Key] | None = None) -> list[Race]:
        """Return the races that an execution run in detail shows, or those with some keys."""
        view = task_steps.unfolded(detailed) if detailed.has_tasks else detailed
        if view is None or view.witness is None:
            return []
        seen = task_steps.seen(view) if detailed.has_tasks else sightings.seen(view.events, view.witness)
        wanted = [alike for key, alike in seen.items() if only is None or key in only]
        accounts = self._accounts(view) if wanted else None
        return [accounts.race(alike) for alike in wanted if accounts is not None]

    def follow(self, schedule: Schedule, key: _Key, *, detailed: bool = False) -> Trace:
        """Run a schedule, and look for the race with this signature."""
        return self.judged(self._run(schedule, detailed=detailed), key, is_detailed=detailed)

    def judged(self, trace: Trace, key: _Key, *, is_detailed: bool = False) -> Trace:
        """Return an execution that has a witness; the race with this signature is its outcome if it is there and nothing else failed."""
        assert trace.witness is not None
        if trace.outcome is None and (trace.has_tasks or key[1:] in sightings.seen(trace.events, trace.witness)):
            races = self._races_in(trace if is_detailed else self._detailed(trace), only=(key[1:],))
            trace.outcome = next((_outcome(race) for race in races if self._fails(race)), None)
        return trace

    def judge(self, trace: Trace) -> tuple[Race, ...]:
        """Return the races that an execution run in detail shows, unless it fails; make the worst its outcome if `mode` says so."""
        if self.is_on and trace.outcome is None:
            for race in self._races_in(trace):
                self._enter(race, trace, 1)
        races = self.races()
        failing = [race for race in races if self._fails(race)]
        if trace.outcome is None and failing:
            trace.outcome = _outcome(failing[0])
        return races

    def _is_due(self, trace: Trace, executions: int) -> bool:
        if self._looked > FREE and self._looked * SHARE > self._moments:
            return False
        if trace.has_new_points and self._news < MOST_NEW:
            self._news += 1
            return True
        return executions <= FIRST or executions & (executions - 1) == 0

    def _run(self, how: Schedule | Strategy, *, detailed: bool = False) -> Trace:
        """Run a schedule with a witness, or one execution by a strategy, which is no part of what a search covers."""
        runner = self._runner
        runner.statistics.looks += 1
        runner.control.collect()
        if isinstance(how, Schedule):
            trace = runner.follow(how, detailed=detailed, watched=True)
        else:
            was_cut = runner.was_cut
            how.begin()
            trace = runner.execute(how, detailed=detailed, watched=True)
            runner.was_cut = was_cut
        self._looked += trace.moments * WEIGHT
        return trace

    def _study(self, trace: Trace, executions: int) -> Iterator[Trace]:
        """Take in the races that an execution shows, which has a witness or tasks; yield it if it fails by one."""
        news: list[_Key] | None = None
        if not trace.has_tasks:
            assert trace.witness is not None
            news = [key for key, alike in sightings.seen(trace.events, trace.witness).items() if self._is_news(key, alike[0])]
            if not news:
                return
            self._details.update(news)
        detailed = self._detailed(trace)
        if detailed.has_tasks and detailed.outcome is not None:
            return
        failing = [race for one in self._races_in(detailed, news) if self._fails(race := self._enter(one, detailed, executions))]
        if failing and detailed.outcome is None:
            detailed.outcome = _outcome(min(failing, key=lambda race: sightings.rank_of(race.pattern)))
            yield detailed

    def _is_news(self, key: _Key, worst: Sighting) -> bool:
        """Tell whether a sighting says more of a race than is known."""
        known = self._races.get(key)
        if self._details[key] >= DETAILS or (known is not None and known.severity == "harmful"):
            return False
        return known is None or worst.rank < sightings.rank_of(known.pattern) or worst.pattern in ("read-write-write", "write-write-read")

    def _enter(self, race: Race, trace: Trace, executions: int) -> Race:
        """Keep a race with its seed, unless it is known to be as bad."""
        known = self._races.get(race.key)
        if known is not None and _badness(known) <= _badness(race):
            return known
        seed = self._runner.seed_of(schedule_of(trace))
        race = replace(race, seed=seed, executions=executions, replay_command=self._runner.command_for(seed))
        self._races[race.key] = race
        return race

    def _accounts(self, trace: Trace) -> Accounts:
        """Return what describes the races of a trace.

        The reference is the default schedule, or tasks that go on as long as they can; none if even that fails or loses updates.
        """
        if not self._reference:
            reference: Trace | None = None
            if not trace.has_tasks:
                reference = self._run(Schedule(()), detailed=True)
            elif (view := task_steps.unfolded(self._run(Serial(), detailed=True))) is not None and not task_steps.loses_updates(view):
                reference = view
            self._reference.append(reference if reference is not None and reference.outcome is None else None)
        return Accounts(trace, self._reference[0])

    def _fails(self, race: Race) -> bool:
        return race.severity == "harmful" if self.mode == "harmful" else self.mode == "fail" and race.severity != "benign"

    def _detailed(self, trace: Trace) -> Trace:
        """Run the schedule of a trace again, in detail."""
        return self._run(trace.choices, detailed=True)

    def _try_all(self, watched: Trace, executions: int) -> Iterator[Trace]:
        """Try what an execution foretells; yield the executions that fail."""
        assert watched.witness is not None
        left, moments = TRIES_AT_ONCE, TRY_MOMENTS
        for cycle in list(lock_order.cycles(watched.events[: sightings.MOST_EVENTS], watched.witness)):
            yield from self._try_cycle(cycle, watched, executions)
        for one in sightings.foretold(watched.events, watched.witness):
            known = self._races.get(one.key)
            if known is not None and (known.severity == "harmful" or sightings.rank_of(known.pattern) <= one.rank):
                continue
            if left <= 0 or moments <= 0 or not self._may_try(one.pattern, one.key):
                continue
            trace = self._steer(one.positions, watched)
            left, moments = left - 1, moments - trace.moments
            yield from self._failing(trace)
            yield from self._study(trace, executions)

    def _may_try(self, pattern: str, key: _Key) -> bool:
        """Count one more trial of a prediction, unless there were enough."""
        if self._tries[pattern, key] >= TRIES_EACH or self._tries.total() >= TRIES or self._runner.is_over:
            return False
        self._tries[pattern, key] += 1
        return True

    def _steer(self, positions: tuple[int, ...], watched: Trace) -> Trace:
        """Run one execution in which the events at these positions happen in this order, if it can be."""
        self._runner.statistics.tries += 1
        return self._run(Steer(goals_of(positions, watched.events, watched.threads), length=watched.moments))

    def _failing(self, trace: Trace) -> Iterator[Trace]:
        if trace.outcome is not None and trace.outcome.kind != "livelock":
            yield trace

    def _try_cycle(self, cycle: tuple[Nesting, ...], watched: Trace, executions: int) -> Iterator[Trace]:
        """Try to run into a deadlock that a cycle of lock orders foretells, and note the inversion either way."""
        events = watched.events
        sites = sorted(f"{events[at][1].site}" for one in cycle for at in (one.outer_at, one.inner_at))
        key = ("lock order", *sites)
        known = self._inversions.get(key)
        if (known is not None and known.is_confirmed) or not self._may_try("", key):
            return
        if known is None:
            detailed = self._detailed(watched)
            if len(detailed.events) != len(events):
                return
            seed = self._runner.seed_of(schedule_of(detailed))
            known = replace(self._accounts(detailed).inversion(cycle, key), seed=seed, executions=executions)
            self._inversions[key] = known
        trace = self._steer((*(one.outer_at for one in cycle), *(one.inner_at for one in cycle)), watched)
        if trace.outcome is not None and trace.outcome.kind == "deadlock":
            seed = self._runner.seed_of(schedule_of(trace))
            self._inversions[key] = replace(known, is_confirmed=True, seed=seed)
        yield from self._failing(trace)


def _badness(race: Race) -> tuple[bool, int]:
    return race.severity != "harmful", sightings.rank_of(race.pattern)


def _outcome(race: Race) -> Outcome:
    last = race.accesses[-1]
    return Outcome("race", race.message, ("race", *race.key), tid=last.tid, where=last.where, race=race)
