"""Load the services with 10, 50 and 100 workers, which make two to four operations each."""

from __future__ import annotations

import pytest

from interleave.pytest_plugin import Schedule
from targets import container, deadlock, metrics
from targets.deadlock import CacheShard
from targets.fixed import cache as fixed_cache
from targets.fixed import container as fixed_container
from targets.fixed import deadlock as fixed_deadlock
from targets.fixed import event_backend as fixed_event_backend
from targets.fixed import metrics as fixed_metrics
from targets.scenarios import load

from .expectations import expect_failure

LIMIT = 8
SHARDS = 4

under_load = pytest.mark.parametrize("workers", [10, pytest.param(50, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.slow)])


@pytest.mark.interleave(strategy="random", executions=5)
class TestHighConcurrency:
    """Faults found under load, and invariants that hold under load."""

    @pytest.mark.parametrize("workers", [10, pytest.param(100, marks=pytest.mark.slow)])
    def test_metrics_lose_increments(self, workers: int) -> None:
        def scenario() -> None:
            load.frames_are_counted(metrics.ExecutionMetrics(), workers)

        expect_failure(scenario, kind="assertion", because="increment lost", strategy="random", executions=5)

    @pytest.mark.parametrize("workers", [10])
    def test_container_makes_several_singletons(self, workers: int) -> None:
        def scenario() -> None:
            load.services_are_resolved(container.ServiceContainer(), workers)

        expect_failure(scenario, kind="assertion", because="more than one database", strategy="random", executions=20)

    @pytest.mark.parametrize("workers", [10])
    def test_moves_deadlock(self, workers: int) -> None:
        def scenario() -> None:
            load.entries_are_moved([CacheShard(number) for number in range(SHARDS)], deadlock.move_entry, workers)

        expect_failure(scenario, kind="deadlock", strategy="random", executions=20)

    @under_load
    def test_events_reach_their_subscribers(self, schedule: Schedule, workers: int) -> None:
        @schedule
        def scenario() -> None:
            load.subscriptions_come_and_go(fixed_event_backend.InMemoryEventBackend(), workers)

    @under_load
    def test_cache_keeps_its_limit(self, schedule: Schedule, workers: int) -> None:
        @schedule
        def scenario() -> None:
            load.entries_come_and_go(fixed_cache.LRUToolCache(LIMIT), LIMIT, workers)

    @under_load
    def test_increments_count(self, schedule: Schedule, workers: int) -> None:
        @schedule
        def scenario() -> None:
            load.frames_are_counted(fixed_metrics.ExecutionMetrics(), workers)

    @under_load
    def test_metrics_match_sums(self, schedule: Schedule, workers: int) -> None:
        @schedule
        def scenario() -> None:
            load.tools_are_executed(fixed_metrics.ExecutionMetrics(), workers)

    @under_load
    def test_container_makes_one_singleton(self, schedule: Schedule, workers: int) -> None:
        @schedule
        def scenario() -> None:
            load.services_are_resolved(fixed_container.ServiceContainer(), workers)

    @under_load
    def test_moves_end(self, schedule: Schedule, workers: int) -> None:
        @schedule
        def scenario() -> None:
            load.entries_are_moved([CacheShard(number) for number in range(SHARDS)], fixed_deadlock.move_entry, workers)

    @under_load
    def test_jobs_are_done_once(self, schedule: Schedule, workers: int) -> None:
        @schedule
        def scenario() -> None:
            load.jobs_are_done(fixed_deadlock.JobQueue(), workers)
