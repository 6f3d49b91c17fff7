"""Threads that draw random numbers proved nothing: most of `random` is written in Python, and threads share its hidden generator.

Which of the numbers a thread gets is arbitrary anyway. What is given to such a function is not, nor what `gauss` keeps for the next call.
"""

from __future__ import annotations

import random
import time

from interleave import explore
from tests.threads import together

CHOICES = [1, 2]


def test_numbers_are_drawn() -> None:
    def work() -> None:
        time.sleep(random.uniform(0.1, 0.5))
        assert random.choice(CHOICES) in CHOICES
        assert random.randint(1, 6) < 7

    def scenario() -> None:
        together(work, work)

    assert explore(scenario).verdict == "proven"


def test_what_is_drawn_from_changes() -> None:
    def scenario() -> None:
        choices = [1, 2]
        together(lambda: random.choice(choices), lambda: choices.pop())

    assert explore(scenario).verdict == "inconclusive"
    assert explore(scenario, include=["random"]).failures[0].message.startswith("IndexError")


def test_two_threads_may_get_the_same_number() -> None:
    def scenario() -> None:
        got = list[float]()
        together(*[lambda: got.append(random.gauss(0, 1))] * 2)
        assert got[0] != got[1]

    def third() -> None:
        random.gauss(0, 1)
        scenario()

    assert explore(third).verdict == "inconclusive"
    assert explore(third, include=["random"]).failures[0].kind == "assertion"
