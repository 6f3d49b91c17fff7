"""Partial-order reduction under a bound on preemptions: one execution per class of schedules that the bound leaves.

A class of equivalent schedules is within the bound if one of its schedules is. Reversing races, as `dpor` does, cannot tell which are:
the classes between two others may be beyond the bound although these are not (Coons, Musuvathi, McKinley, "Bounded Partial-Order
Reduction", OOPSLA 2013). So this search does not reverse races. It keeps what executions have shown as an *unfolding* (Rodríguez, Sousa,
Sharma, Kroening, "Unfolding-based Partial Order Reduction", CONCUR 2015), and looks there for schedules that lead to something not yet
seen.

**The unfolding.** An event is what a thread did, together with all that happened before: its thread, its operation, the event of the
thread before it, and of each other thread the last one that its operation conflicts with. So an event occurs in many classes, and the
last event of each thread (a *configuration*) says which class a schedule so far belongs to. What a thread announces next depends on its
last event alone; whether that is enabled, on the event that it would be. Both are learned once, in the first execution that comes there.

**The search** goes through pairs of configuration and running thread, those with fewest preemptions first (the iterative bounding of
CHESS, PLDI 2007), without running anything. Where it meets what is not known, it has one execution follow the way it came and go on
without preemptions, and learns from that. When it comes to the end of a schedule whose class was not run, it has that run. An execution
that showed something new was of a new class, and one that ends a new class is too: none is redundant, and there are exactly as many as
there are classes within the bound.

Of what blocks, locks and joins are known without being tried: a lock is free after a release, a join goes on after the end. For other
guards an execution may have to go where it shows only that something is not enabled; should it end a class that was run, it is counted in
`redundant`. Each of these settles whether one event is enabled, so there are at most as many as events that may block and did not happen.

What starts and joins threads and begins and ends them is no event, as in the literature: it is executed as soon as possible, and to
switch away from a thread that has only done that is no preemption.

Preemptions are tried only where the next operation conflicts with one of another thread, as far as known; any other could as well be
executed first. When that changes, the search through what is known begins anew. What time enables when nothing else can run depends on
everything before, and is learned for each configuration. For programs with daemon threads, or threads woken because somebody looks at the
clock, it gives way to `dfs` with the same bound.

The memory needed grows with the number of configurations within the bound; unlike `dpor`, this search does not forget.
"""

from __future__ import annotations

from typing import NamedTuple

from interleave.model import Operation, Point, Strategy, Trace
from interleave.strategies._footprint import Footprints
from interleave.strategies._happens_before import is_mutex
from interleave.strategies._identity import Identity
from interleave.strategies._lateness import late_events
from interleave.strategies._points import bits, mismatch
from interleave.strategies._unfolding import Announced, Configuration, Unfolding
from interleave.strategies.dfs import Dfs, scope_within

#: A step of a schedule: the number of the thread, and the values chosen in it.
_Step = tuple[int, tuple[int, ...]]
#: Who runs before the first event.
_NOBODY = -1


class _Place(NamedTuple):
    """A configuration with the thread that runs, and the way by which it was reached first."""

    configuration: Configuration
    running: int
    before: _Place | None = None
    step: _Step = (0, ())


