"""What was explored, in a few lines: how many executions of which size, how different they were, and how far a search has come."""

from __future__ import annotations

from collections.abc import Iterator

from interleave.classes import MOST
from interleave.model import ConflictPair, Statistics
from interleave.report.source import short_path
from interleave.report.words import count_of
from interleave.result import Result

#: Pairs of accesses seen in one order only that are listed.
_FEW = 3


def statistics_lines(result: Result, *, in_full: bool = False) -> Iterator[str]:
    """Say what an exploration did, one line for each thing that is known; `in_full` lists what else is shortened."""
    counts = result.statistics
    if not result.executions or not counts.longest:
        return
    switches = counts.switches / result.executions
    yield (
        f"{count_of(counts.steps, 'step')} in {count_of(result.executions, 'execution')}, at most {counts.longest:,} in one; "
        f"up to {count_of(counts.threads, 'thread')}, {switches:.1f} switches on average"
    )
    if in_full and counts.shares:
        yield "executions by strategy: " + ", ".join(f"{name} {number:,}" for name, number in counts.shares.items())
    yield from _search_lines(result)
    if result.verdict != "proven":
        yield from _class_lines(counts)
    if in_full or result.verdict != "proven":
        yield from _order_lines(counts, in_full=in_full)
    if counts.chance:
        needs = count_of(counts.depth, "ordering constraint")
        yield (
            f"pct: a failure that needs {needs} in executions no longer than these is met with a probability of at least "
            f"{counts.chance:.2g} in one, {_percent(counts.chance_of_all)} in all made since the longest"
        )
    if counts.redundant:
        yield "1 execution repeated another" if counts.redundant == 1 else f"{counts.redundant:,} executions repeated others"
    if counts.looks:
        yield f"{counts.looks:,} more to look for races, {counts.tries:,} of them to try what one foretold"
    if counts.shrinking:
        yield f"{counts.shrinking:,} more to simplify failures"


def _search_lines(result: Result) -> Iterator[str]:
    counts = result.statistics
    if result.verdict == "proven":
        return
    if counts.left >= 0:
        share = counts.searched / max(counts.searched + counts.left, 1)
        whole = count_of(counts.searched + counts.left, "schedule")
        yield f"the search for a proof made {counts.searched:,} of about {whole} ({share:.1%})"
    if counts.bound_done >= 0:
        yield f"every schedule with at most {count_of(counts.bound_done, 'preemption')} was run, at the scheduling points known so far"


def _class_lines(counts: Statistics) -> Iterator[str]:
    """Say how many executions were really different, and the estimate for those to come."""
    if not counts.classed:
        return
    if counts.classes >= MOST:
        yield f"more than {MOST:,} classes of equivalent executions"
        return
    known = f"the next is of a new class with a probability of about {counts.unseen:.2g}"
    if not counts.unseen:
        known = "each was met more than once"
    yield f"{count_of(counts.classes, 'class')} of equivalent executions among {counts.classed:,} compared; {known}"


def _order_lines(counts: Statistics, *, in_full: bool) -> Iterator[str]:
    """Say in which orders conflicting accesses came."""
    if not counts.pairs:
        return
    single = [pair for pair in counts.pairs if not pair.is_both]
    seen = f"{len(counts.pairs) - len(single):,} of {count_of(len(counts.pairs), 'pair')} of conflicting accesses came in both orders"
    where = f"in {count_of(counts.looked, 'execution')} looked at"
    yield f"{seen}, {where}" + ("; in one only:" if single else "")
    for pair in single if in_full else single[:_FEW]:
        yield f"  {_order(pair)}"
    if not in_full and len(single) > _FEW:
        yield f"  ... and {len(single) - _FEW:,} more (--verbose or --json lists them)"


def _order(pair: ConflictPair) -> str:
    return f"{pair.place}: {pair.first_kind} at {_short(pair.first)} before {pair.second_kind} at {_short(pair.second)}"


def _short(place: str) -> str:
    file, _, line = place.rpartition(":")
    return f"{short_path(file)}:{line}"


def _percent(share: float) -> str:
    """Return a probability as it is said: 43%, 99.97%, but never 100% of what is less."""
    for digits in (0, 1, 2, 3, 4):
        text = f"{share:.{digits}%}"
        if not text.startswith("100") or share >= 1:
            return text
    return "over 99.9999%"
