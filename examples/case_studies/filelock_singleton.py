"""Two threads that make the same singleton lock get two locks, which do not know of each other."""

from filelock import FileLock

from examples.case_studies.together import together


def scenario() -> None:
    locks: list[FileLock] = []

    def make() -> None:
        locks.append(FileLock("cache.lock", is_singleton=True))

    together(make, make)
    assert locks[0] is locks[1]
