"""Optimal dynamic partial-order reduction: one execution per class of equivalent schedules, and none in vain.

Two schedules are equivalent if one becomes the other by swapping neighbouring operations that do not conflict; nothing can
tell them apart. This search runs exactly one of each class. It is Optimal-DPOR, with wakeup trees and sleep sets, of Abdulla, Aronis,
Jonsson and Sagonas, "Source Sets: A Foundation for Optimal Dynamic Partial Order Reduction" (JACM 64(4), 2017; in "Optimal Dynamic
Partial Order Reduction", POPL 2014, it is Algorithm 2).

**How it works.** The search is a stack of nodes, one before each event of the current execution. When an execution has ended, its
races are found (`_happens_before`) and turned round (`_reversal`). For a race (e, f) the sequence "what was executed after `e` and does
not depend on it, then `f`" leads from the node before `e` to the opposite order. Cut down to what that takes (`_wakeup`), it is inserted
into the wakeup tree of that node, unless it could as well begin with an event in the sleep set: those have been explored from there, and
it was met then. The next execution starts from the deepest node that has a branch left, follows the tree to a leaf, and goes on by default
choices. Because a wakeup sequence contains what disagrees with each sleeping event, no execution finds itself asleep.

**Departures from the paper.**

* Operations may block on any guard, not on locks alone, and be pending for ever (`_happens_before`). Where it cannot be known
  whether the reversed operation would be enabled, the search tries. If it is not, the rest of that branch is dropped, and the
  execution goes on as any other; should everything enabled then be asleep, it is counted in `redundant`. Nothing is lost by it: that
  every node explores a source set rests on sleep sets and race reversal alone, wakeup trees only add to it.
* Events may contain choices of values. Each value makes another event of the thread; all of them are inserted, as
  sequences of one event, when the first is executed. Where a sleeping event is independent of the choice they
  are left out: what it leads to was explored from where it fell asleep, with every value, and the races met there asked for the rest.
* What the step of a task touches is known only when it has been made. Where it was made in another execution with the same past it is
  foreseen, and sequences that turned out to have a weak initial asleep are taken out of the wakeup tree before they are run (`_foresight`).
* Daemon threads end with the program. They are followed to where they block before the last other thread is let end
  (`Dpor._is_closing`); that end is an event after all others.

* What gives something to a queue or a semaphore and what takes something else from it do not conflict (`runtime.ends`). Who takes waits
  until it was given, and happens after that. This ordering is no race: it is in the clocks alone, not in the footprints, so a sleeping
  `get` is not woken by a `put`. That holds until a program is seen to look at both ends; the search begins anew then.
* What an operation touches may depend on the state: `dict.setdefault`, `dict.pop`, `set.add` and reading a `defaultdict` write the key
  and the shape only if the key is absent, or present. Such an operation is announced with what it would touch just then, and a second
  time if another thread has changed that meanwhile (`instrument.containers`). Whether the first of the two events exists depends on when
  the thread came to it, and no conflict tells that: schedules that nobody can tell apart may differ in it. They are two classes here, each
  is run, and neither is counted in `redundant`. It takes a key that one thread inserts or removes while the operation of another is
  announced; no schedule is lost by it.

Logical threads are told apart by `ThreadInfo.path`, numbered in order of first sight: tids depend on the order of spawning.

**Names.** An object that nobody published is named when a thread first announces an access to it, so its name may be another one in an
equivalent schedule. No schedule is lost by that: all that decides whether a branch is left out are the sleeping events and the
first events of a tree, which were announced, and their objects named, before the node; executions that share the node agree on these
names, and never give them to other objects. Only what stands deeper in a wakeup tree can be misjudged, and that costs at most an
execution that proves redundant.

That is not so for the steps of tasks, which are announced before it is known what they touch. An object that got its name in such a
step has another one where another task comes to it first, and a sleeping step would not be known to conflict with that. So where two
steps that might have come in either order meet on an object which got its name in the first of them (`Trace.named`), all objects of its
type count as one from then on, and the search begins anew. Objects are numbered by type: the names of other types are not moved by that.

An execution that was cut short, because a thread failed while others could go on, says nothing about what those
would have done after their next operation. The search then covers less than every schedule, but there is a failure to report.
"""

from __future__ import annotations

from collections.abc import Sequence

from interleave.errors import InternalError
from interleave.model import Operation, Point, Strategy, Trace
from interleave.strategies._footprint import is_conflict
from interleave.strategies._happens_before import Causality
from interleave.strategies._identity import Identity
from interleave.strategies._lateness import late_events
from interleave.strategies._points import bits, early_end, mismatch
from interleave.strategies._reversal import Node, Reversal
from interleave.strategies._wakeup import Branch, Turn, take
from interleave.strategies.bounded import Bounded

