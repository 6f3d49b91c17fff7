"""Who waits for whom, at the end of an execution that did not finish.

The cycle of a deadlock is drawn first, since that is what must be broken; then every blocked logical thread with the line
where it waits and what it holds, and where it took that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from interleave.model import Blocked, Outcome
from interleave.report.source import located_source


def cycle_of(outcome: Outcome) -> list[Blocked]:
    """Return the threads on the cycle of a deadlock, each before the one that it waits for; none where there is no cycle."""
    by_tid = {blocked.tid: blocked for blocked in outcome.blocked}
    return [by_tid[tid] for tid in outcome.cycle if tid in by_tid]


def waiting_behind(outcome: Outcome, one: Blocked) -> list[Blocked]:
    """Return the threads that wait for something which a blocked one holds: a lock, or the event loop."""
    holding = [other for other in outcome.blocked if other.tid != one.tid and one.tid in other.holders]
    return [other for other in holding if (other.kind == "acquire" and one.holds) or one.keeps_loop_of(other)]


def cycle_text(outcome: Outcome, names: Mapping[int, str]) -> str:
    """Draw the cycle: `a -> lock 'B' (held by b) -> lock 'A' (held by a)`; empty where there is none."""
    cycle = cycle_of(outcome)
    if not cycle:
        return ""
    links = [names.get(cycle[0].tid, cycle[0].thread)]
    for number, one in enumerate(cycle):
        following = cycle[(number + 1) % len(cycle)]
        links.append(one.resource + _holder(one, names.get(following.tid, following.thread)))
    return " -> ".join(links)


def _holder(blocked: Blocked, name: str) -> str:
    """Name who keeps a thread waiting; where it waits for the end of a thread, the resource already does."""
    return "" if blocked.kind == "join" else f" (held by {name})"


def blocked_lines(outcome: Outcome, names: Mapping[int, str]) -> Iterator[str]:
    """Describe every blocked logical thread, those on the cycle first."""
    order = {tid: number for number, tid in enumerate(outcome.cycle)}
    for blocked in sorted(outcome.blocked, key=lambda one: (order.get(one.tid, len(order)), one.tid)):
        name = names.get(blocked.tid, blocked.thread)
        daemon = " (daemon)" if blocked.is_daemon else ""
        yield f"{name}{daemon} waits for {blocked.resource}{_held_by(blocked, names)}"
        if blocked.where.line:
            yield f"    at {located_source(blocked.where)}"
        if blocked.needs and not blocked.holders:
            yield f"    needs {blocked.needs}"
        for held in blocked.holds:
            taken = f", taken at {located_source(held.where)}" if held.where else ""
            yield f"    holds {held.resource}{taken}"


def _held_by(blocked: Blocked, names: Mapping[int, str]) -> str:
    if not blocked.holders or blocked.kind == "join" or blocked.resource.startswith("task '"):
        return ""
    return (": " if blocked.resource.endswith(" tasks") else ", held by ") + ", ".join(
        names.get(tid, f"thread {tid}") for tid in blocked.holders
    )
