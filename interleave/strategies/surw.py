"""The selectively uniform random walk: all orders of the interesting operations with the same probability.

Zhao, Wolff, Mathur, Roychoudhury, "Selectively Uniform Concurrency Testing", ASPLOS 2025, section 3. A random walk favours
schedules in which all threads end at about the same time: where thread A takes one step and B a hundred, A's comes after those of B
with probability 2**-100. If it is known how many operations each thread has left, then to choose a thread with a
probability in proportion to that number makes all schedules equally likely (their algorithm 1, URW). Of a large program there are too
many for that to help. So it is applied to *interesting* operations alone, few enough that their orders can be sampled (algorithm 2,
SURW). Which thread is to perform the next interesting operation is drawn in proportion to how many each has left; the others
wait where theirs is announced until it has happened. All other operations are scheduled by a naive walk. A thread not started
yet counts for the one that will start it; when it does, the new thread's operations are deducted from its own, and if it was to perform the
next interesting one, the new thread takes that over with the probability that it would have had.

Interesting are, in each execution, the operations on one place (`Access.owner`, `Access.field`): one that several threads access
and at least one writes, drawn in proportion to the number of accesses, as in the experiments of the paper.

Departures:

* The numbers come from all executions so far, not from one made in advance: of each thread a running mean for each
  place. So an execution depends on those before it; in the first, nothing is interesting. Threads are known by
  `ThreadInfo.path`.
* States of locks, queues and the like are places too, and what orders their users (an acquire, not the release) is an operation
  on them.
* A place where the next operation often is not that of the thread drawn, because that one is blocked, is drawn less often: by
  the share of those draws that come true. The order of operations there is decided elsewhere, mostly by a lock around them.
* The naive walk is by random priorities, one for each operation (`_priorities`), as in the program published with the paper.
  In the paper it is a uniform choice at every step, which lets no thread be delayed for long.
* Threads that are blocked take part when it is drawn who is next. If all that are enabled wait for the one that was drawn, and it is
  blocked, it is drawn again among those that wait; so it is where the one that was drawn takes longer than the longest execution
  before, as it may be spinning until one has gone on that waits for it; and it is drawn again when that one yields.
* Executions that do not seem to end become fair (`_priorities`), and nothing is interesting in them any more.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence

from interleave.model import WHOLE, Event, Operation, Owner, Point, Strategy, ThreadInfo, Trace, fields_overlap
from interleave.strategies._draws import seed_of
from interleave.strategies._points import IMPLIED, bits
from interleave.strategies._priorities import EVERYBODY, PATIENCE, Priorities

#: A place, as (owner, field).
Place = tuple[Owner, Hashable]

#: Who is next is drawn again so many points after as many as in the longest execution.
STALL = 100
#: Places that are remembered; beyond, all are forgotten and learned anew, as names may differ from execution to execution.
MOST_PLACES = 2_000
#: All of so many executions at first, and one in so many later, are looked at for places not known yet.
LEARNING = 16


class Profile:
    """How often each thread accesses each place."""

    def __init__(self) -> None:
        # By owner, field, and path of a thread: the number of operations, and the fields that are written to.
        self._counts: dict[Owner, dict[Hashable, dict[tuple[int, ...], int]]] = {}
        self._written: dict[Place, bool] = {}
        self._places = 0
        # By place: the number of operations that happened while others were to come, and of those that did not come as drawn.
        self._outcomes: dict[Place, tuple[int, int]] = {}
        # Places that several threads access and one writes, and the weights of each and all before it.
        self._shared: list[Place] = []
        self._sums: list[float] = []

    def learn(self, events: Iterable[Event], threads: Sequence[ThreadInfo]) -> None:
        """Take in what happened at scheduling points in one execution, and which threads there were, by tid."""
        found: dict[Place, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for tid, operation in events:
            if operation.kind in IMPLIED:
                continue
            for owner, field, mode in operation.accesses or ():
                place = owner, field
                found[place][tid] += 1
                if mode:
                    self._written[place] = True
        if self._places > MOST_PLACES:
            self._counts.clear()
            self._written = {place: True for place in found if place in self._written}
            self._outcomes.clear()
            self._places = 0
        for (owner, field), numbers in found.items():
            fields = self._counts.setdefault(owner, {})
            if field not in fields:
                self._places += 1
            known = fields.setdefault(field, {})
            for tid, number in numbers.items():
                path = threads[tid].path
                # The mean of this and what was known, rounded up: as good as the highest where they differ by one, and not
                # taken in by one execution in which a thread went round and round.
                known[path] = (known.get(path, number) + number + 1) // 2
        self._sum_up()

    def note(self, place: Place, contested: int, failed: int) -> None:
        """Take in how many operations on a place happened while others had some left, and how many of them not as drawn."""
        known = self._outcomes.get(place, (0, 0))
        self._outcomes[place] = known[0] + contested, known[1] + failed

    def draw(self, source: random.Random) -> Place | None:
        """Draw a shared place in proportion to its weight, None if there is none."""
        if not self._shared:
            return None
        return source.choices(self._shared, cum_weights=self._sums)[0]

    def totals(self, place: Place) -> dict[tuple[int, ...], int]:
        """Return the number of operations that meet `place`, by path, those of a thread's descendants included."""
        totals: Counter[tuple[int, ...]] = Counter()
        for path, number in self._meeting(*place).items():
            for length in range(1, len(path) + 1):
                totals[path[:length]] += number
        return totals

    def _meeting(self, owner: Owner, field: Hashable) -> dict[tuple[int, ...], int]:
        """Return the number of operations that meet a place, by path of the thread."""
        fields = self._counts[owner]
        others = _overlapping(fields, field)
        if len(others) == 1:
            return fields[field]
        sums: Counter[tuple[int, ...]] = Counter()
        for other in others:
            sums.update(fields[other])
        return sums

    def _sum_up(self) -> None:
        self._shared.clear()
        self._sums.clear()
        total = 0.0
        for owner, fields in self._counts.items():
            for field in fields:
                counts = self._meeting(owner, field)
                if len(counts) > 1 and any((owner, other) in self._written for other in _overlapping(fields, field)):
                    contested, failed = self._outcomes.get((owner, field), (0, 0))
                    total += sum(counts.values()) * (contested - failed + 1) / (contested + 1)
                    self._shared.append((owner, field))
                    self._sums.append(total)


