"""Which events of an execution were enabled by the passing of time."""

from __future__ import annotations

from interleave.model import Late, Trace


def late_events(trace: Trace) -> dict[int, Late]:
    """Return the positions of the events that the passing of time enabled: of each thread in question the next one."""
    found: dict[int, Late] = {}
    for late in trace.late:
        waiting = late.tids
        for position in range(late.position, len(trace.events)):
            bit = 1 << trace.events[position][0]
            if waiting & bit:
                found[position] = late
                waiting ^= bit
                if not waiting:
                    break
    return found
