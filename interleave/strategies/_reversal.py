"""The races of an execution turned round: what has to be run from the node before the first event of a race, so that the other order comes.

For a race (e, f) that is all that was executed after `e` and does not depend on it, then `f`. It is inserted into the wakeup tree of the
node before `e` (`_wakeup`), unless it could as well begin with an event that sleeps there.

**Once is enough, mostly.** The paper reverses every race again after each execution, also those in the part that was executed before: with
another continuation the sequence contains other events, and what is explored already may not lead to all of them. Here that is done
unless the answer is known to be the same. It is where what was found to lead to the sequence, a sleeping event or a path through the tree,
consists of events that the executions have in common: it leads to all sequences that contain them (`_Opposite.basis`).

**Few events are looked at.** Whether an event that is asleep, or one at the root of a tree, is a weak initial is asked of a whole
execution, and depends on the few events that conflict with it. Those stand in the histories of the places that it touches.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from interleave.model import Event, Operation, Trace
from interleave.strategies._footprint import is_conflict
from interleave.strategies._foresight import Foresight
from interleave.strategies._happens_before import UNSETTLED, Causality, unexecuted
from interleave.strategies._identity import Identity
from interleave.strategies._wakeup import Branch, Tree, Turn, agree, commute, find_place
from interleave.vector_clock import NEVER, Clock, join

#: Events of an execution that is too long for what steps touch to be foreseen: it takes time that grows with the square.
LONG = 3_000


class Node:
    """The state of the search before one event. Plain slots: there is one per event, visited in every execution."""

    __slots__ = ("announced", "below", "branches", "enabled", "event", "extra", "sleep", "tid", "tried", "values_seen")

    def __init__(self, enabled: int, tid: int, event: Turn, sleep: list[Turn], branches: list[Branch]) -> None:
        self.enabled = enabled
        #: Who executes the event, and the event itself.
        self.tid = tid
        self.event = event
        #: Events explored from here or from a node above, and independent of what was executed since.
        self.sleep = sleep
        #: The wakeup tree without the branch that is being explored, and what of that has still to be given to the next node.
        self.branches = branches
        self.below: list[Branch] = []
        #: What the event's thread announced; None until the first execution that takes this event.
        self.announced: Operation | None = None
        #: How many steps daemon threads had been given so far although the program could end.
        self.extra = 0
        #: How many events have been explored from here.
        self.tried = 0
        #: How many choices of values of the event have had their alternatives inserted.
        self.values_seen = 0


class _Opposite:
    """What is executed after an event and does not depend on it, then one that races with it: less what is found in a tree.

    Plain slots: there is one for every race that is looked at.
    """

    __slots__ = ("_causality", "_last", "_nodes", "_position", "_tid_of", "basis", "first", "is_doubtful", "taken", "witnesses")

    def __init__(self, nodes: list[Node], causality: Causality, tid_of: dict[int, int], position: int, last: Turn) -> None:
        self._nodes = nodes
        self._causality = causality
        self._tid_of = tid_of
        self._position = position
        self._last = last
        #: The positions of what was found, and of the first event that was not; the number of events if only `last` is left.
        self.taken: set[int] = set()
        self.first = self._next_independent(position)
        #: Up to where an execution has to be the same for all of that to be found again; `UNSETTLED` if any change may matter.
        self.basis = NEVER
        #: Whether it was not known of an event if it is a weak initial, because it is not known what a step touches.
        self.is_doubtful = False
        #: The positions of events that disagree with those that are no weak initials.
        self.witnesses: list[int] = []

    def begins_with(self, event: Turn) -> bool:
        """Tell whether an event is a weak initial of what is left, and take it off if it is."""
        causality, last, taken, position = self._causality, self._last, self.taken, self._position
        tid, clocks, end = causality.tids[position], causality.clocks, len(self._nodes)
        own = self.first
        if own < end and (first := self._nodes[own].event).thread == event.thread and agree(event, first):
            # Mostly it was inserted before, from another execution: then the tree follows it event by event.
            self._take(own)
            return True
        is_last = event.thread == last.thread and last.position not in taken
        # Where the event stands itself; otherwise it could be anywhere.
        own = self._next_of(event.thread)
        if own < end and clocks[own][tid] >= position:
            own = end
        footprint = event.footprint
        if footprint.is_unknown and own < end:
            # If nothing there conflicts with it before it, it touches the same in front.
            footprint = self._nodes[own].event.footprint
        found = own
        for history in causality.footprints.dependencies(footprint, end):
            for index in range(bisect_right(history, position << 1 | 1), len(history)):
                other = history[index] >> 1
                if other >= found:
                    break
                if clocks[other][tid] < position and other not in taken:
                    found = other
                    break
        if found < own:
            self.is_doubtful |= footprint.is_unknown
            self._note(event, found)
            return False
        if own < end:
            if not agree(event, self._nodes[own].event):
                self._note(event, own)
                return False
            self._take(own)
            return True
        if not is_last and last.position not in taken and is_conflict(footprint, last.footprint):
            self.is_doubtful |= footprint.is_unknown or last.footprint.is_unknown
            self._note(event, last.position)
            return False
        if is_last and last.footprint is event.footprint and not last.footprint.is_unknown:
            # In the execution there may be others after it, which do not conflict with it.
            self.basis = max(self.basis, last.position)
        else:
            self.basis = UNSETTLED
        if is_last:
            taken.add(last.position)
        return True

    def _next_independent(self, after: int) -> int:
        """Return the first event after a position that does not depend on the one before which all is to be run."""
        position, clocks = self._position, self._causality.clocks
        tid = self._causality.tids[position]
        after += 1
        while after < len(clocks) and clocks[after][tid] >= position:
            after += 1
        return after

    def _next_of(self, thread: int) -> int:
        """Return the first event of a thread that is left; the number of events if there is none."""
        tid = self._tid_of.get(thread)
        # Deep in a tree there are threads that this execution may not have.
        chain = self._causality.chains[tid] if tid is not None else []
        for index in range(max(bisect_right(chain, self._position), 1), len(chain)):
            if chain[index] not in self.taken:
                return chain[index]
        return len(self._nodes)

    def _take(self, found: int) -> None:
        self.basis = max(self.basis, found)
        self.taken.add(found)
        while self.first in self.taken:
            self.first = self._next_independent(self.first)

    def _note(self, event: Turn, witness: int) -> None:
        """Note what disagrees with an event."""
        if event.footprint.is_unknown:
            # Which event really does will be seen when it is run.
            self.witnesses += self._causality.independent_of(self._position)
        self.witnesses.append(witness)

    def left(self, clock: Clock) -> list[Turn]:
        """Return what is left and happens before `last`, which has that clock, or before a witness; these included.

        All that is left, if it is not known what `last` touches: it is only known to come after the others.
        """
        nodes, taken, tids, clocks = self._nodes, self.taken, self._causality.tids, self._causality.clocks
        for witness in self.witnesses:
            # An operation that was never executed can only be the last event, whose clock is given.
            if witness < len(clocks) and clock[tids[witness]] < witness:
                clock = join(clock, clocks[witness])
        rest = [one for one in self._causality.independent_of(self._position) if one not in taken]
        if not self._last.footprint.is_unknown:
            rest = [one for one in rest if one <= clock[tids[one]]]
        events = [nodes[one].event for one in rest]
        if self._last.position not in taken:
            events.append(self._last)
        return events


class Reversal:
    """Demands the opposite order of the races of one execution after another."""

    def __init__(self, nodes: list[Node], causality: Causality, threads: Identity) -> None:
        self._nodes = nodes
        self._causality = causality
        self._threads = threads
        self._tree = Tree()
        self._foresight = Foresight(causality, threads)
        #: Whether there are steps of tasks, of which it is known only afterwards what they touch.
        self._has_steps = False
        #: Whether executions are so long that no proof is in sight.
        self._is_long = False
        #: How many events are the same in all executions since races were reversed last.
        self._unchanged = 0

    @property
    def _foresees(self) -> bool:
        """Whether it is foreseen what steps of tasks touch."""
        return self._has_steps and not self._is_long

    def demand(self, node: Node, event: Turn) -> None:
        """Have an event run from a node, unless it cannot be, or what it leads to was explored or is going to be."""
        if node.enabled >> self._threads.tid_of[event.thread] & 1 and not any(commute(asleep, event) for asleep in node.sleep):
            place = find_place(node.branches, lambda other: commute(other, event))
            if place is not None:
                self._tree.attach(place, [event], is_doubtful=self._has_steps)

    def discard(self, node: Node, position: int) -> None:
        """Take branches out of the tree of a node, which is at a position, until the first is one that has to be run."""
        branches, tid_of = node.branches, self._threads.tid_of
        while self._foresees and branches:
            tid = tid_of.get(branches[0].events[-1].thread)
            if tid is not None and node.enabled >> tid & 1 and self._foresight.is_needed(branches[0], node.sleep, position):
                break
            del branches[0]

    def keep(self, length: int) -> None:
        """Note that the next execution has so many events in common with the last one."""
        self._foresight.cut(length)
        self._unchanged = min(self._unchanged, length)

    def learn(self, trace: Trace) -> None:
        """Take note of what the steps of tasks have touched in an execution."""
        self._has_steps |= trace.has_tasks
        self._is_long |= len(self._nodes) >= LONG
        if self._foresees:
            self._foresight.learn(trace, [node.event for node in self._nodes])

    def reverse(self, events: Sequence[Event], pending: Sequence[Operation | None]) -> None:
        """Demand the opposite order of every race of an execution; `pending` is what was announced at its end."""
        nodes, causality = self._nodes, self._causality
        late: dict[int, list[tuple[Turn, Clock]]] = {}
        for tid, operation in unexecuted(events, pending):
            clock, rivals = causality.visit_pending(tid, operation)
            reversed_ = Turn(self._threads.number_of[tid], (), causality.footprints.of(operation), len(nodes))
            for rival in rivals:
                late.setdefault(rival, []).append((reversed_, clock))
        unchanged, self._unchanged = self._unchanged, len(nodes)
        for position in sorted({*causality.races, *late}):
            racing = causality.races.get(position, {})
            for other in [one for one, basis in racing.items() if basis >= unchanged]:
                event, announced = nodes[other].event, nodes[other].announced
                # In another order a step of a task may touch something else.
                is_known = announced is None or announced.accesses is not None
                footprint = event.footprint if is_known else causality.footprints.unknown
                racing[other] = self._demand(position, Turn(event.thread, (), footprint, other), causality.clocks[other])
            for event, clock in late.get(position, ()):
                self._demand(position, event, clock)

    def _demand(self, position: int, last: Turn, clock: Clock) -> int:
        """Have all that is independent of the event at a position run before it, and then `last`, which has that clock.

        Unless it cannot be, or what it leads to was explored or is going to be. Only those events are kept that happen before `last`, or
        before one that disagrees with a sleeping event or with an earlier branch (see the head of `_wakeup`). Return the position up to
        which executions have to agree with this one for their sequence to be taken care of as well, `UNSETTLED` if there is none.
        """
        node, tid_of = self._nodes[position], self._threads.tid_of
        opposite = _Opposite(self._nodes, self._causality, tid_of, position, last)
        beginner = self._nodes[opposite.first].event if opposite.first < len(self._nodes) else last
        if not node.enabled >> tid_of[beginner.thread] & 1:
            # It would be dropped when its turn comes; until then it must not stand for others.
            return UNSETTLED
        for asleep in node.sleep:
            if opposite.begins_with(asleep):
                return opposite.basis
        is_known = not last.footprint.is_unknown
        if not is_known and self._foresees and node.sleep:
            whole = Branch(opposite.left(clock)[::-1], [])
            if not self._foresight.is_needed(whole, node.sleep, position):
                return UNSETTLED
        opposite.is_doubtful = False
        place = find_place(node.branches, opposite.begins_with)
        if place is None:
            return opposite.basis
        is_doubtful = opposite.is_doubtful and self._has_steps
        events = opposite.left(clock)
        if not events:
            # All of it leads to a leaf in doubt, which may be taken out, and other sequences that lead there are not the same.
            return UNSETTLED
        self._tree.attach(place, events, is_doubtful=is_doubtful)
        return max(opposite.basis, *[event.position for event in events]) if is_known and not is_doubtful else UNSETTLED
