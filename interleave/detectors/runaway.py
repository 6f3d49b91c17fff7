"""Runaway executions: the step bound was reached, and which loop did not end.

The events of an execution that is not run in detail lack accesses that only one thread makes, which is what a lonely spin loop
consists of. What tells failures apart must not depend on them: it is where the threads that still run began, which the phase of
a loop does not change either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from interleave.model import Event, Frame, Outcome

#: How many of the last events are looked at.
_WINDOW = 400


@dataclass(frozen=True, slots=True)
class Runner:
    """One logical thread that could still go on at the bound; `stack` is where it stands, innermost last."""

    tid: int
    thread: str
    stack: tuple[Frame, ...]


def judge(events: Sequence[Event], runners: Sequence[Runner], last: int, limit: int | None) -> Outcome:
    """Return the outcome of an execution that made `limit` steps without ending; `last` is the thread that made the last one.

    `limit` is None if all that is left are threads that look again and again at what nobody will change.

    The loop is what the busiest thread repeated at the end: its sites among the last events, as many as occur at least half as often
    as the most frequent one. Without events of it, the loop is around the line at which it stands.
    """
    tail = events[-_WINDOW:]
    running = {one.tid: one for one in runners}
    busiest = Counter(tid for tid, _ in tail if tid in running).most_common(1)
    tid = busiest[0][0] if busiest else last
    runner = running.get(tid) or Runner(tid, "main", ())
    sites = Counter(operation.site for owner, operation in tail if owner == tid and operation.site.line)
    most = max(sites.values(), default=0)
    loop = sorted({(site.file, site.line, site.function) for site, count in sites.items() if count * 2 >= most})
    if not loop:
        loop = [(frame.file, frame.line, frame.function) for frame in runner.stack[-1:]]
    signature = ("livelock", *sorted(_beginning(one) for one in runners))
    if not loop:
        message = f"no end after {limit or len(events)} steps; thread {runner.thread!r} repeats without doing anything"
        return Outcome("livelock", message, signature, tid=tid)
    file, line, function = loop[0]
    lines = sorted({line for other, line, _ in loop if other == file})
    span = f"line {lines[0]}" if len(lines) == 1 else f"lines {lines[0]} to {lines[-1]}"
    repeats = f"thread {runner.thread!r} repeats {span} of {file} in {function}"
    after = f"no end after {limit} steps: {repeats}"
    message = f"no end: {repeats}, and nobody is left to change what it reads" if limit is None else after
    return Outcome("livelock", message, signature, tid=tid, where=Frame(file, line, function))


def _beginning(runner: Runner) -> str:
    """Name the outermost function that the user wrote among those a thread is in."""
    return next((f"{frame.file} {frame.function}" for frame in runner.stack if frame.is_user), "")