class Bounded(Strategy):
    """Run one schedule of every class that has one with at most `preemptions` preemptions.

    `redundant` counts executions of classes that were run before. Raises `UsageError` for a negative bound.
    """

    def __init__(self, preemptions: int) -> None:
        self.every_access = self.joins_blocks = True
        self.preemptions = preemptions
        self.scope = scope_within(preemptions)
        self._threads = Identity()
        self._footprints = Footprints()
        self._unfolding = Unfolding()
        #: Configurations with which an execution ended.
        self._ended: set[Configuration] = set()
        #: Takes over where this search cannot tell what depends on what.
        self._other: Dfs | None = None
        # The execution under way: the steps to follow; at each point who was enabled, what was announced, and the values asked for.
        self._path: list[_Step] = []
        self._seen: list[tuple[int, list[Operation | None]]] = []
        self._asked: list[list[tuple[int, int]]] = []
        self._restart()

    def _restart(self) -> None:
        """Begin the search through what is known at the root."""
        self._bound = 0
        #: Places yet to be looked at, the next one last: of this bound, and of the next.
        self._todo = [_Place(self._unfolding.start, _NOBODY)]
        self._deferred: list[_Place] = []
        self._visited: set[tuple[Configuration, int]] = set()
        self._was_cut = False

    @property
    def bound(self) -> int:
        """Return the number of preemptions at hand; all schedules with fewer have been run, as far as conflicts are known."""
        return self._bound if self._other is None else self._other.bound

    def resume(self, executions: int | None) -> None:
        """Have the other search, if it has taken over, begin anew."""
        if self._other is not None:
            self._other.restart()

    def begin(self) -> bool:
        """Search through what is known for a schedule that is not; return False if there is none within the bound."""
        if self._other is not None:
            return self._other.begin()
        self._seen, self._asked = [], []
        while self._todo or self._deferred:
            if not self._todo:
                self._bound += 1
                self._todo, self._deferred = self._deferred, []
            place = self._todo.pop()
            if (place.configuration, place.running) in self._visited:
                continue
            unknown = self._expand(place)
            if unknown is not None:
                self._todo.append(place)
                self._path = [*_way_to(place), *unknown]
                self._threads.forget()
                return True
            self._visited.add((place.configuration, place.running))
        if not self._was_cut:
            self.scope = "every schedule"
        return False

    def choose(self, point: Point) -> int:
        """Follow the way to what is to be seen, then go on without preemptions."""
        if self._other is not None:
            return self._other.choose(point)
        position = len(point.events)
        if point.values:
            asked = self._asked[position]
            values = self._path[position][1] if position < len(self._path) else ()
            pick = values[len(asked)] if len(asked) < len(values) else 0
            asked.append((point.values, pick))
            return pick
        if len(self._threads.number_of) != len(point.threads):
            self._threads.learn(point.threads)
        del self._seen[position:], self._asked[position:]
        self._seen.append((point.enabled, list(point.pending)))
        self._asked.append([])
        if position >= len(self._path):
            return point.default
        tid = self._threads.tid_of.get(self._path[position][0], -1)
        if tid < 0 or not point.enabled >> tid & 1:
            raise mismatch(point, point.current)
        return tid

    def end(self, trace: Trace) -> None:
        """Enter what was seen into the unfolding."""
        if self._other is not None:
            self._other.end(trace)
            return
        self._threads.learn(trace.threads)
        if self._threads.daemons or trace.has_tasks or trace.has_blocks or any(not late.is_idle for late in trace.late):
            self._other = Dfs(preemptions=self.preemptions)
            self.every_access = self.joins_blocks = False
            self.scope = self._other.scope
            return
        configuration = self._enter(trace)
        self._unfolding.close(configuration)
        self.redundant += configuration in self._ended
        self._ended.add(configuration)
        if self._unfolding.has_new_conflicts():
            self._restart()

    def _enter(self, trace: Trace) -> Configuration:
        """Enter the events of an execution, with what was announced before each, and return the configuration at its end."""
        unfolding, number_of = self._unfolding, self._threads.number_of
        woken = {late.position: late.tids for late in trace.late}
        lateness = late_events(trace)
        configuration = unfolding.start
        for position in range(len(self._seen)):
            if position in woken:
                unfolding.wake(configuration, tuple(number_of[tid] for tid in bits(woken[position])))
            self._learn(configuration, position)
            if position == len(trace.events):
                # The scenario's own end may be announced without being an event.
                break
            tid, operation = trace.events[position]
            spawned = number_of[operation.target] if operation.kind == "spawn" else -1
            asked = self._asked[position]
            configuration = unfolding.enter(configuration, number_of[tid], asked, is_late=position in lateness, spawned=spawned)
        if len(trace.events) in woken:
            unfolding.wake(configuration, tuple(number_of[tid] for tid in bits(woken[len(trace.events)])))
        return configuration

    def _learn(self, configuration: Configuration, position: int) -> None:
        """Take in what was announced, and what of it was enabled, before an event."""
        enabled, pending = self._seen[position]
        for tid, operation in enumerate(pending):
            if operation is not None:
                joined = self._threads.number_of[operation.target] if operation.kind == "join" and operation.target >= 0 else -1
                is_lock = operation.kind == "acquire" and bool(operation.accesses) and is_mutex(operation)
                announced = Announced(operation.kind, self._footprints.of(operation), joined, is_lock)
                is_enabled = bool(enabled >> tid & 1)
                self._unfolding.announce(configuration, self._threads.number_of[tid], announced, is_enabled=is_enabled)

    def _expand(self, place: _Place) -> list[_Step] | None:
        """Note all that may come next; if something is not known, return what to run after the way here to see it."""
        unfolding, configuration, running = self._unfolding, place.configuration, place.running
        if configuration in self._ended:
            return None
        able = unfolding.enabled(configuration)
        if able is None:
            return []
        can_go_on = running in able
        silent = next((number for number in able if unfolding.is_silent(configuration, number)), None)
        if silent is not None:
            able, can_go_on = (silent,), False
        elif can_go_on and unfolding.is_local(configuration, running):
            able = (running,)
        free: list[_Place] = []
        costly: list[_Place] = []
        for number in able:
            for values, following in unfolding.steps(configuration, number):
                if following is None:
                    if number == running or not can_go_on or self._bound < self.preemptions:
                        return [(number, values)]
                    self._was_cut = True
                    continue
                then = running if silent is not None else number
                (costly if can_go_on and number != running else free).append(_Place(following, then, place, (number, values)))
        self._todo += reversed(free)
        if self._bound < self.preemptions:
            self._deferred += costly
        elif costly:
            self._was_cut = True
        return None


def _way_to(place: _Place) -> list[_Step]:
    """Return the steps from the root to a place."""
    steps: list[_Step] = []
    while place.before is not None:
        steps.append(place.step)
        place = place.before
    return steps[::-1]
