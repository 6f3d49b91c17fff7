"""`seconds` bound the search only: what it had found was simplified for 20 seconds where 8 were asked for."""

from __future__ import annotations

import pytest

import interleave.runner
from interleave import Budget, explore, replay
from tests.test_shrink_quality import two_updates_lost_at_once


def test_what_is_found_when_the_time_is_up_is_reported_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    simplified = explore(two_updates_lost_at_once, strategy="random", budget=Budget(seconds=60))
    monkeypatch.setattr(interleave.runner, "_now", lambda: float("inf"))
    result = explore(two_updates_lost_at_once, strategy="random", budget=Budget(seconds=60))
    assert result.failure is not None
    # Once more in detail, whatever the time.
    assert result.statistics.shrinking == 1 < simplified.statistics.shrinking
    again = replay(two_updates_lost_at_once, result.failure.seed).failure
    assert again is not None
    assert again.kind == "assertion"


def test_without_seconds_nothing_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    simplified = explore(two_updates_lost_at_once, strategy="random")
    monkeypatch.setattr(interleave.runner, "_now", lambda: 1e9)
    result = explore(two_updates_lost_at_once, strategy="random")
    assert result.statistics.shrinking == simplified.statistics.shrinking > 1
