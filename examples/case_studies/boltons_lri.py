"""A cache of limited size grows beyond it: both threads count on the room that one of them has made."""

from boltons.cacheutils import LRI

from examples.case_studies.together import together


def scenario() -> None:
    cache = LRI(max_size=2)
    cache["a"], cache["b"] = 1, 2
    together(lambda: cache.__setitem__("c", 3), lambda: cache.__setitem__("d", 4))
    assert len(cache) == 2
