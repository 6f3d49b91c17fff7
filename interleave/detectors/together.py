"""Accesses to two places that belong together, where another thread saw or changed one of them without the other.

`atomicity` knows pairs of accesses to one place. Here a thread ends at a place that another thread changed, and what led it there was
another place that the same thread changed too. In the words of Lu et al. ("MUVI: Automatically Inferring Multi-Variable Access
Correlations and Detecting Related Semantic and Concurrency Bugs", SOSP 2007) the two are correlated: who writes one writes the other.

| pattern | is |
| --- | --- |
| read-write-write-read | what led there was so no more: a key found in one dictionary, removed from this and another, and looked up there |
| write-read-read-write | the change was half done: one of them was written already, and the other was not |
| write-read-read | the same, where the execution ended before the other was |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from interleave.detectors.relations import Relations
from interleave.model import Step

#: Accesses of a thread before one that may have led there.
_BEFORE = 200
GONE = "read-write-write-read"
HALF_DONE = "write-read-read-write"
UNDER_WAY = "write-read-read"
TOGETHER = (GONE, HALF_DONE, UNDER_WAY)
Positions = tuple[int, int, int, int]


def joint(own: Sequence[Step], writes: Sequence[Step], relations: Relations, *, most: int) -> tuple[str, Positions] | None:
    """Return the pattern and the steps of an explanation by two places, the nearest to the end; None if there is none.

    `own` are the accesses of a thread, of which the last `most` may be where it failed, `writes` those that other threads wrote with, both
    in order.
    """
    for last in reversed(own[-most:]):
        if last.kind != "read":
            continue
        ends = [write for write in reversed(writes) if relations.overlap(last, write)]
        for led in reversed([step for step in own if step.index < last.index and step.kind == "read"][-_BEFORE:]):
            if relations.overlap(led, last):
                continue
            for pattern, positions in _explained(last, led, ends, [write for write in writes if relations.overlap(led, write)]):
                if not relations.is_meant(*_around(pattern, positions)):
                    return pattern, positions
    return None


def _explained(last: Step, led: Step, ends: Sequence[Step], leads: Sequence[Step]) -> Iterator[tuple[str, Positions]]:
    """Yield the ways in which a thread wrote both what `last` and what `led` touches, one of them at the wrong time."""
    for end in ends:
        for lead in leads:
            if lead.tid != end.tid or lead.index == end.index:
                continue
            first, second = sorted((lead.index, end.index))
            if led.index < first and second < last.index:
                yield GONE, (led.index, first, second, last.index)
            elif first < led.index and last.index < second:
                yield HALF_DONE, (first, led.index, last.index, second)


def _around(pattern: str, positions: Positions) -> tuple[int, int, int]:
    """Return the accesses of one thread with one of the other's in between."""
    first, second, third, fourth = positions
    return (first, third, fourth) if pattern == GONE else (first, second, fourth)
