"""Use a cache of embeddings from several threads."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from targets.scenarios import run_together


class Cache(Protocol):
    """What the two versions of `LRUToolCache` have in common."""

    def get(self, text: str, /) -> tuple[float, ...] | None: ...

    def put(self, text: str, embedding: tuple[float, ...], /) -> None: ...

    def evict(self) -> str | None: ...

    def clear(self) -> None: ...

    def stats(self) -> Any: ...

    def texts(self) -> list[str]: ...


def puts_keep_the_limit(cache: Cache) -> None:
    """Expect that a cache for one never ends up with two."""
    run_together(
        first=lambda: cache.put("cat", (0.1,)),
        second=lambda: cache.put("dog", (0.2,)),
    )
    assert cache.stats().size == 1, f"size over the limit of 1: {cache.texts()}"
    assert cache.stats().evictions == 1


def get_during_eviction(cache: Cache) -> None:
    """Expect that a lookup is not broken by an eviction, and never gives another text's embedding."""
    cache.put("cat", (0.1,))
    found: list[tuple[float, ...] | None] = []
    run_together(
        reader=lambda: found.append(cache.get("cat")),
        writer=lambda: cache.put("dog", (0.2,)),
    )
    assert found in ([(0.1,)], [None]), f"found {found}"


def last_entry_is_evicted_once(cache: Cache) -> None:
    """Expect that two evictions of one entry are one entry and one None."""
    cache.put("cat", (0.1,))
    evicted: list[str | None] = []
    run_together(
        first=lambda: evicted.append(cache.evict()),
        second=lambda: evicted.append(cache.evict()),
    )
    assert evicted in (["cat", None], [None, "cat"]), f"evicted {evicted}"
    assert cache.stats().evictions == 1


def every_lookup_is_counted(cache: Cache) -> None:
    """Expect that no hit is lost to another counted at the same time."""
    cache.put("cat", (0.1,))
    with ThreadPoolExecutor(max_workers=2) as pool:
        found = list(pool.map(cache.get, ["cat", "cat"]))
    assert found == [(0.1,), (0.1,)]
    hits = cache.stats().hits
    assert hits == 2, f"hit lost: {hits} counted of 2"


def clear_starts_from_zero(cache: Cache) -> None:
    """Expect that a lookup does not bring back a count from before the clearing."""
    cache.get("cat")
    cache.get("cat")
    run_together(
        reader=lambda: cache.get("cat"),
        cleaner=cache.clear,
    )
    misses = cache.stats().misses
    assert misses <= 1, f"count from before the clearing: {misses} misses"
