"""Wakeup trees: which sequences of events still have to be run from a node of the search.

A wakeup tree (Abdulla, Aronis, Jonsson, Sagonas, JACM 2017) is an ordered tree of events. Its leaves are the sequences that are
to be run, left to right; none of them is equivalent to an extension of one that stands before it. A sequence is inserted by
following, from the root, the first branch that the sequence could as well have begun with; where the branch ends, running it will
reach everything that the sequence asked for.

"Could as well have begun with" is the relation of *weak initials*: an event is a weak initial of a sequence if moving it
to the front changes no order between conflicting events. Either it occurs in the sequence with nothing before it
that conflicts, or it does not occur and conflicts with nothing there.

The tests look at threads and footprints alone. Order by spawning and joining needs no look: an event at the root of
a tree is enabled there, so what has to come before it is not in the sequence.
"""

from __future__ import annotations

from interleave.strategies._footprint import Footprint


class Branch:
    """One event in a wakeup tree, with what is to be run after it. Plain slots: the hot path reads them.

    Also used, without what follows it, for an event of the current execution and for a sleeping one.
    """

    __slots__ = ("branches", "footprint", "thread", "values")

    def __init__(self, thread: int, values: tuple[int, ...], footprint: Footprint) -> None:
        #: Number of the logical thread, the same in all executions (not a tid).
        self.thread = thread
        #: The values chosen during the event, as far as they are determined; what follows is still free.
        self.values = values
        self.footprint = footprint
        self.branches: list[Branch] = []


def weak_initial(event: Branch, sequence: list[Branch], start: int = 0) -> int:
    """Return where from `start` on the weak initial `event` occurs, the length if it does not occur, -1 if it is none."""
    thread = event.thread
    probe, probe_write = event.footprint.probe, event.footprint.probe_write
    for index in range(start, len(sequence)):
        other = sequence[index]
        if other.thread == thread:
            # The thread's next event is the same unless other values were chosen in it.
            return index if event.values == other.values or _agree(event, other) else -1
        footprint = other.footprint
        if probe & footprint.touch_write or probe_write & footprint.touch:
            return -1
    return len(sequence)


def insert(branches: list[Branch], sequence: list[Branch]) -> bool:
    """Make sure that what `sequence` asks for is run from the node with these branches; return whether one was added.

    It is the operation `insert` of the paper. The branch that is being explored just now is not among `branches`: it begins with
    an event that conflicts with `sequence`. The list may be changed.
    """
    # What stands before `start` was found in the tree already.
    start = 0
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
        else:
            for event in sequence[start:]:
                added = Branch(event.thread, event.values, event.footprint)
                branches.append(added)
                branches = added.branches
            return True
        if not branch.branches:
            return False
        if index == start:
            start += start < len(sequence)
        else:
            del sequence[index : index + 1]
        branches = branch.branches


def _agree(one: Branch, other: Branch) -> bool:
    """Tell whether the values chosen in two events can be the same: where one leaves them open, it stands for all."""
    return all(map(int.__eq__, one.values, other.values))
