"""Where a class of the process could not be hashed, because its metaclass compares classes, nothing could be explored."""

from __future__ import annotations

import threading

from interleave.explore import explore
from interleave.result import Budget
from tests.threads import together


class Compared(type):
    def __eq__(cls, other: object) -> bool:
        raise AssertionError("code of the program that nobody called")


class Column(metaclass=Compared):
    # What is held here is found by way of the class.
    lock = threading.Lock()


def test_such_classes_are_no_hindrance() -> None:
    def scenario() -> None:
        lock, taken = vars(Column)["lock"], []

        def take() -> None:
            with lock:
                taken.append(1)

        together(take, take)
        assert len(taken) == 2

    result = explore(scenario, budget=Budget(executions=100))
    assert result.verdict == "proven", result.failures and result.failures[0].report()


class Total(metaclass=Compared):
    limit = 2

    def __init__(self) -> None:
        self.count = 0

    def add(self) -> None:
        self.count += type(self).limit - 1


def test_their_instances_are_like_others() -> None:
    def scenario() -> None:
        total = Total()
        threads = [threading.Thread(target=total.add) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert total.count == 2

    result = explore(scenario, budget=Budget(executions=100))
    assert [failure.kind for failure in result.failures] == ["assertion"]
    assert vars(Compared)["__hash__"] is None