#: Kinds of objects whose two ends can be told apart (see `model.Trace.enablers`).
PARTED = frozenset(("Queue", "Semaphore", "SimpleQueue"))
#: How long daemon threads are followed when the program could end.
_DAEMON_STEPS = 200
#: Kinds of operations that touch nothing, and yet are better not hastened.
_DECIDING = ("choose", "sleep", "time")


def search(*, preemptions: int | None = None) -> Strategy:
    """Make the search for all schedules, or for those with at most so many preemptions."""
    return Dpor() if preemptions is None else Bounded(preemptions)


class Dpor(Strategy):
    """Run one schedule of every equivalence class.

    After `begin` returned False every schedule is covered. `redundant` counts executions that turned out to repeat others. A bound on
    preemptions needs another search (`bounded`).
    """

    every_access = True
    joins_blocks = True
    #: Kinds of objects whose two ends are told apart, as far as none of them turned out to be looked at as a whole.
    parted = PARTED

    def __init__(self) -> None:
        self.scope = "every schedule"
        self._start(frozenset())

    def _start(self, merged: frozenset[str]) -> None:
        """Begin the search, with all objects of some types taken for one."""
        self._nodes: list[Node] = []
        self._causality = Causality(merged)
        self._threads = Identity()
        self._reversal = Reversal(self._nodes, self._causality, self._threads)
        #: How many nodes the execution shares with the last one; the last of these takes another event.
        self._fixed = 0
        #: The node whose event is being executed, and how many of its values were chosen so far.
        self._node: Node | None = None
        self._values_used = 0
        self._is_asleep = False
        self._extra = 0
        #: Masks of threads whose operation was looked at and touches something, or yields, and of the latter.
        self._known = self._yielding = 0
        #: What is announced, kept up to date by the kernel.
        self._pending: Sequence[Operation | None] = ()
        self._was_begun = False

    @property
    def path(self) -> list[tuple[int, int]]:
        """Return of each node on the current path how many branches are finished and how many wait (see `estimate`)."""
        return [(node.tried, len(node.branches)) for node in self._nodes]

    # -- the three methods of a strategy ----------------------------------------------------------------------

    def begin(self) -> bool:
        """Turn to the deepest node that has a branch left; return False if there is none."""
        self._node = None
        self._is_asleep = False
        self._fixed = 0
        self._extra = 0
        self._known = self._yielding = 0
        if not self._was_begun:
            self._was_begun = True
            return True
        nodes = self._nodes
        while nodes:
            node = nodes[-1]
            if not node.branches:
                nodes.pop()
                continue
            node.sleep.append(node.event)
            node.tried += 1
            self._reversal.discard(node, len(nodes) - 1)
            taken = take(node.branches, node.enabled, self._threads.tid_of)
            if taken is not None:
                node.event, node.below = taken
                node.event.position = len(nodes) - 1
                node.tid = self._threads.tid_of[node.event.thread]
                node.values_seen = 0
                node.announced = None
                self._extra = node.extra
                self._fixed = len(nodes)
                self._reversal.keep(len(nodes) - 1)
                self._causality.cut(len(nodes) - 1)
                self._threads.forget()
                return True
            nodes.pop()
        return False

    def choose(self, point: Point) -> int:
        """Follow the stack of nodes, then the wakeup tree, then the default."""
        if self._is_asleep:
            return point.default
        if point.values:
            return self._choose_value(point)
        position = len(point.events)
        if position < self._fixed:
            node = self._nodes[position]
            operation = point.pending[node.tid] if point.enabled >> node.tid & 1 else None
            known = node.announced
            if operation is None or (known is not None and operation.kind != known.kind):
                raise mismatch(point, node.tid)
            node.announced = operation
        else:
            node = self._extend(point, position)
            self._known &= ~(1 << node.tid)
            self._yielding &= self._known
        self._node = node
        self._values_used = 0
        self._pending = point.pending
        return node.tid

    def end(self, trace: Trace) -> None:
        """Reverse the races of the execution."""
        nodes, causality = self._nodes, self._causality
        if len(trace.events) < self._fixed:
            raise early_end(trace)
        # The end of the scenario itself may be announced without being an event.
        del nodes[len(trace.events) :]
        self._threads.learn(trace.threads)
        causality.make_room(len(trace.threads))
        causality.take_guards(trace)
        last = len(trace.events) - 1 if self._threads.daemons and not self._threads.unfinished(self._pending) else -1
        if trace.events and trace.events[-1][1].kind == "callback":
            # An event loop ends, and with it its connections: what they have not delivered is looked at as anything else is.
            last = -1
        lateness = late_events(trace)
        for position in range(len(causality.tids), len(nodes)):
            node = nodes[position]
            causality.add(trace.events[position], node.enabled, late=lateness.get(position), is_end=position == last)
            node.event.footprint = causality.touched[position]
        self._reversal.learn(trace)
        mixed = (trace.parted if trace.has_tasks or trace.has_blocks else trace.mixed) & self.parted
        if mixed:
            self.parted -= mixed
            self._start(causality.footprints.merged)
        elif causality.unsettled:
            self._start(causality.footprints.merged | causality.unsettled)
        elif not self._is_asleep:
            self._reversal.reverse(trace.events, self._pending)

    # -- making choices ---------------------------------------------------------------------------------------

    def _extend(self, point: Point, position: int) -> Node:
        """Add the node for a point that no earlier execution came to, and choose its event."""
        if position != len(self._nodes):
            raise InternalError(f"{position} events were executed, of which {len(self._nodes)} were announced to the strategy")
        if len(self._threads.number_of) != len(point.threads):
            self._threads.learn(point.threads)
        last = self._node
        sleep: list[Turn] = []
        branches: list[Branch] = []
        if last is not None:
            event = last.event
            if last.announced is not None and last.announced.accesses is None:
                # What it touches was known only when it was over.
                event.footprint = self._causality.footprints.of(point.events[-1][1])
            branches, last.below = last.below, []
            if disabled := last.enabled & ~point.enabled & ~(1 << last.tid):
                self._demand_cancelled(last, disabled, point.pending)
            if last.sleep:
                sleep = [one for one in last.sleep if one.thread != event.thread and not is_conflict(one.footprint, event.footprint)]
        taken = take(branches, point.enabled, self._threads.tid_of) if branches else None
        tid = self._threads.tid_of[taken[0].thread] if taken is not None else self._next_awake(point, sleep)
        operation = point.pending[tid]
        assert operation is not None
        if taken is None:
            taken = Turn(self._threads.number_of[tid], (), self._causality.footprints.of(operation)), []
        event, below = taken
        event.position = position
        node = Node(point.enabled, tid, event, sleep, branches)
        node.below = below
        node.announced = operation
        node.extra = self._extra
        if not self._is_asleep:
            self._nodes.append(node)
        return node

    def _demand_cancelled(self, last: Node, disabled: int, pending: Sequence[Operation | None]) -> None:
        """Demand timers that could have fired and were cancelled by the event of a node: they leave nothing announced."""
        for tid in bits(disabled):
            gone = pending[tid]
            if gone is not None and gone.kind in ("callback", "fire"):
                self._reversal.demand(last, Turn(self._threads.number_of[tid], (), self._causality.footprints.unknown))

    def _next_awake(self, point: Point, sleep: list[Turn]) -> int:
        """Return the thread that goes on, of those not asleep; note if there is none.

        Operations that touch nothing come first: they bring threads to the announcement of those that do, and the
        earlier an operation is announced, the more is known about when it was enabled. Threads that yield come last, or
        a loop that waits for another thread would never end.
        """
        awake = point.enabled
        for asleep in sleep:
            awake &= ~(1 << self._threads.tid_of[asleep.thread])
        if not awake:
            self._is_asleep = True
            self.redundant += 1
            return point.default
        pending = point.pending
        daemons = awake & self._threads.daemons
        if daemons and self._is_closing(pending):
            if self._extra < _DAEMON_STEPS:
                self._extra += 1
                awake = daemons
            else:
                awake = awake & ~daemons or awake
                self.scope = f"every schedule in which daemon threads take at most {_DAEMON_STEPS} steps after all other threads are done"
        # Most have been looked at before.
        rest = awake & ~self._known
        while rest:
            low = rest & -rest
            rest ^= low
            tid = low.bit_length() - 1
            operation = pending[tid]
            if operation is None or operation.kind == "yield":
                self._yielding |= low
            elif operation.accesses == () and operation.kind not in _DECIDING:
                return tid
            self._known |= low
        willing = awake & ~self._yielding
        if not willing:
            # Everybody would rather see another go on: take turns.
            return next((tid for tid in bits(awake) if tid > point.current), bits(awake)[0])
        return point.default if willing >> point.default & 1 else (willing & -willing).bit_length() - 1

    def _is_closing(self, pending: Sequence[Operation | None]) -> bool:
        """Tell whether nothing is left to do for threads that are not daemons, except for the last of them to end.

        That ends the program and its daemons with it, wherever they are. It would cut off what could still be
        learnt about them, so daemons go on until they block; and since ending the program is not in conflict with anything
        anybody else sees, it may come last in every execution without loss.
        """
        left = self._threads.unfinished(pending)
        return not left or (len(left) == 1 and left[0].kind == "exit")

    def _choose_value(self, point: Point) -> int:
        """Choose among values, and make the others alternatives the first time this choice is met."""
        node = self._node
        if node is None:
            raise InternalError("a value was to be chosen before any operation was announced")
        index = self._values_used
        self._values_used = index + 1
        event = node.event
        values = event.values
        pick = values[index] if index < len(values) else 0
        if pick >= point.values:
            raise mismatch(point, point.current)
        event.values = (*values[:index], pick, *values[index + 1 :])
        if index == node.values_seen:
            node.values_seen = index + 1
            for value in range(point.values):
                if value != pick:
                    self._reversal.demand(node, Turn(event.thread, (*values[:index], value), event.footprint))
        return pick
