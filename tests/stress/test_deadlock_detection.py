"""Find the deadlocks and lost wakeups of programs as they were first written, and none in the repaired ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from interleave.pytest_plugin import Schedule
from interleave.result import Failure
from targets import deadlock as first
from targets.fixed import deadlock as fixed

from .expectations import expect_failure


def cycle(failure: Failure) -> set[str]:
    """Return the names of the threads on the cycle."""
    return {blocked.thread for blocked in failure.outcome.blocked if blocked.tid in failure.outcome.cycle}


def waiting_workers(failure: Failure) -> set[str]:
    """Return the names of the unfinished threads, without the one that joins them."""
    return {blocked.thread for blocked in failure.outcome.blocked if blocked.tid != 0}


class TestDeadlockDetection:
    """Lock order, notification and waiting."""

    def test_opposite_moves_wait_for_each_other(self) -> None:
        failure = expect_failure(first.scenario_opposite_moves, kind="deadlock")
        assert cycle(failure) == {"leftwards", "rightwards"}

    def test_three_moves_wait_in_a_ring(self) -> None:
        failure = expect_failure(first.scenario_moves_in_a_ring, kind="deadlock")
        assert cycle(failure) == {"first", "second", "third"}

    def test_report_and_execution_wait_for_each_other(self) -> None:
        failure = expect_failure(first.scenario_report_during_execution, kind="deadlock")
        assert cycle(failure) == {"monitor", "worker"}

    def test_cycle_names_what_is_held_and_where(self) -> None:
        failure = expect_failure(first.scenario_opposite_moves, kind="deadlock")
        held = {resource.where.function for blocked in failure.outcome.blocked for resource in blocked.holds if resource.where}
        assert held == {"move_entry"}

    def test_woken_consumer_finds_no_job(self) -> None:
        expect_failure(first.scenario_every_job_is_taken, kind="assertion", because="although the queue was open")

    def test_closing_wakes_one_consumer_of_two(self) -> None:
        failure = expect_failure(first.scenario_close_releases_consumers, kind="stuck")
        assert len(waiting_workers(failure)) == 1
        assert waiting_workers(failure) < {"consumer_1", "consumer_2"}

    def test_wakeup_comes_before_the_wait(self) -> None:
        failure = expect_failure(first.scenario_result_reaches_waiter, kind="stuck")
        assert waiting_workers(failure) == {"waiter"}

    @pytest.mark.interleave(executions=300)
    @pytest.mark.parametrize(
        "scenario",
        [
            fixed.scenario_opposite_moves,
            fixed.scenario_moves_in_a_ring,
            fixed.scenario_report_during_execution,
            fixed.scenario_every_job_is_taken,
            fixed.scenario_close_releases_consumers,
            fixed.scenario_result_reaches_waiter,
        ],
    )
    def test_repaired_version_passes(self, schedule: Schedule, scenario: Callable[[], None]) -> None:
        schedule(scenario)
