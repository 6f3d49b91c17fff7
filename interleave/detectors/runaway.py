"""Runaway executions: the step bound was reached, and which loop did not end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from interleave.model import Event, Frame, Outcome, ThreadInfo

#: How many of the last events are looked at.
_WINDOW = 400


def judge(events: Sequence[Event], threads: Sequence[ThreadInfo], limit: int) -> Outcome:
    """Return the outcome of an execution that made `limit` steps without ending.

    The loop is what the busiest thread repeated at the end: its sites among the last events, named by the most frequent one.
    """
    tail = events[-_WINDOW:]
    busiest = Counter(tid for tid, _ in tail).most_common(1)
    tid = busiest[0][0] if busiest else 0
    sites = Counter(operation.site for owner, operation in tail if owner == tid and operation.site.line)
    name = threads[tid].name if tid < len(threads) else "main"
    if not sites:
        return Outcome("livelock", f"no end after {limit} steps; thread {name!r} repeats without doing anything", ("livelock",), tid=tid)
    most = max(sites.values())
    loop = sorted((site for site, count in sites.items() if count * 2 >= most), key=lambda site: (site.file, site.line))
    first = loop[0]
    lines = sorted({site.line for site in loop if site.file == first.file})
    span = f"line {lines[0]}" if len(lines) == 1 else f"lines {lines[0]} to {lines[-1]}"
    return Outcome(
        "livelock", f"no end after {limit} steps: thread {name!r} repeats {span} of {first.file} in {first.function}",
        ("livelock", first.file, first.function), tid=tid, where=Frame(first.file, first.line, first.function),
    )
