"""Collect execution metrics from several threads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, Protocol

from targets.scenarios import run_together


class Metrics(Protocol):
    """What the two versions of `ExecutionMetrics` have in common."""

    def increment(self, name: str, /) -> None: ...

    def record(self, tool: str, milliseconds: int, /) -> None: ...

    def measure(self, tool: str, /) -> AbstractContextManager[None]: ...

    def summary(self) -> Any: ...

    def reset(self) -> Any: ...


class ToolThread(threading.Thread):
    """Run one tool under measurement; `error` is what it raised."""

    def __init__(self, metrics: Metrics, tool: str, *, is_broken: bool = False) -> None:
        super().__init__(name=tool)
        self.metrics = metrics
        self.is_broken = is_broken
        self.error: RuntimeError | None = None

    def run(self) -> None:
        """Execute the tool."""
        try:
            with self.metrics.measure(self.name):
                if self.is_broken:
                    raise RuntimeError("tool failed")
        except RuntimeError as error:
            self.error = error


def every_increment_counts(metrics: Metrics) -> None:
    """Expect that no increment is lost."""
    run_together(
        first=lambda: metrics.increment("retries"),
        second=lambda: metrics.increment("retries"),
    )
    retries = metrics.summary().counters["retries"]
    assert retries == 2, f"increment lost: {retries} counted of 2"


def totals_match_sums(metrics: Metrics) -> None:
    """Expect that the total, the executions of the tool and the sum of their times are all of two executions."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        for recorded in [pool.submit(metrics.record, "detect", milliseconds) for milliseconds in (10, 20)]:
            recorded.result()
    summary = metrics.summary()
    detect = summary.by_tool["detect"]
    counted = (summary.executions, detect.executions, detect.total, detect.longest)
    assert counted == (2, 2, 30, 20), f"recording lost: {counted} counted of (2, 2, 30, 20)"


def summary_during_record(metrics: Metrics) -> None:
    """Expect that a summary never shows an execution half recorded."""
    metrics.record("detect", 10)
    summaries: list[Any] = []
    run_together(
        recorder=lambda: metrics.record("track", 20),
        reader=lambda: summaries.append(metrics.summary()),
    )
    for summary in summaries:
        executions = sum(timing.executions for timing in summary.by_tool.values())
        assert summary.executions == executions, f"total is {summary.executions}, sum over tools {executions}"


def reset_loses_nothing(metrics: Metrics) -> None:
    """Expect that each execution is in exactly one of the summaries before and after a reset."""
    before: list[Any] = []
    run_together(
        recorder=lambda: metrics.record("detect", 10),
        resetter=lambda: before.append(metrics.reset()),
    )
    summaries = [*before, metrics.summary()]
    total = sum(summary.executions for summary in summaries)
    by_tool = sum(timing.executions for summary in summaries for timing in summary.by_tool.values())
    assert (total, by_tool) == (1, 1), f"one execution: {total} in the totals, {by_tool} by tool"


def measured_tools_add_up(metrics: Metrics) -> None:
    """Expect that executions and failures of all tools are accounted for."""
    threads = [ToolThread(metrics, "detect"), ToolThread(metrics, "track", is_broken=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    summary = metrics.summary()
    assert [thread.error is None for thread in threads] == [True, False]
    assert summary.by_tool["track"].failures == 1
    assert summary.executions == 2, f"execution lost: {summary.executions} counted of 2"
