"""Wakeup trees: which sequences of events still have to be run from a node of the search.

A wakeup tree (Abdulla, Aronis, Jonsson, Sagonas, JACM 2017) is an ordered tree of events. Its leaves are the sequences that are
to be run, left to right; none of them is equivalent to an extension of one that stands before it. A sequence is inserted by
following, from the root, the first branch that the sequence could as well have begun with; where the branch ends, running it will
reach everything that the sequence asked for.

"Could as well have begun with" is the relation of *weak initials*: an event is a weak initial of a sequence if moving it
to the front changes no order between conflicting events. Either it occurs in the sequence with nothing before it
that conflicts, or it does not occur and conflicts with nothing there.

**Long sequences are cut short.** The paper inserts all that was executed after an event and does not depend on it, then what races with it:
nearly a whole execution, and a leaf for every order of everything in it. What a leaf has to guarantee is less: that it leads to the
other order, and that nothing is asleep any more when it has been run; whatever can follow is then explored from there, by reversing the
races found on the way. So of a long one these events are kept, with all that happened before them: the last one; for each event asleep at
the node, one that disagrees with it; and for each branch before it in the tree, at any depth, one that disagrees with that. This is a
prefix of a sequence equivalent to the whole, so what it leads to includes all that the whole leads to, and both properties that the paper
asks of a wakeup tree hold as before. They are what makes an execution never redundant.

It is still inserted below branches, however deep. Where something is asleep, a node may be told by executions elsewhere of an order that
its own do not show.

The tests look at threads and footprints alone. Order by spawning and joining needs no look: an event at the root of
a tree is enabled there, so what has to come before it is not in the sequence.
"""

from __future__ import annotations

from interleave.strategies._footprint import Footprint
from interleave.vector_clock import NEVER


class Branch:
    """One event in a wakeup tree, with what is to be run after it. Plain slots: the hot path reads them.

    Also used, without what follows it, for an event of the current execution and for a sleeping one.
    """

    __slots__ = ("after", "footprint", "position", "thread", "values")

    def __init__(self, thread: int, values: tuple[int, ...], footprint: Footprint, position: int = NEVER) -> None:
        #: Number of the logical thread, the same in all executions (not a tid).
        self.thread = thread
        #: The values chosen during the event, as far as they are determined; what follows is still free.
        self.values = values
        self.footprint = footprint
        #: Where it stands in the current execution, if it does.
        self.position = position
        #: What follows in the tree: one branch, or a list where sequences part. Mostly it is one, and a list is as large as a branch.
        self.after: Branch | list[Branch] | None = None

    def release(self) -> list[Branch]:
        """Return what follows, and keep it no longer."""
        after, self.after = self.after, None
        if after is None:
            return []
        return after if isinstance(after, list) else [after]


def weak_initial(event: Branch, sequence: list[Branch], start: int = 0) -> int:
    """Return where from `start` on the weak initial `event` occurs, the length if it does not occur.

    If it is none, return the complement of the index of an event that says so.
    """
    thread = event.thread
    probe, probe_write = event.footprint.probe, event.footprint.probe_write
    for index in range(start, len(sequence)):
        other = sequence[index]
        if other.thread == thread:
            # The thread's next event is the same unless other values were chosen in it.
            return index if event.values == other.values or _agree(event, other) else ~index
        footprint = other.footprint
        if probe & footprint.touch_write or probe_write & footprint.touch:
            return ~index
    return len(sequence)


def find_place(branches: list[Branch], sequence: list[Branch], witnesses: list[int]) -> list[Branch] | None:
    """Return the list that has to get another branch so that what `sequence` asks for is run from the node with these branches.

    None means that it is going to be run as it is. Otherwise `sequence` is left with what the new branch has to lead to, and
    `witnesses` gets the positions of the events in it that disagree with a branch before the new one.

    With `attach` it is the operation `insert` of the paper. The branch that is being explored just now is not among `branches`: it begins
    with an event that conflicts with `sequence`.
    """
    # What stands before `start` was found in the tree already.
    start = 0
    above: Branch | None = None
    while True:
        first = sequence[start] if start < len(sequence) else None
        for branch in branches:
            # Mostly it was inserted before, from another execution: then the tree follows it event by event.
            if first is not None and branch.thread == first.thread and branch.values == first.values:
                index = start
            else:
                index = weak_initial(branch, sequence, start)
            if index >= 0:
                break
            if branch.footprint.is_unknown:
                # Which event really disagrees will be seen when it is run.
                witnesses += [event.position for event in sequence[start:]]
            else:
                witnesses.append(sequence[~index].position)
        else:
            del sequence[:start]
            if above is not None:
                above.after = branches
            return branches
        after = branch.after
        if after is None:
            return None
        if index == start:
            start += start < len(sequence)
        else:
            del sequence[index : index + 1]
        above, branches = branch, after if isinstance(after, list) else [after]


def attach(branches: list[Branch], sequence: list[Branch]) -> None:
    """Add a branch that leads through `sequence`."""
    following: Branch | None = None
    for event in reversed(sequence):
        added = Branch(event.thread, event.values, event.footprint)
        added.after = following
        following = added
    if following is not None:
        branches.append(following)


def take(branches: list[Branch], enabled: int, tid_of: dict[int, int]) -> Branch | None:
    """Take off the first branch whose thread is enabled, and drop those before it."""
    while branches:
        branch = branches.pop(0)
        tid = tid_of.get(branch.thread)
        if tid is not None and enabled >> tid & 1:
            return branch
    return None


def _agree(one: Branch, other: Branch) -> bool:
    """Tell whether the values chosen in two events can be the same: where one leaves them open, it stands for all."""
    return all(map(int.__eq__, one.values, other.values))
