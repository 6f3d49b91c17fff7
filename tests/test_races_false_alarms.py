"""No race is reported of programs that are correctly synchronised, whatever the schedule."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from interleave import Budget, Result, explore
from interleave.loading import find_scenarios
from interleave.race_search import RaceSearch
from tests.synchronised import PROGRAMS

FIXED = [
    scenario
    for name in ("cache", "container", "deadlock", "event_backend", "metrics")
    for scenario in find_scenarios(f"targets.fixed.{name}")
]


@pytest.fixture(autouse=True)
def _look_at_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at every execution instead of at few."""
    monkeypatch.setattr(RaceSearch, "_is_due", lambda *_: True)


def explored(program: Callable[[], object], executions: int) -> Result:
    result = explore(program, strategy="random", races="fail", budget=Budget(executions=executions))
    assert not result.failures, result.failures[0].report()
    return result


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_no_race_is_seen_where_everything_is_ordered(program: Callable[[], object]) -> None:
    result = explored(program, 60)
    assert [race.message for race in result.races] == []
    assert [one.message for one in result.inversions] == []


@pytest.mark.parametrize("scenario", FIXED, ids=lambda scenario: scenario.name)
def test_repaired_targets_have_no_races(scenario: object) -> None:
    """Their scenarios collect results in a list, which is a known idiom."""
    result = explored(scenario.function, 40)  # type: ignore[attr-defined]
    assert [race.message for race in result.races if race.severity != "benign"] == []
    assert {race.reason for race in result.races} <= {"each is one operation of a list, which is atomic"}
    assert not result.inversions
