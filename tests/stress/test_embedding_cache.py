"""Break the embedding cache as it was first written, and fail to break the repaired one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from interleave.pytest_plugin import Schedule
from targets import cache as first
from targets.fixed import cache as fixed

from .expectations import expect_failure


class TestEmbeddingCache:
    """Get, put, evict and clear."""

    def test_size_goes_over_the_limit(self) -> None:
        expect_failure(first.scenario_puts_keep_the_limit, kind="assertion", because="size over the limit of 1")

    def test_entry_is_gone_between_check_and_use(self) -> None:
        failure = expect_failure(first.scenario_get_during_eviction, kind="exception", because="KeyError")
        assert isinstance(failure.outcome.error, KeyError)

    def test_last_entry_is_evicted_twice(self) -> None:
        expect_failure(first.scenario_last_entry_is_evicted_once, kind="exception", because="dictionary is empty")

    def test_hit_is_lost(self) -> None:
        expect_failure(first.scenario_every_lookup_is_counted, kind="assertion", because="hit lost: 1 counted of 2")

    def test_count_survives_clearing(self) -> None:
        expect_failure(first.scenario_clear_starts_from_zero, kind="assertion", because="count from before the clearing: 3 misses")

    @pytest.mark.interleave(executions=300)
    @pytest.mark.parametrize(
        "scenario",
        [
            fixed.scenario_puts_keep_the_limit,
            fixed.scenario_get_during_eviction,
            fixed.scenario_last_entry_is_evicted_once,
            fixed.scenario_every_lookup_is_counted,
            fixed.scenario_clear_starts_from_zero,
        ],
    )
    def test_repaired_version_passes(self, schedule: Schedule, scenario: Callable[[], None]) -> None:
        schedule(scenario)
