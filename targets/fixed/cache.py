"""Cache the embeddings of texts, least recently used out first. Safe to use from any thread.

One lock guards the entries and the counts; every public method takes it once and holds it throughout.
"""

import threading
from collections import OrderedDict

from targets.cache import CacheStats, Embedding
from targets.scenarios import cache as bodies


class LRUToolCache:
    """Keep the embeddings of the `max_size` texts that were used last."""

    def __init__(self, max_size: int = 1024) -> None:
        if max_size < 1:
            raise ValueError(f"max_size must be at least 1, not {max_size}")
        self._lock = threading.Lock()
        self._max_size = max_size
        self._entries: OrderedDict[str, Embedding] = OrderedDict()
        self._hits = 0
        self._misses = 0
        self._evictions = 0

    def get(self, text: str) -> Embedding | None:
        """Return the embedding of `text` and mark it as used, or None if it is not here."""
        with self._lock:
            if text not in self._entries:
                self._misses += 1
                return None
            self._hits += 1
            self._entries.move_to_end(text)
            return self._entries[text]

    def put(self, text: str, embedding: Embedding) -> None:
        """Keep `embedding` for `text`; where there is no room, evict another."""
        with self._lock:
            if text not in self._entries and len(self._entries) >= self._max_size:
                self._evict()
            self._entries[text] = embedding
            self._entries.move_to_end(text)

    def pop(self, text: str) -> Embedding | None:
        """Take the entry for `text` out and return its embedding, or None if it is not here."""
        with self._lock:
            return self._entries.pop(text, None)

    def evict(self) -> str | None:
        """Drop the least recently used entry and return its text, or None if the cache is empty."""
        with self._lock:
            return self._evict()

    def _evict(self) -> str | None:
        """Do the work of `evict` with the lock held."""
        if not self._entries:
            return None
        text, _ = self._entries.popitem(last=False)
        self._evictions += 1
        return text

    def clear(self) -> None:
        """Drop everything and start counting from zero."""
        with self._lock:
            self._entries.clear()
            self._hits = 0
            self._misses = 0
            self._evictions = 0

    def stats(self) -> CacheStats:
        """Return the counts so far."""
        with self._lock:
            return CacheStats(len(self._entries), self._hits, self._misses, self._evictions)

    def texts(self) -> list[str]:
        """Return the texts held, least recently used first."""
        with self._lock:
            return list(self._entries)


def scenario_puts_keep_the_limit() -> None:
    """Put two texts at once into a cache for one: it holds one afterwards."""
    bodies.puts_keep_the_limit(LRUToolCache(max_size=1))


def scenario_get_during_eviction() -> None:
    """Look up a text while another takes its place: the lookup finds it or not, and nothing else."""
    bodies.get_during_eviction(LRUToolCache(max_size=1))


def scenario_last_entry_is_evicted_once() -> None:
    """Evict from two threads where there is one entry: one gets it, the other gets None."""
    bodies.last_entry_is_evicted_once(LRUToolCache(max_size=2))


def scenario_every_lookup_is_counted() -> None:
    """Look up from a pool of two workers: hits and misses add up to the lookups made."""
    bodies.every_lookup_is_counted(LRUToolCache(max_size=2))


def scenario_clear_starts_from_zero() -> None:
    """Clear the cache during a lookup: what was counted before is gone."""
    bodies.clear_starts_from_zero(LRUToolCache(max_size=2))
