"""Move cached entries, report on a pipeline, hand over jobs and results. First version, never run under load.

Here locks are nested and threads wait for each other. Each class guards its own state, and the services of the other
modules are used with a lock of this module held.
"""

import threading
from collections import deque
from collections.abc import Callable

from targets.cache import CacheStats, Embedding, LRUToolCache
from targets.metrics import ExecutionMetrics, Summary
from targets.scenarios import deadlock as bodies


class CacheShard:
    """Hold one part of a cache, and the lock that guards it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lock = threading.Lock()
        self.cache = LRUToolCache()


def move_entry(text: str, source: CacheShard, target: CacheShard) -> bool:
    """Move the entry for `text` to another shard, so that nobody sees it in both shards or in none; return whether there was one."""
    with source.lock, target.lock:
        embedding = source.cache.pop(text)
        if embedding is None:
            return False
        target.cache.put(text, embedding)
        return True


class ToolPipeline:
    """Embed texts with a tool, cached and measured."""

    def __init__(self, embed: Callable[[str], Embedding]) -> None:
        self._embed = embed
        self._cache = LRUToolCache()
        self._cache_lock = threading.Lock()
        self._metrics = ExecutionMetrics()
        self._metrics_lock = threading.Lock()

    def execute(self, text: str) -> Embedding:
        """Return the embedding of `text`; the tool runs once for each text."""
        with self._cache_lock:
            embedding = self._cache.get(text)
            if embedding is None:
                embedding = self._embed(text)
                self._cache.put(text, embedding)
                with self._metrics_lock:
                    self._metrics.record("embed", len(text))
            return embedding

    def report(self) -> tuple[Summary, CacheStats]:
        """Return metrics and cache statistics of the same moment."""
        with self._metrics_lock:
            summary = self._metrics.summary()
            with self._cache_lock:
                return summary, self._cache.stats()


class JobQueue:
    """Hand jobs from producers to consumers until it is closed."""

    def __init__(self) -> None:
        self._jobs: deque[str] = deque()
        self._is_closed = False
        self._changed = threading.Condition()

    def put(self, job: str) -> None:
        """Add a job and wake a consumer."""
        with self._changed:
            self._jobs.append(job)
            self._changed.notify()

    def take(self) -> str | None:
        """Wait for a job and return it, or None when the queue is closed and empty."""
        with self._changed:
            if not self._jobs and not self._is_closed:
                self._changed.wait()
            return self._jobs.popleft() if self._jobs else None

    def close(self) -> None:
        """Let the consumers go when the jobs are done."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()


class ResultSlot:
    """Hand one result from the thread that computes it to those who wait for it."""

    def __init__(self) -> None:
        self._result: object = None
        self._is_set = False
        self._changed = threading.Condition()

    def set(self, result: object) -> None:
        """Give the result."""
        self._result = result
        self._is_set = True
        with self._changed:
            self._changed.notify_all()

    def get(self) -> object:
        """Wait for the result and return it."""
        if not self._is_set:
            with self._changed:
                self._changed.wait()
        return self._result


def scenario_opposite_moves() -> None:
    """Move one entry each way between two shards: both arrive."""
    bodies.opposite_moves([CacheShard(0), CacheShard(1)], move_entry)


def scenario_moves_in_a_ring() -> None:
    """Move one entry from each of three shards to the next: all arrive."""
    bodies.moves_in_a_ring([CacheShard(0), CacheShard(1), CacheShard(2)], move_entry)


def scenario_report_during_execution() -> None:
    """Report while the pipeline executes: both get done, and the report is of one moment."""
    bodies.report_during_execution(ToolPipeline(lambda text: (float(len(text)),)))


def scenario_every_job_is_taken() -> None:
    """Put two jobs for two consumers: each of them gets one."""
    bodies.every_job_is_taken(JobQueue())


def scenario_close_releases_consumers() -> None:
    """Close a queue that two consumers wait for: both are let go."""
    bodies.close_releases_consumers(JobQueue())


def scenario_result_reaches_waiter() -> None:
    """Wait for a result while it is given: it arrives."""
    bodies.result_reaches_waiter(ResultSlot())
