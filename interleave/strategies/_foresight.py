"""What the next step of a task will touch: what it touched in another execution, if its past was the same.

The footprint of a step is known only when it has been made. A sequence that turns a race round ends with a step that has not been made
yet where it is to be made, and the step may do something else there than it did where it was seen: its footprint is unknown. Taken for a
conflict with everything, it is inserted into the wakeup tree although an event asleep may be a weak initial of it in truth, and an
execution is run in vain.

**What is foreseen.** A step is a function of what it reads (see `runtime.tasks`), hence of its *past*: of the events that happen before it,
in whatever order that does not matter to them. So every event of every execution gets a number, the same for all events of one thread
with one footprint and one past: the number of the event before it in its thread, and of each other thread that of the last event that it
conflicts with. (Which events there are in such a past, and in what order, follows by induction.) Of a step to come the thread is
known, and the number of the event before it there. Each footprint that was seen after that event is tried: if the past that it would
have here is one that it was seen with, it is what the step will touch.

**What is not.** Callbacks of the loop that are no steps of tasks: one that is the last before its loop ends is made part of what follows
the loop, and whether it is the last is not in its past. Steps that touched an object which got its name in a step they do not depend
on: without that they would have another name for it. (What may get another name otherwise is dealt with in `dpor`.)

**Everything that matters is.** Let `q` be asleep at a node, `v` a sequence without `q` that is independent of it, and `p` the step that
comes next. All that begins with `q` has been explored from the node, so some execution has `q`, `v` and then `p`, or an equivalent
of it. If `p` does not conflict with `q`, its past there is its past after `v` alone: the step is foreseen. So where a step is not
foreseen, it may be taken to conflict with whatever is asleep, and none is run in vain. Nothing but optimality rests on that.

**Doubt.** The same is not true of branches of the tree that are still to be explored. Where it is not known whether the first event of one
is a weak initial of a sequence, the sequence is inserted behind it, and looked at again when its turn comes: the other has been
explored by then, and is asleep. If something asleep is a weak initial of the sequence, that is taken out (`Foresight.is_needed`).

*Why nothing is lost by that.* `insert` of the paper adds nothing for a sequence that leads to a leaf of the tree: it will be met after
that leaf. If the leaf were taken out later, because it does not conflict with a sleeping event `q`, a sequence that goes on from there
and does conflict with `q` would be lost with it. So a leaf in doubt takes care of no sequence, and what is left of one that leads there
is added below it. Then what is taken out is nothing but sequences that were to be run, from their first event to their last. That `q` is
a weak initial of one is what the paper leaves sequences out for, only earlier: it was explored from `q`. Such a sequence is not cut
short to less than what tells it from `q`: where a footprint is unknown, all is kept (`_wakeup`). And its race is reversed again in every
execution (`UNSETTLED`), since others may have to go on from there. Leaves without doubt are not taken out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import islice

from interleave.model import Trace
from interleave.strategies._footprint import Footprint, is_conflict
from interleave.strategies._happens_before import Causality
from interleave.strategies._identity import Identity
from interleave.strategies._wakeup import Branch, Turn, commute
from interleave.vector_clock import NEVER

#: Kinds of the steps of tasks that touch what they do because of what they read.
_KINDS = ("step", "count")
#: Stands for what was asleep and is the next event of a sequence itself: nothing that follows speaks against it.
_FOUND = Turn(NEVER, (), Footprint())


class Foresight:
    """The events of one search by their past, and what may be left out because of what they touched."""

    def __init__(self, causality: Causality, threads: Identity) -> None:
        self._causality = causality
        self._threads = threads
        #: By thread, values, footprint and past.
        self._numbers: dict[tuple[int, tuple[int, ...], Footprint, tuple[int, ...]], int] = {}
        #: By thread and the number of its last event: what its next step was seen to touch.
        self._seen: dict[tuple[int, int], list[Footprint]] = {}
        #: By position in the current execution: the number of the event.
        self._identities: list[int] = []
        #: Events that may be executed from a position on, and the numbers of the first of them.
        self._position = 0
        self._events: list[Turn] = []
        self._made: list[int] = []

    def learn(self, trace: Trace, events: Sequence[Turn]) -> None:
        """Take in the current execution, when all of its events are known to the causality."""
        tids, numbers = self._causality.tids, self._numbers
        for position in range(len(self._identities), len(events)):
            self._position, event, clock = position, events[position], self._causality.clocks[position]
            past = self._past(event.thread, event.footprint)
            kind, accesses = trace.events[position][1][:2]
            names = [given for at, given in trace.named.items() if at < position and clock[tids[at]] < at]
            if any(one.owner in given for given in names for one in accesses or ()):
                # No other is like it.
                past = *past, ~len(numbers)
            elif kind in _KINDS and accesses is not None:
                seen = self._seen.setdefault((event.thread, past[0]), [])
                if event.footprint not in seen:
                    seen.append(event.footprint)
            self._identities.append(numbers.setdefault((event.thread, event.values, event.footprint, past), len(numbers)))

    def cut(self, length: int) -> None:
        """Take off all events but the first `length`."""
        del self._identities[length:]

    def is_needed(self, branch: Branch, asleep: list[Turn], position: int) -> bool:
        """Take out of a branch of the tree at a position what could as well begin with an event asleep there; tell if anything is left.

        Only leaves in doubt are taken out.
        """
        if branch.forks is None:
            return True
        self._position, count = position, len(self._events)
        for event in reversed(branch.events):
            if event.footprint.is_unknown:
                event = Turn(event.thread, event.values, self._foresee(event.thread))
            asleep = [one for one in asleep if one is _FOUND or commute(one, event)]
            if not asleep:
                break
            asleep = [_FOUND if one.thread == event.thread else one for one in asleep]
            self._events.append(event)
        else:
            branch.forks[:] = [one for one in branch.forks if self.is_needed(one, asleep, position)]
        del self._events[count:], self._made[count:]
        return not asleep or bool(branch.forks)

    def _foresee(self, thread: int) -> Footprint:
        """Return what the next step of a thread touches after the events of the sequence; an unknown footprint if that was not seen."""
        for event in self._events[len(self._made) :]:
            key = event.thread, event.values, event.footprint, self._past(event.thread, event.footprint)
            # Where it was never seen, nothing that comes after it was.
            self._made.append(self._numbers.get(key, NEVER - 1))
        seen = self._seen.get((thread, self._last(thread)), ())
        found = [one for one in seen if (thread, (), one, self._past(thread, one)) in self._numbers]
        # Should one past have led to different things, it was not all there is to it.
        return found[0] if len(found) == 1 else self._causality.footprints.unknown

    def _past(self, thread: int, footprint: Footprint) -> tuple[int, ...]:
        """Return the number of the last event of a thread, then those of what its next event depends on, of that footprint."""
        tids, number_of, position = self._causality.tids, self._threads.number_of, self._position
        latest: dict[int, int] = {}
        for history in self._causality.footprints.dependencies(footprint, position):
            for entry in islice(history, bisect_left(history, position << 1)):
                other = number_of[tids[entry >> 1]]
                latest[other] = max(entry >> 1, latest.get(other, NEVER))
        found = {other: self._identities[at] for other, at in latest.items()}
        found |= {one.thread: made for one, made in zip(self._events, self._made, strict=False) if is_conflict(one.footprint, footprint)}
        found.pop(thread, None)
        return self._last(thread), *sorted(found.values())

    def _last(self, thread: int) -> int:
        """Return the number of the last event of a thread, or of what has begun it; `NEVER` if there is none."""
        if own := [made for one, made in zip(self._events, self._made, strict=False) if one.thread == thread]:
            return own[-1]
        tid = self._threads.tid_of.get(thread)
        chain = self._causality.chains[tid] if tid is not None else []
        index = bisect_left(chain, self._position)
        return self._identities[chain[index - 1]] if index and chain[index - 1] != NEVER else NEVER
