"""Which accesses explain a failure: the few steps of its interleaving that a colleague would point at.

A failure that has been simplified shows little more than what it takes, so the unserializable pairs in it (`atomicity`) are few. They are
sought anew here, more widely: the accesses need not be of one field (a key that was looked up, the whole dictionary that another thread
cleared), and each of them may have been made under a lock, as those of a check and the act that follows it in another critical section.
Of several the one is taken whose last access is where the failure was noticed, then of what the line that failed looked at, then by the
pattern, then the closest together. Left out are those that nothing but a start, a join or a notification puts in this order: they are
meant.

Where there is no such pair, two places may belong together (`together`), or the thread may have acted elsewhere on what it had read here
(`read-write-act`): it looked at a flag, another thread set it, and it went on as if it were not set. Failing that, two accesses in an
unlucky order may explain it: the last one that the failing thread made before it failed, and the one of another thread before it. A thread
that waits for ever on a condition has its own story: what it read before it began to wait, and the notification that came too early or
woke another.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from interleave.detectors.atomicity import PATTERNS, RANKS
from interleave.detectors.places import MAKERS
from interleave.detectors.relations import Relations
from interleave.detectors.synchronisation import access_of, locks_of
from interleave.detectors.together import UNDER_WAY, joint
from interleave.detectors.touches import Touch, touches_of, triples
from interleave.model import MEMORY, Frame, Outcome, RaceAccess, Step, Trace, fields_overlap

#: Steps of one trace that are looked at, for what takes one pass and for what takes more; and what a thread does to two objects after
#: another.
_MOST_STEPS = 500_000
_FEW_STEPS = 20_000
_FOLLOWERS = 50


@dataclass(frozen=True, slots=True)
class Culprit:
    """The accesses that explain a failure, in order.

    `pattern` is one of `atomicity.RANKS` or of `together`, or "read-write-act", "write-read" and the like for two accesses,
    "read-notify-wait" for a notification that was missed, "notify-other" for one that woke another thread. `places` has what each access
    touches, and `place` what they have in common. `guards` are the locks under which that is accessed elsewhere in the same execution,
    each with a step that does; `uses` are the lines that access it.
    """

    pattern: str
    place: str
    accesses: tuple[RaceAccess, ...]
    places: tuple[str, ...] = ()
    guards: tuple[tuple[str, Step], ...] = ()
    #: By number in the trace.
    positions: tuple[int, ...] = ()
    uses: tuple[Frame, ...] = ()
    #: Whether what the other thread wrote was overwritten by what follows from the value before.
    is_lost_update: bool = False
    #: Whether tasks take part.
    has_tasks: bool = False


def failing_tid(trace: Trace, outcome: Outcome) -> int:
    """Return the logical thread that failed: what a task raises comes out of whoever waits for it."""
    here = [step.tid for step in trace.steps[:_MOST_STEPS] if _is_at(step, outcome)]
    return here[-1] if here and outcome.tid not in here else outcome.tid


def find(trace: Trace, outcome: Outcome) -> Culprit | None:
    """Return what explains a failure, or None where nothing in the steps does; a race explains itself."""
    if outcome.race is not None:
        race = outcome.race
        guards = _Finder(trace, outcome).guards(race.place, ()) if trace.steps else ()
        is_lost = race.pattern == "read-write-write" and race.severity == "harmful"
        places = (race.place,) * len(race.accesses)
        return Culprit(race.pattern, race.place, race.accesses, places, guards, is_lost_update=is_lost)
    if not trace.steps or outcome.kind in ("deadlock", "livelock", "nondeterminism"):
        return None
    finder = _Finder(trace, outcome)
    if outcome.kind == "stuck":
        return finder.missed()
    if len(trace.steps) > _FEW_STEPS:
        return finder.triple() or finder.pair()
    return finder.triple() or finder.joint() or finder.stale() or finder.halfway() or finder.pair()


class _Finder:
    """Looks for the culprit in one trace that was run in detail."""

    def __init__(self, trace: Trace, outcome: Outcome) -> None:
        self._trace = trace
        self._outcome = outcome
        self._steps = trace.steps[:_MOST_STEPS]
        # What a task does in one step is one event, so that events and steps are not the same there.
        self._is_ordered = trace.witness is not None and not trace.has_tasks
        #: How many steps the thread of a step had made before it; and by thread the steps that write what others touch.
        self._ordinals: list[int] = []
        self._writes: dict[int, list[int]] = {}
        counts: dict[int, int] = {}
        for step in self._steps:
            self._ordinals.append(counts.get(step.tid, 0))
            counts[step.tid] = self._ordinals[-1] + 1
            if step.kind == "write" and step.is_shared:
                self._writes.setdefault(step.tid, []).append(step.index)
        self._tid = failing_tid(trace, outcome)
        self._relations = Relations(trace, self._steps)
        self._locks: dict[int, str] = {}
        #: The words of the line that failed; what a thread reads that has outlived all others is not among the steps.
        self._words = set(re.findall(r"[A-Za-z]\w*", _failing_line(outcome)))
        #: See `_looked_at`.
        self._seen: list[Any] | None = None
        if trace.witness is not None and self._is_ordered:
            self._locks = locks_of(trace)

    def triple(self) -> Culprit | None:
        """Return the unserializable pair with what came between that explains the failure best."""
        found = [(self._badness(one), one) for one in triples(self._steps)]
        found.sort(key=lambda pair: pair[0])
        for _, (first, between, second) in found:
            is_meant = self._relations.is_meant(first.position, between.position, second.position)
            if not is_meant and not self._has_looked_again(first, between, second):
                pattern = PATTERNS[first.mode, between.mode, second.mode]
                return self._culprit(pattern, (first.position, between.position, second.position))
        return None

    def _has_looked_again(self, first: Touch, between: Touch, second: Touch) -> bool:
        """Tell whether a thread looked again, at the same line, after another had written: it waits by looking, round after round."""
        one, end = self._steps[first.position], second.position + (not second.mode)
        if first.mode or _is_at(self._steps[second.position], self._outcome):
            return False
        later = self._steps[between.position : end]
        return any(step.tid == one.tid and step.where == one.where and self._relations.overlap(step, one) for step in later)

    def stale(self) -> Culprit | None:
        """Return what a thread read, that another changed, before it went on to change something else; the closest together."""
        found = []
        for touches in touches_of(self._steps).values():
            reads: dict[int, Touch] = {}
            for touch in touches:
                if not touch.mode:
                    reads[touch.tid] = touch
                    continue
                for tid, read in reads.items():
                    act = self._next_write(tid, touch.position)
                    if tid != touch.tid and act >= 0 and fields_overlap(read.field, touch.field):
                        found.append((self._ordinals[act] - self._ordinals[read.position], read.position, touch.position, act))
        for _, *positions in sorted(found):
            first, between, last = positions
            if not self._relations.is_meant(first, between, last):
                return self._culprit("read-write-act", (first, between, last))
        return None

    def joint(self) -> Culprit | None:
        """Return what led a thread to where an exception came from, if another changed this and that together."""
        return self._joint(self._tid, most=3) if self._outcome.kind == "exception" else None

    def halfway(self) -> Culprit | None:
        """Return what any thread saw of a change to two places that another was making."""
        found = (self._joint(thread.tid, most=_FOLLOWERS) for thread in self._trace.threads)
        return next((culprit for culprit in found if culprit is not None), None)

    def _joint(self, tid: int, *, most: int) -> Culprit | None:
        memory = self._memory()
        own = [step for step in memory if step.tid == tid and step.is_shared]
        writes = [step for step in memory if step.tid != tid and step.kind == "write" and not self._relations.is_ancestor(step.tid, tid)]
        found = joint(own, writes, self._relations, most=most)
        return self._culprit(*found) if found else None

    def _memory(self) -> list[Step]:
        """Return the accesses to memory other than those that make an object."""
        return [step for step in self._steps if step.kind in MEMORY and step.where.function.rpartition(".")[2] not in MAKERS]

    def _next_write(self, tid: int, position: int) -> int:
        """Return the number of the next step by which a thread writes what others touch, -1 if there is none."""
        own = self._writes.get(tid, [])
        at = bisect_right(own, position)
        return own[at] if at < len(own) else -1

    def pair(self) -> Culprit | None:
        """Return the last access of the failing thread before the failure and the conflicting one of another thread before it."""
        memory = self._memory()
        own = [step for step in memory if step.tid == self._tid and step.is_shared]
        for second in reversed(own[-3:]):
            for first in reversed(memory):
                is_earlier = first.index < second.index and first.tid != second.tid
                if is_earlier and "write" in (first.kind, second.kind) and self._relations.overlap(first, second):
                    pair = self._culprit(f"{first.kind}-{second.kind}", (first.index, second.index))
                    return (first.kind == "write" and self._under_way(first, second)) or pair
        return None

    def _under_way(self, first: Step, second: Step) -> Culprit | None:
        """Return a change that another thread was in the midst of, if an exception came with a look at what it had not come to yet.

        An exception ends the execution, so that the rest of the change is not in the trace.
        """
        last = next((step for step in reversed(self._steps) if step.tid == self._tid and step.kind in MEMORY), second)
        is_over = any(step.tid == first.tid and step.kind == "exit" for step in self._steps)
        if is_over or self._outcome.kind != "exception" or last.kind != "read" or last.is_shared or not _is_at(last, self._outcome):
            return None
        return self._culprit(UNDER_WAY, (first.index, second.index, last.index))

    def missed(self) -> Culprit | None:
        """Return why a thread waits for ever on a condition or event, if a notification was made that it did not get."""
        for blocked in self._outcome.blocked:
            waits = [step for step in self._steps if step.tid == blocked.tid and step.kind == "wait"]
            # What a task announces is its next step, whatever it waits for. It may be that it was woken and its loop was not.
            is_waiting = blocked.is_task and blocked.needs[:11] != "a call_soon" and waits and waits[-1].place == blocked.resource
            if not waits or not (blocked.kind == "wake" or is_waiting):
                continue
            wait = waits[-1]
            calls = [step for step in self._steps if step.kind in ("notify", "set") and step.place == wait.place and step.tid != wait.tid]
            later = [step for step in calls if step.index > wait.index]
            if later:
                return self._culprit("notify-other", (wait.index, later[-1].index))
            if calls:
                checks = [
                    step for step in self._steps[: calls[-1].index] if step.tid == wait.tid and step.kind == "read" and step.is_shared
                ]
                return self._culprit("read-notify-wait", (*(step.index for step in checks[-1:]), calls[-1].index, wait.index))
        return None

    def guards(self, place: str, positions: Sequence[int]) -> tuple[tuple[str, Step], ...]:
        """Return the locks that are held at accesses to a place other than these, the most used first."""
        witness = self._trace.witness
        found: dict[str, list[Step]] = {}
        for step in self._steps if witness is not None else ():
            if step.index not in positions and step.kind in MEMORY and base_of(step.place) == base_of(place):
                for name in self._held(step.index):
                    found.setdefault(name, []).append(step)
        return tuple((name, steps[0]) for name, steps in sorted(found.items(), key=lambda one: -len(one[1])))

    def _looked_at(self) -> list[Any]:
        """Return the accesses made for the line that failed: by itself, or by what it called."""
        where, found = self._outcome.where, list[Any]()
        if self._seen is None:
            for step in reversed(self._steps if where is not None else ()):
                if step.tid != self._tid:
                    continue
                is_before = where is not None and step.where.function == where.function and not _is_at(step, self._outcome)
                if step.kind not in MEMORY or is_before:
                    break
                found += step.accesses or ()
            self._seen = found
        return self._seen

    def _badness(self, one: tuple[Touch, Touch, Touch]) -> tuple[bool, bool, bool, int, bool, int, int]:
        """Order triples: the best explanation first."""
        first, between, second = one
        last = self._steps[second.position]
        is_elsewhere = first.tid != self._tid or not _is_at(last, self._outcome)
        is_unseen = not any(a.owner == b.owner and fields_overlap(a.field, b.field) for a in last.accesses or () for b in self._looked_at())
        is_unseen = is_unseen and _attribute(last.place) not in self._words
        is_nameless = not any(mark in last.place for mark in ".['")
        apart = self._ordinals[second.position] - self._ordinals[first.position]
        # What is read again was written last; what is overwritten was written first, and then only moved about.
        nearness = between.position if second.mode else -between.position
        rank = RANKS[PATTERNS[first.mode, between.mode, second.mode]]
        return is_elsewhere, is_unseen, is_nameless, rank, first.tid != self._tid, apart, nearness

    def _held(self, index: int) -> tuple[str, ...]:
        witness = self._trace.witness
        held = witness.held[index] if witness is not None and index < len(witness.held) else 0
        return tuple(name for bit, name in self._locks.items() if held & bit)

    def _culprit(self, pattern: str, positions: tuple[int, ...]) -> Culprit:
        threads = {thread.tid: thread.name for thread in self._trace.threads}
        steps = [self._steps[position] for position in positions]
        places = [step.place for step in steps]
        accesses = [access_of(step, threads.get(step.tid, f"thread {step.tid}"), self._held(step.index)) for step in steps]
        place = common_place(places) if pattern in RANKS else places[0]
        is_lost = pattern == "read-write-write" and self._is_lost_update(*positions)
        return Culprit(
            pattern, place, tuple(accesses), tuple(places), guards=self.guards(place, positions), uses=self._uses(place, positions),
            positions=positions, is_lost_update=is_lost, has_tasks=self._trace.has_tasks,
        )  # fmt: skip

    def _uses(self, place: str, positions: Sequence[int]) -> tuple[Frame, ...]:
        """Return the lines that access a place, of threads that may do so at the same time as these."""
        tids = [self._steps[position].tid for position in positions]
        lines = {
            (step.where.file, step.where.line): step.where
            for step in self._memory()
            if base_of(step.place) == base_of(place) and not any(self._relations.is_ancestor(step.tid, tid) for tid in tids)
        }
        return tuple(where for _, where in sorted(lines.items()))

    def _is_lost_update(self, first: int, between: int, second: int) -> bool:
        """Tell whether a read and a write are one update: made by one line, or of numbers, without another look in between."""
        one, other, last = (self._steps[position] for position in (first, between, second))
        if (one.where.file, one.where.line) == (last.where.file, last.where.line):
            return True
        again = any(step.tid == one.tid and step.place == last.place and step.kind == "read" for step in self._steps[between:second])
        return not again and one.place == last.place and all(_is_number(step.value) for step in (one, other, last))


def _is_at(step: Step, outcome: Outcome) -> bool:
    where = outcome.where
    return where is not None and (step.where.file, step.where.line) == (where.file, where.line)


def _failing_line(outcome: Outcome) -> str:
    """Return the source of the line that an exception came from, as its traceback has it."""
    lines = outcome.traceback.splitlines()
    at = [
        number
        for number, line in enumerate(lines)
        if outcome.where is not None and f'{outcome.where.file}", line {outcome.where.line},' in line
    ]
    return lines[at[-1] + 1] if at and at[-1] + 1 < len(lines) else ""


def _attribute(place: str) -> str:
    """Return the name of the attribute or variable that a place is or is in, as a public one: `hits` of `Cache._hits`."""
    return base_of(place).rpartition(".")[2].lstrip("_")


def _is_number(value: str) -> bool:
    return value.lstrip("-").replace(".", "", 1).isdigit()


def common_place(places: Sequence[str]) -> str:
    """Return the most particular name of what accesses have in common: a key rather than the whole dictionary, its size if keys differ."""
    sizes = [place for place in places if place.endswith(" (size)")]
    keys = list(dict.fromkeys(place for place in places if place.endswith("]")))
    if sizes:
        return sizes[0]
    if len(keys) > 1:
        return keys[0].rpartition("[")[0]
    return keys[0] if keys else places[0]


def base_of(place: str) -> str:
    """Return a place without its key: `Cache._entries` for `Cache._entries['a']` and for its size."""
    return place.partition("[")[0].partition(" (")[0]
