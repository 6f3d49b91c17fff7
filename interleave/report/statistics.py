"""What was explored, in a few lines: how many executions of which size, and how far a search has come."""

from __future__ import annotations

from collections.abc import Iterator

from interleave.model import Result


def statistics_lines(result: Result) -> Iterator[str]:
    """Say what an exploration did, one line for each thing that is known."""
    counts = result.statistics
    if not result.executions or not counts.longest:
        return
    switches = counts.switches / result.executions
    yield (
        f"{counts.steps:,} steps in {result.executions:,} executions, at most {counts.longest:,} in one; "
        f"up to {counts.threads} threads, {switches:.1f} switches each"
    )
    if counts.left >= 0 and result.verdict != "proven":
        share = counts.searched / max(counts.searched + counts.left, 1)
        yield f"the search for a proof made {counts.searched:,} of about {counts.searched + counts.left:,} schedules ({share:.1%})"
    if counts.redundant:
        yield f"{counts.redundant:,} executions repeated others"
    if counts.looks:
        yield f"{counts.looks:,} more to look for races, {counts.tries:,} of them to try what one foretold"
    if counts.shrinking:
        yield f"{counts.shrinking:,} more to simplify failures"
