"""A function that is cached under a lock answers two threads with two objects: the second replaces the first in the cache."""

import threading

from cachetools import LRUCache, cached

from examples.case_studies.together import together


def scenario() -> None:
    @cached(LRUCache(maxsize=8), lock=threading.Lock())
    def connection(host: str) -> object:
        return object()

    got: list[object] = []
    together(lambda: got.append(connection("a")), lambda: got.append(connection("a")))
    assert got[0] is got[1]
