"""How much of its tree a depth-first search has done, from the path that it is on.

It knows of each node on its path which branches it has finished and which are still to be taken. Taking all branches of a node to be of
one size, the finished ones are that part of the tree (Knuth, "Estimating the Efficiency of Backtrack Programs", Mathematics of Computation
29, 1975; for a search under way Kilby, Slaney, Thiébaux, Walsh, "Estimating Search Tree Size", AAAI 2006). Reduction adds branches to nodes
as it goes on, so an early estimate of the tree is too low as a rule; it is exact at the end.
"""

from __future__ import annotations

from collections.abc import Iterable


def share_of(path: Iterable[tuple[int, int]]) -> float:
    """Return the part of a tree that is done: of each node on the path, how many branches are finished and how many wait."""
    done, weight = 0.0, 1.0
    for finished, waiting in path:
        branches = finished + 1 + waiting
        done += weight * finished / branches
        weight /= branches
    return done + weight
