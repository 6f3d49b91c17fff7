"""Look at what three workers leave of the data structures inside the services."""

from __future__ import annotations

import pytest

from interleave.pytest_plugin import Schedule
from targets import cache, container, event_backend, metrics
from targets.fixed import cache as fixed_cache
from targets.fixed import container as fixed_container
from targets.fixed import event_backend as fixed_event_backend
from targets.fixed import metrics as fixed_metrics
from targets.scenarios import load

from .expectations import expect_failure

WORKERS = 3
LIMIT = 1
EXECUTIONS = 50


class TestDataStructureCorruption:
    """Sets, dictionaries and ordered dictionaries that are changed from many threads."""

    @pytest.mark.thorough
    def test_subscriber_sets_break(self) -> None:
        def scenario() -> None:
            load.subscriptions_come_and_go(event_backend.InMemoryEventBackend(), WORKERS)

        expect_failure(scenario, kind="exception", because="Set changed size during iteration|KeyError", executions=EXECUTIONS)

    def test_subscriber_sets_stay_whole(self, schedule: Schedule) -> None:
        @schedule(executions=EXECUTIONS)
        def scenario() -> None:
            load.subscriptions_come_and_go(fixed_event_backend.InMemoryEventBackend(), WORKERS)

    def test_ordered_dictionary_breaks(self) -> None:
        def scenario() -> None:
            load.entries_come_and_go(cache.LRUToolCache(LIMIT), LIMIT, WORKERS)

        expect_failure(scenario, kind="exception", because="KeyError", executions=EXECUTIONS)

    def test_ordered_dictionary_stays_whole(self, schedule: Schedule) -> None:
        @schedule(executions=EXECUTIONS)
        def scenario() -> None:
            load.entries_come_and_go(fixed_cache.LRUToolCache(LIMIT), LIMIT, WORKERS)

    @pytest.mark.thorough
    def test_timings_break(self) -> None:
        def scenario() -> None:
            load.tools_are_executed(metrics.ExecutionMetrics(), WORKERS)

        expect_failure(scenario, kind="assertion", because="sum over tools", executions=EXECUTIONS)

    def test_timings_stay_whole(self, schedule: Schedule) -> None:
        @schedule(executions=EXECUTIONS)
        def scenario() -> None:
            load.tools_are_executed(fixed_metrics.ExecutionMetrics(), WORKERS)

    def test_singletons_break(self) -> None:
        def scenario() -> None:
            load.services_are_resolved(container.ServiceContainer(), WORKERS)

        expect_failure(scenario, kind="assertion", because="more than one database", executions=EXECUTIONS)

    def test_singletons_stay_whole(self, schedule: Schedule) -> None:
        @schedule(executions=EXECUTIONS)
        def scenario() -> None:
            load.services_are_resolved(fixed_container.ServiceContainer(), WORKERS)
