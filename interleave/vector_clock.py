"""Vector clocks over one trace: which events happened before which.

The clock of an event lists, by tid, the position in the trace of the last event of that logical thread that happened
before it, the event itself included; `NEVER` where there is none. Positions in the trace instead of counts per
thread make the question "did the event at position p, of thread t, happen before?" one comparison, `clock[t] >= p`,
and make a clock say which event it was.

The theory is that of Mattern, "Virtual Time and Global States of Distributed Systems" (1989). What orders events is
the caller's business: partial-order reduction joins clocks along conflicts, race detection along synchronisation only.

Clocks that are joined have the same length; `widen` makes them so when a thread appears.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

#: By tid: position of the last event of that thread that happened before, `NEVER` if there is none.
Clock = list[int]

NEVER: Final = -1


def start(width: int) -> Clock:
    """Return the clock of an event before which nothing happened, for `width` threads."""
    return [NEVER] * width


def join(one: Clock, other: Clock) -> Clock:
    """Return the clock of whatever comes after both."""
    return list(map(max, one, other))


def happened_before(position: int, tid: int, clock: Clock) -> bool:
    """Tell whether the event at `position`, of thread `tid`, happened before (or is) the event that has `clock`."""
    return clock[tid] >= position


def widen(clocks: Iterable[Clock], width: int) -> None:
    """Make room in every clock for threads up to tid `width - 1`, of which nothing has happened yet."""
    for clock in clocks:
        clock.extend([NEVER] * (width - len(clock)))
