"""Seeds found before, tried first: what failed once is the likeliest to fail again.

A seed is followed leniently, since the code may have changed since: what still matches is followed, and if that fails, the failure is
reported with the seed of the execution that was made now, once that has been replayed strictly. A seed that does not fail any more is
dropped. None of it counts against the budget of the exploration that follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from interleave.arguments import CHOICES
from interleave.detectors.distinct import identity_of
from interleave.errors import ReplayMismatch, SeedError
from interleave.explore import Replay, replay
from interleave.gil import labelled
from interleave.model import Statistics
from interleave.result import Budget, Failure, Result
from interleave.runner import Runner, make_controls


@dataclass(frozen=True, slots=True)
class Recall:
    """The failures that seeds kept from before still show, no two of them alike, and the seeds that were tried."""

    failures: tuple[Failure, ...]
    tried: tuple[str, ...]

    def result(self) -> Result:
        """Return the failures as what an exploration found that stopped at them."""
        return Result(
            scenario=self.failures[0].scenario, verdict="failed", executions=len(self.tried), exhausted=False, strategy="replay", scope="",
            stopped_by="failure", failures=self.failures, uncontrolled=(), statistics=Statistics(),
        )  # fmt: skip

    def merged(self, result: Result) -> Result:
        """Return the result of an exploration with the failures recalled before its own."""
        if not self.failures:
            return result
        found = [(failure, identity_of(failure.trace)) for failure in result.failures]
        recalled = []
        for one in self.failures:
            identity = identity_of(one.trace)
            again = sum(failure.count for failure, other in found if identity.is_like(other))
            recalled.append(replace(one, count=one.count + again))
            found = [(failure, other) for failure, other in found if not identity.is_like(other)]
        failures = (*recalled, *(failure for failure, _ in found))
        return replace(result, failures=failures, verdict="failed")


def recall(
    scenario: Callable[[], object], seeds: Sequence[str], *, stop_on_failure: bool = True, gil_label: bool = True, **options: Any
) -> Recall:
    """Try seeds one after the other, up to the first that fails unless told to go on; `options` are those of `replay`."""
    failures: list[Failure] = []
    tried = []
    for seed in seeds:
        tried.append(seed)
        failure = _failure(scenario, seed, options)
        if failure is not None and failure.kind != "nondeterminism":
            if not any(identity_of(one.trace).is_like(identity_of(failure.trace)) for one in failures):
                failures.append(replace(failure, executions=len(tried)))
            if stop_on_failure:
                break
    found = tuple(failures)
    if found and gil_label:
        chosen = [options.get(one, CHOICES[one].values[0]) for one in ("timeouts", "task_order", "granularity", "isolate")]
        include = tuple(options.get("include", ()))
        steps = max(Budget().steps, *(one.trace.moments for one in found))
        runner = Runner(scenario, found[0].scenario, make_controls(steps, *chosen), include=include)
        found = labelled(found, runner, races=options.get("races", "report"))
    return Recall(found, tuple(tried))


def _failure(scenario: Callable[[], object], seed: str, options: dict[str, Any]) -> Failure | None:
    """Return what a seed shows now, None if nothing that comes again under its own schedule."""
    try:
        found = replay(scenario, seed, lenient=True, **options)
        if found.failure is not None and found.left_path:
            again: Replay = replay(scenario, found.failure.seed, **options)
            return again.failure
        return found.failure
    except (SeedError, ReplayMismatch):
        return None
