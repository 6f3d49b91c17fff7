"""What is said of a failure under the GIL, in one sentence."""

from __future__ import annotations

import sys

from interleave.result import Failure


def gil_line(failure: Failure) -> str:
    """Say whether a failure can happen under the GIL of this CPython; empty where that is not known."""
    label = failure.under_gil
    if label is None or failure.kind == "nondeterminism" or not _has_threads(failure):
        return ""
    python = f"CPython {sys.version_info[0]}.{sys.version_info[1]}"
    if label.verdict == "possible":
        return f"Under the GIL: this happens on {python} too."
    if label.verdict == "not seen":
        return f"Under the GIL: not seen in {label.executions:,} executions on {python}; free-threaded Python can fail so."
    return f"Under the GIL: cannot happen on {python} (all schedules run): safe today by luck, broken on free-threaded Python."


def _has_threads(failure: Failure) -> bool:
    """Tell whether more than the tasks of one thread take part, for which the GIL changes nothing."""
    return not failure.trace.has_tasks or any(operation.kind == "begin" for _, operation in failure.trace.events)
