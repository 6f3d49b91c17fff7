"""Break the event backend as it was first written, and fail to break the repaired one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from interleave.pytest_plugin import Schedule
from targets import event_backend as first
from targets.fixed import event_backend as fixed

from .expectations import expect_failure


class TestEventBackend:
    """Subscribe, unsubscribe and publish."""

    def test_subscription_is_lost_to_another(self) -> None:
        expect_failure(first.scenario_both_subscribers_hear, kind="assertion", because="subscription lost")

    def test_subscription_is_orphaned_by_the_last_to_leave(self) -> None:
        expect_failure(first.scenario_newcomer_outlives_leaver, kind="assertion", because="subscription orphaned")

    def test_set_grows_during_publish(self) -> None:
        expect_failure(first.scenario_subscribe_during_publish, kind="exception", because="Set changed size during iteration")

    def test_set_shrinks_during_publish(self) -> None:
        expect_failure(first.scenario_unsubscribe_during_publish, kind="exception", because="Set changed size during iteration")

    def test_handler_is_gone_during_publish(self) -> None:
        expect_failure(first.scenario_unsubscribe_during_publish, kind="exception", because="KeyError")

    def test_sequence_number_is_given_out_twice(self) -> None:
        expect_failure(first.scenario_sequence_numbers_are_unique, kind="assertion", because="sequence number given out twice")

    @pytest.mark.interleave(executions=300)
    @pytest.mark.parametrize(
        "scenario",
        [
            fixed.scenario_both_subscribers_hear,
            fixed.scenario_newcomer_outlives_leaver,
            fixed.scenario_subscribe_during_publish,
            fixed.scenario_unsubscribe_during_publish,
            fixed.scenario_sequence_numbers_are_unique,
        ],
    )
    def test_repaired_version_passes(self, schedule: Schedule, scenario: Callable[[], None]) -> None:
        schedule(scenario)