def _overlapping(fields: Collection[Hashable], field: Hashable) -> Sequence[Hashable]:
    """Return those of an owner's `fields` that can be the same storage as `field`, which is one of them."""
    if field is WHOLE:
        return list(fields)
    return (field, WHOLE) if WHOLE in fields else (field,)


class Surw(Strategy):
    """Sample the orders of operations on a place uniformly, another place in each execution; proves nothing."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
        #: Index of the next execution.
        self.execution = 0
        self.profile = Profile()
        #: The most scheduling points in an execution in which nobody seems to have been spinning.
        self.longest = 0
        #: What is interesting in this execution, None if nothing is.
        self.place: Place | None = None
        self._random = random.Random()
        self._priorities = Priorities(self._random)
        # Interesting operations by path of the thread, its descendants' included; those left by tid, those of threads not yet
        # started included; and the sum of the latter.
        self._totals: dict[tuple[int, ...], int] = {}
        self._left: list[int] = []
        self._sum = 0
        # Threads that have announced an interesting operation, as a mask; who is to perform the next one, -1 if not drawn, and at
        # which point that was drawn.
        self._waiting = 0
        self._next = -1
        self._drawn = 0
        # How many interesting operations happened while others had some left, and how many of them not as drawn.
        self._contested = 0
        self._failed = 0
        # How many events have been looked at, and whether there was a yield among the last ones.
        self._seen = 0
        self._has_yielded = False
        self._has_stalled = False
        self._points = 0
        self._fair_from = 0

    def begin(self) -> bool:
        """Draw what is interesting in the next execution."""
        source = self._random
        source.seed(seed_of(self.seed, self.execution))
        self.execution += 1
        self.place = self.profile.draw(source)
        self._totals = {} if self.place is None else self.profile.totals(self.place)
        self._priorities.clear()
        self._left.clear()
        self._sum = self._waiting = self._seen = self._points = 0
        self._next = -1
        self._has_stalled = False
        self._contested = self._failed = 0
        self._fair_from = PATIENCE + 2 * self.longest
        return True

    def choose(self, point: Point) -> int:
        """Let anyone go on who need not wait; values are drawn uniformly."""
        if point.values:
            return self._random.randrange(point.values)
        enabled = point.enabled
        self._points += 1
        if self._points > self._fair_from:
            return self._priorities.pick(enabled, EVERYBODY)
        changed = self._catch_up(point)
        waiting = enabled & self._waiting
        if waiting:
            if self._next < 0:
                self._next = self._draw(range(len(self._left)))
                self._drawn = self._points
            free = enabled & ~waiting | waiting & 1 << self._next
            is_stalled = self._points - self._drawn > self.longest + STALL
            if is_stalled or not free:
                self._has_stalled |= is_stalled
                self._failed += 1
                self._next = self._draw(bits(waiting))
                return self._next
            enabled = free
        return self._priorities.pick(enabled, EVERYBODY if self._has_yielded else changed)

    def end(self, trace: Trace) -> None:
        """Learn how many operations on each place there are."""
        if self._points <= self._fair_from and not self._has_stalled:
            self.longest = max(self.longest, self._points)
        if self.place is not None:
            self.profile.note(self.place, self._contested, self._failed)
        if self.execution <= LEARNING or self.execution % LEARNING == 0 or trace.has_new_points:
            self.profile.learn(trace.events, trace.threads)

    def _draw(self, tids: Sequence[int]) -> int:
        """Draw who is to perform the next interesting operation, in proportion to the numbers left; one is left at least."""
        return self._random.choices(tids, [self._left[tid] for tid in tids])[0]

    def _catch_up(self, point: Point) -> int:
        """Take in what happened since the last point, and return the threads that have gone on."""
        left, threads, pending = self._left, point.threads, point.pending
        changed = 0
        while len(left) < len(threads):
            changed |= 1 << len(left)
            self._start(threads[len(left)])
        happened = point.events[self._seen :]
        self._seen += len(happened)
        self._has_yielded = False
        for tid, operation in happened:
            bit = 1 << tid
            if operation.kind == "yield":
                self._has_yielded = True
                if tid == self._next:
                    self._next = -1
            # The first thing that a thread did is what it had announced.
            if self._is_interesting(operation) if changed & bit else self._waiting & bit:
                if self._sum > left[tid]:
                    self._contested += 1
                    self._failed += tid != self._next
                self._next = -1
                if left[tid]:
                    left[tid] -= 1
                    self._sum -= 1
            changed |= bit
        self._waiting &= ~changed
        for tid in bits(changed):
            announced = pending[tid]
            if announced is None:
                # Fewer than was predicted, perhaps.
                self._sum -= left[tid]
                left[tid] = 0
                if self._next == tid:
                    self._next = -1
            elif self._is_interesting(announced):
                self._waiting |= 1 << tid
                if not left[tid]:
                    # More than was predicted.
                    left[tid] = 1
                    self._sum += 1
        return changed

    def _start(self, info: ThreadInfo) -> None:
        """Give a new thread its operations, which its parent had until now."""
        number = self._totals.get(info.path, 0)
        left, parent = self._left, info.parent
        left.append(number)
        self._sum += number
        if parent >= 0 and number:
            if self._next == parent and self._random.random() * left[parent] < number:
                self._next = info.tid
            deducted = min(number, left[parent])
            left[parent] -= deducted
            self._sum -= deducted

    def _is_interesting(self, operation: Operation) -> bool:
        place = self.place
        if not operation.accesses or place is None:
            return False
        for owner, field, _ in operation.accesses:
            if owner == place[0] and fields_overlap(field, place[1]):
                return operation.kind not in IMPLIED
        return False
