"""Wakeup trees: which sequences of events still have to be run from a node of the search.

A wakeup tree (Abdulla, Aronis, Jonsson, Sagonas, JACM 2017, section 6.1) is an ordered tree of events. Its leaves are the sequences
that are to be run, left to right; none of them is equivalent to an extension of one that stands before it. A sequence is
inserted by following, from the root, the first branch that the sequence could as well have begun with; where the branch
ends, running it will reach everything that the sequence asked for.

"Could as well have begun with" is the relation of *weak initials*: an event is a weak initial of a sequence if moving it
to the front changes no order between conflicting events. Either it occurs in the sequence with nothing before it
that conflicts, or it does not occur and conflicts with nothing there.

The tests look at threads and footprints alone. Order by spawning and joining needs no look: an event at the root of
a tree is enabled there, so what has to come before it is not in the sequence.
"""

from __future__ import annotations

from collections.abc import Sequence

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


def weak_initial(event: Branch, sequence: Sequence[Branch]) -> int:
    """Return where in `sequence` the weak initial `event` occurs, its length if it does not occur, -1 if it is none."""
    thread = event.thread
    probe, probe_write = event.footprint.probe, event.footprint.probe_write
    for index, other in enumerate(sequence):
        if other.thread == thread:
            one, two = event.values, other.values
            # The thread's next event is the same unless other values were chosen in it. Where one of the two leaves
            # values open it stands for all of them.
            return index if all(map(int.__eq__, one, two)) else -1
        footprint = other.footprint
        if probe & footprint.touch_write or probe_write & footprint.touch:
            return -1
    return len(sequence)


def insert(branches: list[Branch], sequence: Sequence[Branch]) -> bool:
    """Make sure that what `sequence` asks for is run from the node with these branches; return whether one was added.

    JACM 2017, definition 6.5 and lemma 6.6. The branch that is being explored just now is not among `branches`: it
    begins with an event that `sequence` conflicts with.
    """
    rest = list(sequence)
    while True:
        for branch in branches:
            index = weak_initial(branch, rest)
            if index >= 0:
                break
        else:
            for event in rest:
                added = Branch(event.thread, event.values, event.footprint)
                branches.append(added)
                branches = added.branches
            return True
        if not branch.branches:
            return False
        del rest[index : index + 1]
        branches = branch.branches
