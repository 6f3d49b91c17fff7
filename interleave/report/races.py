"""Races and lock-order inversions in a list of results, and in the report of a failure.

Harmful races come with what replays them. Of the others few are listed, and of benign ones only the number: JSON has them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from interleave.model import Inversion, Race, RaceAccess
from interleave.report.source import located_source
from interleave.result import Result

#: Races listed of each severity.
_MOST: Final = 3


def result_lines(result: Result) -> Iterator[str]:
    """Say what is known of races after an exploration; of a scenario that failed otherwise, the harmful ones only."""
    failing = {failure.outcome.race.key for failure in result.failures if failure.outcome.race is not None}
    races = [race for race in result.races if race.key not in failing]
    most = 0 if result.failures else _MOST
    yield from race_lines(races, most=most)
    yield from _rest_line(races, most)
    for inversion in result.inversions[: 0 if result.failures else _MOST]:
        yield from inversion_lines(inversion)


def race_lines(races: Sequence[Race], *, most: int = _MOST) -> Iterator[str]:
    """List the worst races, harmful ones with how to see them."""
    for race in _of(races, "harmful")[:_MOST]:
        yield f"harmful race: {race.message}"
        yield f"    replay: {race.replay_command or race.seed}"
    for race in _of(races, "possible")[:most]:
        yield f"race: {race.message}"


def _of(races: Sequence[Race], severity: str) -> list[Race]:
    return [race for race in races if race.severity == severity]


def _rest_line(races: Sequence[Race], most: int) -> Iterator[str]:
    """Say how many more there are."""
    more = len(_of(races, "harmful")[_MOST:]) + (len(_of(races, "possible")[most:]) if most else 0)
    benign = len(_of(races, "benign")) if most else 0
    parts = [f"{more} more {'race' if more == 1 else 'races'}"] * bool(more) + [f"{benign} known to be benign"] * bool(benign)
    if parts:
        yield f"races: {' and '.join(parts)} (--json lists them)"


def inversion_lines(inversion: Inversion) -> Iterator[str]:
    """Say of locks taken in opposite orders where that is."""
    said = "it can deadlock" if inversion.is_confirmed else "unconfirmed: no schedule tried ran into the deadlock"
    yield f"lock order: {inversion.message} ({said})"
    for step in inversion.steps:
        yield f"    {step.thread}: {step.outer} at {located_source(step.outer_at)}"
        yield f"    {'':<{len(step.thread)}}  then {step.inner} at {located_source(step.inner_at)}"


def access_lines(accesses: Sequence[RaceAccess], places: Sequence[str]) -> Iterator[str]:
    """List accesses to these places in order, with the locks held at each; and what notifies, which has neither."""
    for access, place in zip(accesses, places, strict=True):
        held = ", ".join(access.locks) or "no lock"
        yield f"{said(access, place)}, holding {held}" if access.mode in ("reads", "writes") else f"{access.thread} {access.mode}"
        yield f"    at {located_source(access.where)}"


def said(access: RaceAccess, place: str) -> str:
    """Return `a writes Cache.hits = 2`."""
    return f"{access.thread} {access.mode} {place}{f' = {access.value}' if access.value else ''}"
