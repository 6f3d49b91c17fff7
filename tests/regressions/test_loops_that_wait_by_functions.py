"""Loops that wait by asking a function of the program were not recognised, so that what could be proven was sampled."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from interleave import explore
from tests.threads import together


class _Job:
    def __init__(self) -> None:
        self.parts = [False]
        self.is_closed = False

    def _is_over(self) -> bool:
        left = 1
        for is_done in self.parts:
            left -= is_done
        return left == 0

    def is_done(self) -> bool:
        return self._is_over() and self.is_closed

    def finish(self) -> None:
        self.parts[0] = True

    def wait(self) -> None:
        while not self.is_done():
            pass

    def close(self) -> None:
        while not self._is_over():
            pass
        self.is_closed = True


def _by_a_closure() -> None:
    state = SimpleNamespace(is_told=False, seen=0)

    def is_told() -> bool:
        return bool(state.is_told)

    def wait(condition: Callable[[], bool]) -> None:
        while not condition():
            pass
        state.seen += 1

    together(lambda: wait(is_told), lambda: setattr(state, "is_told", True))
    assert state.seen == 1


def _by_methods() -> None:
    job = _Job()
    together(job.wait, job.close, job.finish)


@pytest.mark.parametrize("strategy", ["dpor", "auto"])
@pytest.mark.parametrize("scenario", [_by_a_closure, _by_methods])
def test_they_are_proven(scenario: Callable[[], None], strategy: str) -> None:
    assert explore(scenario, strategy=strategy).verdict == "proven"


def test_what_a_function_asks_may_change_without_anybody_else() -> None:
    seen = set()

    def scenario() -> None:
        state = SimpleNamespace(flag=0, last=None)
        number = itertools.count().__next__

        def is_enough() -> bool:
            return bool(state.flag > 9 or number() > 1)

        def wait() -> None:
            while not is_enough():
                pass
            state.last = state.flag

        def tell() -> None:
            state.flag = 1

        together(wait, tell)
        seen.add((state.last, number()))

    assert explore(scenario, strategy="dpor").verdict == "proven"
    assert seen == {(0, 3), (1, 3)}


def test_what_is_called_may_be_another_function_in_the_next_turn() -> None:
    seen = set()

    def scenario() -> None:
        state = SimpleNamespace(flag=0, ask=None, turns=0)
        lock = threading.Lock()

        def is_told() -> bool:
            return state.flag == 1

        def count() -> bool:
            with lock:
                state.turns += 1
            return state.turns == 2

        state.ask = is_told

        def wait() -> None:
            while not state.ask():
                pass

        def tell() -> None:
            state.ask = count

        together(wait, tell)
        seen.add(state.turns)

    assert explore(scenario, strategy="dpor").verdict == "proven"
    assert seen == {2}
