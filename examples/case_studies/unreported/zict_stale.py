"""zict 3.0.0: `Cache` keeps the old value of a key that another thread stored meanwhile, and returns it from then on.

What breaks. `Cache.__getitem__` lets go of its lock while it reads the slow mapping, and compares the key's number in `_last_updated`
with that of before: "could another thread have called __setitem__ in the meantime?" (zict/cache.py, lines 67 to 76). `__setitem__` begins
with the number that follows `_gen`, which counts stores, and adds one (84 to 86, 105). Reads add to the number of the key only (76), so
that a store can arrive at the very number that the reader has seen.

The interleaving. Two keys were stored, and "x" was read again after it was dropped from the fast mapping: its number is 4, `_gen` is 2.
It is dropped once more. Thread A finds the number 4 and reads "old" from the slow mapping. Thread B stores "new": the number is 3, then
4. Thread A finds 4 and puts "old" into the fast mapping.

The consequence. `cache["x"]` is "old" and the slow mapping has "new", until the fast mapping drops the key. That methods may be called by
several threads is documented, and what the numbers are for. It happens under the GIL too.

Searched in the project's tracker for "Cache", "thread", "race", "stale", "_gen" and "_last_updated", and the web. The nearest are #69 (a
KeyError) and #92, which brought the locks and the numbers.
"""

from __future__ import annotations

import threading

import zict

from examples.case_studies.together import together


def make(slow: dict[str, str]) -> zict.Cache[str, str]:
    """Return a cache that has read "x" again, and dropped it again, since it was stored."""
    cache = zict.Cache(slow, zict.LRU(1, {}))
    cache["y"] = "other"
    cache["x"] = "old"
    for key in "yxy":
        cache[key]
    return cache


def scenario() -> None:
    slow: dict[str, str] = {}
    cache = make(slow)
    together(lambda: cache["x"], lambda: cache.__setitem__("x", "new"))
    assert cache["x"] == slow["x"]


def reproduce() -> None:
    """Hold thread A where it has read the slow mapping, until thread B has stored."""
    read, stored = threading.Event(), threading.Event()

    class Slow(dict[str, str]):
        def __getitem__(self, key: str) -> str:
            value = super().__getitem__(key)
            if threading.current_thread().name == "A":
                read.set()
                stored.wait()
            return value

    slow = Slow()
    cache = make(slow)
    first = threading.Thread(target=lambda: cache["x"], name="A")
    first.start()
    read.wait()
    second = threading.Thread(target=cache.__setitem__, args=("x", "new"), name="B")
    second.start()
    second.join()
    stored.set()
    first.join()
    assert (cache["x"], slow["x"]) == ("old", "new")


if __name__ == "__main__":
    reproduce()
