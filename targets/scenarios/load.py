"""Put the services under load: many workers, and what must hold after any number of operations.

The bodies take the number of workers; each worker makes two to four operations. They are for sampling, not for proof.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from targets.scenarios.cache import Cache
from targets.scenarios.container import Container, Database, Reports, Repository
from targets.scenarios.deadlock import Jobs, Move, ShardT
from targets.scenarios.event_backend import EventBackend
from targets.scenarios.metrics import Metrics


def run_workers(count: int, body: Callable[[int], object]) -> None:
    """Run `body` with each number below `count` in a thread of its own and return when all have ended."""
    threads = [threading.Thread(target=body, args=(number,), name=f"worker-{number}") for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def subscriptions_come_and_go(backend: EventBackend, workers: int) -> None:
    """Expect that each worker hears itself, that numbers are unique, and that no subscription remains."""
    topics = ("frame", "motion", "alarm")
    heard: set[tuple[int, int]] = set()

    def work(number: int) -> None:
        topic = topics[number % len(topics)]
        subscription = backend.subscribe(topic, lambda event: heard.add((number, event.sequence)))
        event = backend.publish(topic, number)
        assert (number, event.sequence) in heard, f"worker {number} did not hear event {event.sequence}"
        backend.unsubscribe(subscription)

    run_workers(workers, work)
    sequences = sorted({sequence for _, sequence in heard})
    assert sequences == list(range(1, workers + 1)), f"sequence numbers of {workers} events: {sequences}"
    remaining = sum(backend.subscriber_count(topic) for topic in topics)
    assert remaining == 0, f"{remaining} subscriptions remain"


def entries_come_and_go(cache: Cache, limit: int, workers: int) -> None:
    """Expect that the limit holds, and that entries and lookups are all accounted for."""

    def work(number: int) -> None:
        cache.put(f"text {number}", (float(number),))
        cache.get(f"text {number}")
        cache.get(f"text {number - 1}")

    run_workers(workers, work)
    stats = cache.stats()
    assert stats.size == min(limit, workers), f"size is {stats.size}, limit {limit}"
    assert stats.size + stats.evictions == workers, f"{stats.size} held, {stats.evictions} evicted of {workers}"
    assert stats.hits + stats.misses == 2 * workers, f"{stats.hits} hits, {stats.misses} misses of {2 * workers}"


def frames_are_counted(metrics: Metrics, workers: int) -> None:
    """Expect that no increment is lost."""
    run_workers(workers, lambda number: metrics.increment("frames"))
    frames = metrics.summary().counters["frames"]
    assert frames == workers, f"increment lost: {frames} counted of {workers}"


def tools_are_executed(metrics: Metrics, workers: int) -> None:
    """Expect that totals match sums, in the end and whenever one looks."""

    def work(number: int) -> None:
        metrics.record("detect", number)
        metrics.record(f"tool {number % 5}", 1)
        metrics.increment("frames")
        summary = metrics.summary()
        executions = sum(timing.executions for timing in summary.by_tool.values())
        assert summary.executions == executions, f"total is {summary.executions}, sum over tools {executions}"

    with ThreadPoolExecutor(max_workers=workers) as pool:
        for finished in [pool.submit(work, number) for number in range(workers)]:
            finished.result()
    summary = metrics.summary()
    assert summary.counters["frames"] == workers, f"{summary.counters['frames']} frames counted of {workers}"
    assert summary.by_tool["detect"].total == sum(range(workers))
    assert summary.executions == 2 * workers


def services_are_resolved(container: Container, workers: int) -> None:
    """Expect that all workers work with one database, whatever they resolve first."""
    container.register(Database, Database)
    container.register(Repository, lambda: Repository(container.resolve(Database)))
    container.register(Reports, lambda: Reports(container.resolve(Database)))
    used: list[Database] = []

    def work(number: int) -> None:
        first, second = (Repository, Reports) if number % 2 else (Reports, Repository)
        used.append(container.resolve(first).database)
        used.append(container.resolve(second).database)

    run_workers(workers, work)
    assert len(used) == 2 * workers
    assert all(database is used[0] for database in used), "workers use more than one database"


def entries_are_moved(shards: Sequence[ShardT], move: Move[ShardT], workers: int) -> None:
    """Expect that each entry is in one shard after it was moved back and forth."""
    texts = [f"text {number}" for number in range(workers)]
    for number, text in enumerate(texts):
        shards[number % len(shards)].cache.put(text, (float(number),))

    def work(number: int) -> None:
        here = shards[number % len(shards)]
        there = shards[(number + 1) % len(shards)]
        assert move(texts[number], here, there)
        assert move(texts[number], there, here)

    run_workers(workers, work)
    held = [text for shard in shards for text in shard.cache.texts()]
    assert sorted(held) == sorted(texts)


def jobs_are_done(jobs: Jobs, workers: int) -> None:
    """Expect that each job is done once and that all consumers are let go; half of the workers produce."""
    producers = workers // 2
    done: list[str] = []

    def consume() -> None:
        while (job := jobs.take()) is not None:
            done.append(job)

    consumers = [threading.Thread(target=consume, name=f"consumer-{number}") for number in range(workers - producers)]
    for consumer in consumers:
        consumer.start()
    run_workers(producers, lambda number: jobs.put(f"job {number}"))
    jobs.close()
    for consumer in consumers:
        consumer.join()
    assert sorted(done) == sorted(f"job {number}" for number in range(producers))
