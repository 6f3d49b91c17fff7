"""Who looks who owns a lock before taking it loses no update: the owner has given it back by the time it is taken. This was harmful."""

from __future__ import annotations

import threading

from interleave import Result, explore
from tests.threads import together


class Reentrant:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.owner = 0

    def __enter__(self) -> None:
        if self.owner != threading.get_ident():
            self.lock.acquire()
            self.owner = threading.get_ident()

    def __exit__(self, *error: object) -> None:
        self.owner = 0
        self.lock.release()


def severities(result: Result, place: str) -> set[str]:
    return {race.severity for race in result.races if race.place == place}


def test_owner_of_a_lock() -> None:
    def scenario() -> None:
        lock, counted = Reentrant(), [0]

        def count() -> None:
            with lock:
                counted[0] += 1

        together(count, count)
        assert counted == [2]

    result = explore(scenario)
    assert result.verdict == "proven"
    assert severities(result, "Reentrant.owner") == {"benign"}


def test_owner_who_is_seen_and_then_gone() -> None:
    """The same as seen by a thread that looks while another is the owner."""

    def scenario() -> None:
        lock = Reentrant()

        def enter() -> None:
            with lock:
                pass

        together(enter, enter)

    for strategy in ("dfs", "random", "pos"):
        assert severities(explore(scenario, strategy=strategy), "Reentrant.owner") == {"benign"}


def test_what_is_made_under_a_lock_is_lost_without_another_look() -> None:
    class Holder:
        made = 0

    def scenario() -> None:
        holder, lock = Holder(), threading.Lock()

        def make(number: int) -> None:
            if not holder.made:
                with lock:
                    holder.made = number

        together(lambda: make(1), lambda: make(2))

    assert "harmful" in severities(explore(scenario), "Holder.made")


def test_what_goes_up_and_down_is_lost_all_the_same() -> None:
    class Gauge:
        level = 0

    def scenario() -> None:
        gauge = Gauge()

        def visit() -> None:
            gauge.level += 1
            gauge.level -= 1

        together(visit, visit)

    assert "harmful" in severities(explore(scenario), "Gauge.level")
