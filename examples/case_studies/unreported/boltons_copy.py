"""boltons 26.2.0: `LRU.copy` raises RuntimeError while another thread stores.

What breaks. The caches of boltons.cacheutils hold a lock in each of their methods; that they are thread-safe was the point of issue #52
and is in the changelog of 19.0.0. `copy` (boltons/cacheutils.py) makes a new cache from the old one: the constructor calls `update`,
which takes the lock of the new cache and goes through the keys of the old one, `for k in E.keys()` (line 302), without the lock of that.

The interleaving. Thread A copies and has gone to the first key. Thread B stores a new one. Thread A asks for the next key.

The consequence. `copy` raises "dictionary changed size during iteration", or KeyError where the key that it has come to was evicted
meanwhile. So does `update` with another cache. It happens under the GIL too.

Searched in the project's tracker for "LRU", "copy", "thread", "lock", "changed size during iteration" and KeyError. The nearest are #52 and
#55 (storing, repaired), #155 and #200 (`LRI`, repaired).
"""

from __future__ import annotations

import threading

from boltons.cacheutils import LRU

from examples.case_studies.together import together


def scenario() -> None:
    cache = LRU(max_size=8, values={"a": 1, "b": 2})
    copies: list[LRU] = []
    together(lambda: cache.__setitem__("c", 3), lambda: copies.append(cache.copy()))
    assert 2 <= len(copies[0]) <= 3


def reproduce() -> None:
    """Hold the copy after its first item, until another thread has stored."""
    copying, stored = threading.Event(), threading.Event()

    class Cache(LRU):
        def __setitem__(self, key: str, value: int) -> None:
            super().__setitem__(key, value)
            if threading.current_thread().name == "A":
                copying.set()
                stored.wait()

    cache, errors = Cache(max_size=8, values={"a": 1, "b": 2}), []

    def copy() -> None:
        try:
            cache.copy()
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=copy, name="A")
    thread.start()
    copying.wait()
    cache["c"] = 3
    stored.set()
    thread.join()
    assert errors == ["dictionary changed size during iteration"], errors


if __name__ == "__main__":
    reproduce()
