"""JSON for machines, as `schema.json` beside this file describes it, field by field.

Within a version, fields are only added; renaming one or changing its meaning raises the number. Versions: 1 (0.1.0) the first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, TextIO

from interleave.model import Frame, Inversion, Race, Statistics
from interleave.report.explanation import explain
from interleave.result import Failure, Result

VERSION: Final = 1
_COUNTS: Final = (
    "steps", "longest", "threads", "switches", "preemptions", "redundant", "shrinking", "looks", "tries", "searched", "left",
    "bound_done", "classed", "classes", "looked",
)  # fmt: skip


def write(results: Sequence[Result], out: TextIO) -> None:
    """Write the whole run as one JSON object."""
    json.dump(as_data(results), out, indent=2)
    out.write("\n")


def as_data(results: Sequence[Result]) -> dict[str, Any]:
    """Return the results as plain data, as the schema describes it."""
    from importlib.metadata import version

    return {"version": VERSION, "interleave": version("interleave"), "scenarios": [_scenario(result) for result in results]}


def _scenario(result: Result) -> dict[str, Any]:
    return {
        "name": result.scenario,
        **_fields(result, "verdict", "exhausted", "executions"),
        "seconds": round(result.statistics.seconds, 6),
        **_fields(result, "strategy", "scope", "stopped_by"),
        "uncontrolled": list(result.uncontrolled),
        "statistics": _statistics(result.statistics),
        "failures": [_failure(failure) for failure in result.failures],
        "races": [_race(race) for race in result.races],
        "inversions": [_inversion(inversion) for inversion in result.inversions],
    }


def _fields(value: object, *names: str) -> dict[str, Any]:
    """Return those fields of a value that are called in JSON as they are here."""
    return {name: getattr(value, name) for name in names}


def _statistics(counts: Statistics) -> dict[str, Any]:
    names = ("place", "first", "first_kind", "second", "second_kind")
    return {
        **_fields(counts, *_COUNTS),
        "shares": dict(counts.shares),
        "unseen": counts.unseen if counts.unseen >= 0 else None,
        "pct": _fields(counts, "depth", "chance", "chance_of_all") if counts.chance else None,
        "pairs": [{**_fields(pair, *names), "both_orders": pair.is_both} for pair in counts.pairs],
    }


def _failure(failure: Failure) -> dict[str, Any]:
    outcome = failure.outcome
    explanation = explain(failure)
    return {
        **_fields(failure, "kind", "message"),
        **_fields(explanation, "story", "fix"),
        **_fields(failure, "seed", "preemptions", "steps", "executions", "count"),
        "under_gil": failure.under_gil._asdict() if failure.under_gil is not None else None,
        "thread": explanation.names.get(outcome.tid),
        "file": outcome.where.file if outcome.where else None,
        "line": outcome.where.line if outcome.where else None,
        "replay": failure.replay_command,
    }


def _race(race: Race) -> dict[str, Any]:
    return {
        **_fields(race, "kind", "pattern", "severity", "reason", "place", "message", "seed", "executions"),
        "replay": race.replay_command,
        "accesses": [
            _fields(one, "thread", "mode", "value", "file", "line", "function") | {"locks": list(one.locks)} for one in race.accesses
        ],
    }


def _inversion(inversion: Inversion) -> dict[str, Any]:
    return {
        "message": inversion.message,
        "seed": inversion.seed,
        "confirmed": inversion.is_confirmed,
        "steps": [
            {"thread": one.thread, **_lock("outer", one.outer, one.outer_at), **_lock("inner", one.inner, one.inner_at)}
            for one in inversion.steps
        ],
    }


def _lock(role: str, name: str, taken_at: Frame) -> dict[str, Any]:
    return {role: name, f"{role}_file": taken_at.file, f"{role}_line": taken_at.line}
