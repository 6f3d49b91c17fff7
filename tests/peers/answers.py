"""Ask for the answer to a small program and check all that goes with it: the seed replays, a pass says how it passed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import interleave
from interleave.model import FailureKind
from interleave.result import Failure, Result

Body = Callable[[], object]


def run(*bodies: Body, names: tuple[str, ...] = ()) -> None:
    """Run each body in a thread of its own, to the end of all; threads are called `a`, `b`, ... unless named."""
    labels = names or tuple("abcdefgh"[: len(bodies)])
    threads = [threading.Thread(target=body, name=label) for body, label in zip(bodies, labels, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def explore(scenario: Body, *, executions: int = 500, steps: int = 2_000, **options: Any) -> Result:
    """Explore with a budget that fits a small program."""
    return interleave.explore(scenario, budget=interleave.Budget(executions=executions, steps=steps), **options)


def failing(scenario: Body, kind: FailureKind, message: str = "", **options: Any) -> Failure:
    """Return the failure of a program that fails in one way, having replayed it from its seed.

    `message` is part of what the failure says. The steps, the lines and the report that go with it are there.
    """
    result = explore(scenario, **options)
    assert result.verdict == "failed", f"{result.verdict} after {result.executions} executions, stopped by {result.stopped_by}"
    failure = result.failures[0]
    assert (failure.kind, message in failure.message) == (kind, True), f"{failure.kind}: {failure.message}"
    again = {name: options[name] for name in ("include", "timeouts") if name in options}
    replayed = interleave.replay(scenario, failure.seed, **again)
    assert replayed.failure is not None, f"seed {failure.seed} does not fail"
    assert (replayed.failure.kind, replayed.failure.message) == (failure.kind, failure.message)
    assert replayed.failure.seed == failure.seed
    assert replayed.trace.steps or replayed.failure.outcome.blocked
    assert failure.seed in failure.report()
    return failure


def holding(scenario: Body, **options: Any) -> Result:
    """Return the result for a correct program, which must not fail."""
    result = explore(scenario, **options)
    assert not result.failures, result.failures[0].report()
    assert result.verdict in ("proven", "passed"), result.uncontrolled
    assert (result.verdict == "proven") == (result.exhausted and bool(result.scope))
    return result


def proven(scenario: Body, **options: Any) -> Result:
    """Return the result for a correct program that is small enough to run all its schedules."""
    result = holding(scenario, **options)
    assert result.verdict == "proven", f"stopped by {result.stopped_by} after {result.executions} executions"
    return result


def outcomes(program: Callable[[], object], **options: Any) -> set[object]:
    """Return what a program returns, over all its schedules."""
    seen: set[object] = set()

    def scenario() -> None:
        seen.add(program())

    proven(scenario, **options)
    return seen


def lines_of(failure: Failure) -> set[str]:
    """Return the source lines at which blocked threads of a failure stand, as text."""
    import linecache

    return {linecache.getline(one.where.file, one.where.line).strip() for one in failure.outcome.blocked}
