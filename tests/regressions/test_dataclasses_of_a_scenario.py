"""Methods that `dataclass` writes for a class which the scenario itself defines were not instrumented: two fields were compared in one
step, and a program that breaks between them was called proven."""

from __future__ import annotations

import dataclasses
import threading

from interleave.explore import explore
from interleave.result import Budget


def test_fields_are_compared_one_by_one() -> None:
    def scenario() -> None:
        @dataclasses.dataclass
        class Pair:
            left: int = 0
            right: int = 0

        pair, looks = Pair(), []

        def shift() -> None:
            pair.left = 1
            pair.right = 1

        thread = threading.Thread(target=shift)
        thread.start()
        # It never is, but a comparison can read `left` before and `right` after it is shifted.
        looks.append(pair == Pair(0, 1))
        thread.join()
        assert looks == [False]

    process = vars(dataclasses)["_process_class"]
    result = explore(scenario, budget=Budget(executions=200))
    assert [failure.kind for failure in result.failures] == ["assertion"]
    assert vars(dataclasses)["_process_class"] is process
