"""Trace events for Perfetto (https://ui.perfetto.dev) and chrome://tracing: one process a failure, one track a logical thread.

The format is "Trace Event Format", the JSON object form. A step lasts a microsecond of a clock that counts steps. Locks held and time
blocked are asynchronous events, since they need not nest; conflicts and wake-ups are flows. Perfetto takes identifiers that are text for
hexadecimal, and thread 0 for the idle one: they are numbers, unique in the file, and threads are counted from 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, TextIO

from interleave.detectors.culprit import find
from interleave.report.columns import effect, named_steps, names_of
from interleave.report.source import short_path, source_line
from interleave.report.spans import arrows_of, spans_of
from interleave.result import Failure, Result


def write(results: Sequence[Result], out: TextIO) -> None:
    """Write the failing executions as trace events."""
    failures = [failure for result in results for failure in result.failures]
    ids = count(1)
    events = [event for pid, failure in enumerate(failures, 1) for event in _events(pid, failure, ids)]
    json.dump({"traceEvents": events, "displayTimeUnit": "ns", "otherData": {"generator": "interleave"}}, out, indent=1)
    out.write("\n")


def _events(pid: int, failure: Failure, ids: Iterator[int]) -> Iterator[dict[str, Any]]:
    names, steps = names_of(failure.trace.threads), named_steps(failure.trace)
    yield {"ph": "M", "pid": pid, "tid": 1, "ts": 0, "name": "process_name", "args": {"name": f"{failure.scenario}: {failure.kind}"}}
    for tid, name in names.items():
        yield {"ph": "M", "pid": pid, "tid": tid + 1, "ts": 0, "name": "thread_name", "args": {"name": name}}
    for step in steps:
        where = {"file": short_path(step.where.file), "line": step.where.line, "function": step.where.function}
        more = {"source": source_line(step.where.file, step.where.line), "value": step.value, "conflicts": step.is_shared}
        place = {"ph": "X", "pid": pid, "tid": step.tid + 1, "ts": step.index, "dur": 1}
        yield place | {"cat": step.kind, "name": effect(step), "args": where | more}
    for span in spans_of(failure):
        common = {"pid": pid, "tid": span.tid + 1, "cat": span.kind, "id": next(ids), "name": f"{span.kind}: {span.what}"}
        yield {"ph": "b", "ts": span.start, **common}
        yield {"ph": "e", "ts": span.end, **common}
    for arrow in arrows_of(failure, find(failure.trace, failure.outcome)):
        common = {"pid": pid, "cat": arrow.kind, "id": next(ids), "name": arrow.kind}
        yield {"ph": "s", "tid": steps[arrow.source].tid + 1, "ts": arrow.source, **common}
        yield {"ph": "f", "bp": "e", "tid": steps[arrow.target].tid + 1, "ts": arrow.target, **common}
