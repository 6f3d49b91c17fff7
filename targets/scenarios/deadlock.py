"""Nest locks and wait for other threads."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from targets.scenarios import run_together

ShardT = TypeVar("ShardT", bound="Shard")
Move = Callable[[str, ShardT, ShardT], bool]


class Shard(Protocol):
    """What the two versions of `CacheShard` have in common."""

    cache: Any


class Pipeline(Protocol):
    """What the two versions of `ToolPipeline` have in common."""

    def execute(self, text: str, /) -> tuple[float, ...]: ...

    def report(self) -> tuple[Any, Any]: ...


class Jobs(Protocol):
    """What the two versions of `JobQueue` have in common."""

    def put(self, job: str, /) -> None: ...

    def take(self) -> str | None: ...

    def close(self) -> None: ...


class Slot(Protocol):
    """What the two versions of `ResultSlot` have in common."""

    def set(self, result: object, /) -> None: ...

    def get(self) -> object: ...


def opposite_moves(shards: Sequence[ShardT], move: Move[ShardT]) -> None:
    """Expect that two moves in opposite directions both end."""
    left, right = shards
    left.cache.put("cat", (0.1,))
    right.cache.put("dog", (0.2,))
    run_together(
        rightwards=lambda: move("cat", left, right),
        leftwards=lambda: move("dog", right, left),
    )
    assert (left.cache.texts(), right.cache.texts()) == (["dog"], ["cat"])


def moves_in_a_ring(shards: Sequence[ShardT], move: Move[ShardT]) -> None:
    """Expect that three moves in a ring all end."""
    first, second, third = shards
    for shard, text in zip(shards, ("cat", "dog", "owl"), strict=True):
        shard.cache.put(text, (0.1,))
    run_together(
        first=lambda: move("cat", first, second),
        second=lambda: move("dog", second, third),
        third=lambda: move("owl", third, first),
    )
    assert [shard.cache.texts() for shard in shards] == [["owl"], ["cat"], ["dog"]]


def report_during_execution(pipeline: Pipeline) -> None:
    """Expect that a report can be made at any time, and that its two halves agree."""
    reports: list[tuple[Any, Any]] = []
    run_together(
        worker=lambda: pipeline.execute("cat"),
        monitor=lambda: reports.append(pipeline.report()),
    )
    for summary, stats in [*reports, pipeline.report()]:
        assert summary.executions == stats.misses == stats.size


def every_job_is_taken(jobs: Jobs) -> None:
    """Expect that a consumer comes back with a job as long as there is one to come."""
    taken: list[str | None] = []

    def produce() -> None:
        jobs.put("first")
        jobs.put("second")

    run_together(
        consumer_1=lambda: taken.append(jobs.take()),
        consumer_2=lambda: taken.append(jobs.take()),
        producer=produce,
    )
    assert None not in taken, f"consumer went away although the queue was open: {taken}"
    assert sorted(map(str, taken)) == ["first", "second"]


def close_releases_consumers(jobs: Jobs) -> None:
    """Expect that nobody waits for jobs of a closed queue."""
    taken: list[str | None] = []
    run_together(
        consumer_1=lambda: taken.append(jobs.take()),
        consumer_2=lambda: taken.append(jobs.take()),
        owner=jobs.close,
    )
    assert taken == [None, None]


def result_reaches_waiter(slot: Slot) -> None:
    """Expect that waiting ends, whether it began before or after the result was given."""
    results: list[object] = []
    run_together(
        waiter=lambda: results.append(slot.get()),
        worker=lambda: slot.set("done"),
    )
    assert results == ["done"]
