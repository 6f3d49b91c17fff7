"""Wakeup trees: which sequences of events still have to be run from a node of the search.

A wakeup tree (Abdulla, Aronis, Jonsson, Sagonas, JACM 2017) is an ordered tree of events. Its leaves are the sequences that are
to be run, left to right; none of them is equivalent to an extension of one that stands before it. A sequence is inserted by
following, from the root, the first branch that the sequence could as well have begun with; where the branch ends, running it will
reach everything that the sequence asked for.

"Could as well have begun with" is the relation of *weak initials*: an event is a weak initial of a sequence if moving it
to the front changes no order between conflicting events. Either it occurs in the sequence with nothing before it
that conflicts, or it does not occur and conflicts with nothing there.

**Sequences are cut short.** The paper inserts all that was executed after an event and does not depend on it, then what races with it:
nearly a whole execution, and a leaf for every order of everything in it. What a leaf has to guarantee is less: that it leads to the
other order, and that nothing is asleep any more when it has been run; whatever can follow is then explored from there, by reversing the
races found on the way. So these events are kept, with all that happened before them: the last one; for each event asleep at
the node, one that disagrees with it; and for each branch before it in the tree, at any depth, one that disagrees with that. This is a
prefix of a sequence equivalent to the whole, so what it leads to includes all that the whole leads to, and both properties that the paper
asks of a wakeup tree hold as before. They are what makes an execution never redundant. Where it is not known what the last event touches,
as of the step of a task, all is kept: before any of the others it might do something else. Nor can it be known then whether an earlier
branch begins with a weak initial of the sequence. It is inserted behind that, as a branch in doubt (see `_foresight`).

It is still inserted below branches, however deep. Where something is asleep, a node may be told by executions elsewhere of an order that
its own do not show.

The tests look at threads and footprints alone. Order by spawning and joining needs no look: an event at the root of
a tree is enabled there, so what has to come before it is not in the sequence.

**Trees are what fills the memory of a search.** So where a tree does not part it is a list, and all trees of a search share their events:
a program has few that differ. Mostly a tree has few leaves; in programs such as `lastzero` one has, for a time, a leaf for every
seventh execution of the whole search.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from interleave.strategies._footprint import Footprint, is_conflict
from interleave.vector_clock import NEVER


class Turn:
    """One event as a search remembers it. Plain slots: the hot path reads them."""

    __slots__ = ("footprint", "position", "thread", "values")

    def __init__(self, thread: int, values: tuple[int, ...], footprint: Footprint, position: int = NEVER) -> None:
        #: Number of the logical thread, the same in all executions (not a tid).
        self.thread = thread
        #: The values chosen during the event, as far as they are determined; what follows is still free.
        self.values = values
        self.footprint = footprint
        #: Where it stands in the current execution, if it does.
        self.position = position


class Branch:
    """A part of a wakeup tree that begins with one event. Plain slots: there are many."""

    __slots__ = ("events", "forks")

    def __init__(self, events: list[Turn], forks: list[Branch] | None = None) -> None:
        #: The events up to where it parts or ends, the last one first, and at least one. Shared with other branches.
        self.events = events
        #: What it parts into; None if it ends, and nothing if it ends in doubt: no sequence that leads there is taken care of by it.
        self.forks = forks


class Tree:
    """Makes the branches of the wakeup trees of one search."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, tuple[int, ...], Footprint], Turn] = {}

    def attach(self, branches: list[Branch], sequence: Sequence[Turn], *, is_doubtful: bool = False) -> None:
        """Add a branch that leads through `sequence`."""
        known, keys = self._known, [(event.thread, event.values, event.footprint) for event in reversed(sequence)]
        events = [known.get(key) or known.setdefault(key, Turn(*key)) for key in keys]
        branches.append(Branch(events, [] if is_doubtful else None))


def find_place(branches: list[Branch], begins_with: Callable[[Turn], bool]) -> list[Branch] | None:
    """Return the list that has to get another branch so that a sequence is run from the node with these branches; None if it will be.

    `begins_with` says whether an event is a weak initial of the sequence, and takes it off the sequence if it is. With `attach` of what is
    left of it this is the operation `insert` of the paper. The branch that is being explored just now is not among `branches`: it begins
    with an event that conflicts with the sequence.
    """
    while True:
        for branch in branches:
            if begins_with(branch.events[-1]):
                break
        else:
            return branches
        events = branch.events
        for index in range(len(events) - 2, -1, -1):
            if not begins_with(events[index]):
                # From here on it has to part.
                branch.events, branch.forks = events[index + 1 :], [Branch(events[: index + 1], branch.forks)]
                return branch.forks
        if branch.forks is None:
            return None
        branches = branch.forks


def take(branches: list[Branch], enabled: int, tid_of: dict[int, int]) -> tuple[Turn, list[Branch]] | None:
    """Take off the first event whose thread is enabled, and drop the branches before it. Return it, with what is to be run after it."""
    while branches:
        branch = branches.pop(0)
        first = branch.events.pop()
        tid = tid_of.get(first.thread)
        if tid is not None and enabled >> tid & 1:
            return Turn(first.thread, first.values, first.footprint), [branch] if branch.events else branch.forks or []
    return None


def commute(one: Turn, other: Turn) -> bool:
    """Tell whether one event is a weak initial of the sequence of the other."""
    return agree(one, other) if one.thread == other.thread else not is_conflict(one.footprint, other.footprint)


def agree(one: Turn, other: Turn) -> bool:
    """Tell whether the values chosen in two events can be the same: where one leaves them open, it stands for all."""
    return one.values == other.values or all(map(int.__eq__, one.values, other.values))
