"""Measure the tools of a pipeline. First version, written for one thread.

Each execution of a tool is counted twice, in the total and with its tool, so that a summary can be checked.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from targets.scenarios import metrics as bodies


@dataclass(slots=True)
class Timing:
    """The executions of one tool; times in milliseconds."""

    executions: int = 0
    failures: int = 0
    total: int = 0
    longest: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """What was measured up to one moment: executions of all tools, milliseconds by tool, counters by name."""

    executions: int
    by_tool: Mapping[str, Timing]
    counters: Mapping[str, int]


class ExecutionMetrics:
    """Collect counters, and the timings of executed tools."""

    def __init__(self) -> None:
        self._executions = 0
        self._timings: dict[str, Timing] = {}
        self._counters: dict[str, int] = {}

    def increment(self, name: str, amount: int = 1) -> None:
        """Add `amount` to the counter `name`."""
        self._counters[name] = self._counters.get(name, 0) + amount

    def record(self, tool: str, milliseconds: int, *, is_failure: bool = False) -> None:
        """Count one execution of `tool`."""
        self._executions += 1
        if tool not in self._timings:
            self._timings[tool] = Timing()
        timing = self._timings[tool]
        timing.executions += 1
        timing.total += milliseconds
        timing.longest = max(timing.longest, milliseconds)
        if is_failure:
            timing.failures += 1

    @contextmanager
    def measure(self, tool: str) -> Iterator[None]:
        """Record the execution of the body of a `with` statement, which failed if it raises."""
        start = time.perf_counter()
        is_failure = True
        try:
            yield
            is_failure = False
        finally:
            self.record(tool, round((time.perf_counter() - start) * 1000), is_failure=is_failure)

    def summary(self) -> Summary:
        """Return what was measured since the last reset."""
        by_tool = {tool: Timing(t.executions, t.failures, t.total, t.longest) for tool, t in self._timings.items()}
        return Summary(self._executions, by_tool, dict(self._counters))

    def reset(self) -> Summary:
        """Return the summary and start again from nothing."""
        summary = self.summary()
        self._executions = 0
        self._timings.clear()
        self._counters.clear()
        return summary


def scenario_every_increment_counts() -> None:
    """Increment one counter from two threads: both increments count."""
    bodies.every_increment_counts(ExecutionMetrics())


def scenario_totals_match_sums() -> None:
    """Record two executions of a new tool from a pool: total, count and sum agree."""
    bodies.totals_match_sums(ExecutionMetrics())


def scenario_summary_during_record() -> None:
    """Summarise while executions are recorded: the summary is of one moment."""
    bodies.summary_during_record(ExecutionMetrics())


def scenario_reset_loses_nothing() -> None:
    """Reset while an execution is recorded: it is in the old summary or in the new one."""
    bodies.reset_loses_nothing(ExecutionMetrics())


def scenario_measured_tools_add_up() -> None:
    """Measure tools of which one fails, each in a thread of its own: all are accounted for."""
    bodies.measured_tools_add_up(ExecutionMetrics())
