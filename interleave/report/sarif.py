"""SARIF 2.1.0, for annotations of code scanning: failures are errors, races that are no failures warnings or notes.

A result is located at the last line that explains it; the other lines are related locations, and the accesses in order are its code flow.
Paths below the current folder are relative to it (`SRCROOT`). Fingerprints are made from the kind and the place, so that a result stays
the same one when lines move.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, Final, TextIO

from interleave.model import Frame, Race
from interleave.report.explanation import explain
from interleave.report.races import said
from interleave.report.source import short_path
from interleave.result import Failure, Result

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
#: Of each kind what it is, and what to do about it.
_RULES: Final = {
    "assertion": ("An assertion fails in some interleaving", "Make one step of what must not be interrupted: hold one lock over it."),
    "exception": ("An exception is raised in some interleaving", "Make one step of what must not be interrupted: hold one lock over it."),
    "deadlock": ("Threads wait for each other", "Take the locks in the same order everywhere."),
    "stuck": ("A thread waits for what nobody will do", "See that it is done in every case, and that the waiting begins before."),
    "livelock": ("A loop does not end", "Wait for the change instead of looking again and again."),
    "nondeterminism": ("The program does not repeat itself under one schedule", "Build all state inside the scenario."),
    "race": ("Nothing orders accesses of two threads", "Hold one lock at each of them."),
}
_LEVELS: Final = {"harmful": "warning", "possible": "note", "benign": "none"}


def write(results: Sequence[Result], out: TextIO) -> None:
    """Write the run as one SARIF log."""
    from importlib.metadata import version

    rules = [
        {"id": name, "shortDescription": {"text": text}, "fullDescription": {"text": f"{text}."}, "help": {"text": aid}}
        for name, (text, aid) in _RULES.items()
    ]
    driver = {"name": "interleave", "version": version("interleave"), "rules": rules}
    found = [one for result in results for one in _results(result)]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": found}
    json.dump({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, out, indent=2)
    out.write("\n")


def _results(result: Result) -> Iterator[dict[str, Any]]:
    for failure in result.failures:
        yield _of_failure(failure)
    failing = {failure.outcome.race.key for failure in result.failures if failure.outcome.race is not None}
    for race in result.races:
        if race.key not in failing and race.severity != "benign":
            yield _of_race(race, result.scenario)


def _of_failure(failure: Failure) -> dict[str, Any]:
    explanation = explain(failure)
    culprit = explanation.culprit
    parts = (failure.message, explanation.story, explanation.fix, f"Replay: {failure.replay_command or failure.seed}")
    text = "\n".join(filter(None, parts))
    if culprit is not None:
        marks = [(access.where, said(access, culprit.place)) for access in culprit.accesses]
    else:
        frames = [one.where for one in failure.outcome.blocked if one.tid in failure.outcome.cycle or not failure.outcome.cycle]
        frames = frames or ([failure.outcome.where] if failure.outcome.where else [])
        marks = [(frame, "here") for frame in frames]
    key = (failure.scenario, failure.kind, culprit.place if culprit else failure.outcome.kind)
    return _result(failure.kind, "error", text, marks, key) | {"properties": {"scenario": failure.scenario, "seed": failure.seed}}


def _of_race(race: Race, scenario: str) -> dict[str, Any]:
    marks = [(access.where, said(access, race.place)) for access in race.accesses]
    found = _result("race", _LEVELS[race.severity], race.message, marks, (scenario, race.kind, race.place))
    return found | {"properties": {"scenario": scenario, "seed": race.seed}}


def _result(rule: str, level: str, text: str, marks: Sequence[tuple[Frame, str]], key: tuple[str, ...]) -> dict[str, Any]:
    locations = [_location(frame, words) for frame, words in marks]
    found: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": list(_RULES).index(rule),
        "level": level,
        "message": {"text": text},
        "locations": locations[-1:],
        "partialFingerprints": {"interleave/v1": sha256("\n".join(key).encode()).hexdigest()[:16]},
    }
    if len(locations) > 1:
        found["relatedLocations"] = [{"id": number, **one} for number, one in enumerate(locations[:-1], 1)]
        found["codeFlows"] = [{"threadFlows": [{"locations": [{"location": one} for one in locations]}]}]
    return found


def _location(frame: Frame, words: str) -> dict[str, Any]:
    short = short_path(frame.file)
    is_below = short != frame.file
    artifact = {"uri": pathlib.PurePath(short).as_posix(), "uriBaseId": "SRCROOT"} if is_below else {"uri": _uri(frame.file)}
    return {
        "physicalLocation": {"artifactLocation": artifact, "region": {"startLine": max(frame.line, 1)}},
        "logicalLocations": [{"fullyQualifiedName": frame.function or "?"}],
        "message": {"text": words},
    }


def _uri(file: str) -> str:
    path = pathlib.PurePath(file)
    return path.as_uri() if path.is_absolute() else path.as_posix()
