"""JSON for machines.

One object. Within a version, fields are only added; renaming one or changing its meaning raises the number.

    version      1
    interleave   version of the package
    scenarios    list, in the order explored, of
        name          "module:function"
        verdict       "proven", "passed", "failed" or "inconclusive" (see `result.Result`)
        exhausted     whether every schedule within `scope` was run
        executions    number of executions
        seconds       wall time
        strategy      name of the strategy that ran
        scope         what "proven" covers, in words; may be empty
        stopped_by    "exhausted", "executions", "seconds", "saturated", "failure", "nondeterminism", "interrupt", "hang" or "died"
        uncontrolled  list of sentences: what could not be controlled
        statistics    as in `model.Statistics`: steps, longest, threads, switches, preemptions, redundant, shrinking, looks, tries,
                      searched, left (-1: not known), bound_done (-1: none), shares (executions by strategy), and
            classed, classes    executions whose class of equivalent ones was determined, and how many classes there were
            unseen              estimated probability that another execution is of a class not among these, or null; 0 if every schedule
                                was run
            pct                 null, or what PCT guarantees: depth, chance (of one execution), chance_of_all
            looked              executions looked at for pairs
            pairs               list of pairs of conflicting accesses, in the order met: place, first, first_kind, second, second_kind
                                (both "file:line" and what is done there), both_orders
        failures      list of
            kind         "assertion", "exception", "deadlock", "stuck", "livelock", "nondeterminism" or "race"
            message      what went wrong; may have several lines
            story        what happened, in one sentence; empty where nothing is known beyond the message
            fix          what would mend it, in one line; empty where the pattern is not known
            seed         replays the failure
            preemptions  of the simplest interleaving that shows it
            steps        number of operations of that interleaving
            executions   number of executions made when it was first met
            count        number of executions that failed this way
            under_gil    null where it was not found out, else an object of
                verdict      "possible", "not seen" or "impossible" (see `model.UnderGil`)
                executions   number of executions made to find out
            thread       name of the logical thread that failed, or null
            file, line   where, or null
            replay       the command that replays it
        races         list, harmful ones first, of
            kind         "unserializable" or "unsynchronised" (see `model.Race`)
            pattern      what the accesses do: "read-write-write", "write-read", ...
            severity     "harmful", "possible" or "benign"
            reason       the idiom that makes it benign, else empty
            place        what is accessed
            message      one sentence
            seed         of an execution that shows it
            executions   number of executions made when it was first seen
            replay       the command that replays it
            accesses     list, in order, of
                thread, mode       its name; "reads" or "writes"
                value              as text, empty where it is not known
                file, line, function
                locks              list of the locks that the thread held
        inversions    list of locks taken in opposite orders, each with
            message, seed
            confirmed    whether an execution was led into the deadlock (then it is among the failures)
            steps        list of: thread, outer, outer_file, outer_line, inner, inner_file, inner_line

The same as a JSON Schema: `schema.json` beside this file. Versions: 1 (0.1.0) the first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, TextIO

from interleave.detectors.culprit import find
from interleave.model import Inversion, Race, Statistics
from interleave.report.fixes import fix_of
from interleave.report.story import sentence_of
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
    """Return the results as plain data, as this module's head describes it."""
    from importlib.metadata import version

    return {"version": VERSION, "interleave": version("interleave"), "scenarios": [_scenario(result) for result in results]}


def _scenario(result: Result) -> dict[str, Any]:
    return {
        "name": result.scenario,
        "verdict": result.verdict,
        "exhausted": result.exhausted,
        "executions": result.executions,
        "seconds": round(result.statistics.seconds, 6),
        "strategy": result.strategy,
        "scope": result.scope,
        "stopped_by": result.stopped_by,
        "uncontrolled": list(result.uncontrolled),
        "statistics": _statistics(result.statistics),
        "failures": [_failure(failure) for failure in result.failures],
        "races": [_race(race) for race in result.races],
        "inversions": [_inversion(inversion) for inversion in result.inversions],
    }


def _statistics(counts: Statistics) -> dict[str, Any]:
    pct = {"depth": counts.depth, "chance": counts.chance, "chance_of_all": counts.chance_of_all}
    names = ("place", "first", "first_kind", "second", "second_kind")
    return {
        **{name: getattr(counts, name) for name in _COUNTS},
        "shares": dict(counts.shares),
        "unseen": counts.unseen if counts.unseen >= 0 else None,
        "pct": pct if counts.chance else None,
        "pairs": [{**{name: getattr(pair, name) for name in names}, "both_orders": pair.is_both} for pair in counts.pairs],
    }


def _failure(failure: Failure) -> dict[str, Any]:
    outcome = failure.outcome
    names = {thread.tid: thread.name for thread in failure.trace.threads}
    culprit = find(failure.trace, failure.outcome)
    return {
        "kind": failure.kind,
        "message": failure.message,
        "story": sentence_of(failure, culprit, names),
        "fix": fix_of(failure, culprit),
        "seed": failure.seed,
        "preemptions": failure.preemptions,
        "steps": failure.trace.moments,
        "executions": failure.executions,
        "count": failure.count,
        "under_gil": failure.under_gil._asdict() if failure.under_gil is not None else None,
        "thread": names.get(outcome.tid),
        "file": outcome.where.file if outcome.where else None,
        "line": outcome.where.line if outcome.where else None,
        "replay": failure.replay_command,
    }


def _race(race: Race) -> dict[str, Any]:
    names = ("kind", "pattern", "severity", "reason", "place", "message", "seed", "executions")
    fields = ("thread", "mode", "value", "file", "line", "function")
    accesses = [{**{name: getattr(access, name) for name in fields}, "locks": list(access.locks)} for access in race.accesses]
    return {**{name: getattr(race, name) for name in names}, "replay": race.replay_command, "accesses": accesses}


def _inversion(inversion: Inversion) -> dict[str, Any]:
    return {
        "message": inversion.message,
        "seed": inversion.seed,
        "confirmed": inversion.is_confirmed,
        "steps": [
            {
                "thread": step.thread,
                "outer": step.outer,
                "outer_file": step.outer_at.file,
                "outer_line": step.outer_at.line,
                "inner": step.inner,
                "inner_file": step.inner_at.file,
                "inner_line": step.inner_at.line,
            }
            for step in inversion.steps
        ],
    }
