"""Break the metrics of the tool pipeline as they were first written, and fail to break the repaired ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from interleave.pytest_plugin import Schedule
from targets import metrics as first
from targets.fixed import metrics as fixed

from .expectations import expect_failure


class TestToolPipelineMetrics:
    """Counters, timings, summary and reset."""

    def test_increment_is_lost(self) -> None:
        expect_failure(first.scenario_every_increment_counts, kind="assertion", because="increment lost: 1 counted of 2")

    def test_recording_is_lost(self) -> None:
        expect_failure(first.scenario_totals_match_sums, kind="assertion", because="recording lost")

    def test_summary_shows_half_a_recording(self) -> None:
        expect_failure(first.scenario_summary_during_record, kind="assertion", because="total is 2, sum over tools 1")

    def test_dictionary_grows_during_summary(self) -> None:
        expect_failure(first.scenario_summary_during_record, kind="exception", because="dictionary changed size during iteration")

    def test_recording_falls_between_two_summaries(self) -> None:
        expect_failure(first.scenario_reset_loses_nothing, kind="assertion", because="one execution: [012] in the totals, [012] by tool")

    def test_measured_execution_is_lost(self) -> None:
        expect_failure(first.scenario_measured_tools_add_up, kind="assertion", because="execution lost: 1 counted of 2")

    @pytest.mark.interleave(executions=300)
    @pytest.mark.parametrize(
        "scenario",
        [
            fixed.scenario_every_increment_counts,
            fixed.scenario_totals_match_sums,
            fixed.scenario_summary_during_record,
            fixed.scenario_reset_loses_nothing,
            fixed.scenario_measured_tools_add_up,
        ],
    )
    def test_repaired_version_passes(self, schedule: Schedule, scenario: Callable[[], None]) -> None:
        schedule(scenario)
