"""The value that a report shows of a read was looked up when the read was announced, before other threads had run."""

from __future__ import annotations

import threading

import interleave


class Numbers:
    def __init__(self) -> None:
        self.last = 0
        self.given: dict[str, int] = {"a": 0}

    def next(self) -> int:
        self.last += 1
        return self.last


def scenario_numbers_are_unique() -> None:
    numbers, found = Numbers(), []
    threads = [threading.Thread(target=lambda: found.append(numbers.next())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) in ([1, 1], [1, 2]), found


def test_a_read_has_the_value_that_it_read() -> None:
    failure = interleave.explore(scenario_numbers_are_unique).failure
    assert failure is not None
    assert failure.message.endswith("[2, 2]")
    *_, read = [step for step in failure.trace.steps if step.place == "Numbers.last" and step.kind == "read"]
    assert read.value == "2"


def scenario_item_goes() -> None:
    numbers = Numbers()
    thread = threading.Thread(target=numbers.given.pop, args=("a",))
    thread.start()
    if numbers.given:
        numbers.given["a"]
    thread.join()


def test_an_item_that_is_gone_has_no_value() -> None:
    failure = interleave.explore(scenario_item_goes).failure
    assert failure is not None
    assert failure.message == "KeyError: 'a'"
    *_, read = [step for step in failure.trace.steps if step.place == "Numbers.given['a']" and step.kind == "read"]
    assert read.value == ""
