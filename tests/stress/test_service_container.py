"""Break the service container as it was first written, and fail to break the repaired one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from interleave.pytest_plugin import Schedule
from targets import container as first
from targets.fixed import container as fixed

from .expectations import expect_failure


class TestServiceContainer:
    """Register, resolve and dispose."""

    def test_singleton_is_made_twice(self) -> None:
        expect_failure(first.scenario_singleton_is_single, kind="assertion", because="2 singletons made")

    def test_dependency_is_not_shared(self) -> None:
        expect_failure(first.scenario_dependency_is_shared, kind="assertion", because="do not share their database")

    def test_scope_has_two(self) -> None:
        expect_failure(first.scenario_scope_has_one, kind="assertion", because="two instances in one scope")

    def test_service_is_left_open(self) -> None:
        expect_failure(first.scenario_resolve_during_dispose, kind="assertion", because="left open")

    def test_service_is_closed_twice(self) -> None:
        expect_failure(first.scenario_dispose_closes_once, kind="assertion", because="closed 2 times")

    def test_dictionary_shrinks_during_dispose(self) -> None:
        expect_failure(first.scenario_dispose_closes_once, kind="exception", because="dictionary changed size during iteration")

    def test_dictionary_grows_during_listing(self) -> None:
        expect_failure(first.scenario_register_during_listing, kind="exception", because="dictionary changed size during iteration")

    def test_transients_need_no_repair(self, schedule: Schedule) -> None:
        schedule(first.scenario_transients_are_distinct_and_pass)

    @pytest.mark.interleave(executions=300)
    @pytest.mark.parametrize(
        "scenario",
        [
            fixed.scenario_singleton_is_single,
            fixed.scenario_dependency_is_shared,
            fixed.scenario_scope_has_one,
            fixed.scenario_resolve_during_dispose,
            fixed.scenario_dispose_closes_once,
            fixed.scenario_register_during_listing,
            fixed.scenario_transients_are_distinct_and_pass,
        ],
    )
    def test_repaired_version_passes(self, schedule: Schedule, scenario: Callable[[], None]) -> None:
        schedule(scenario)
