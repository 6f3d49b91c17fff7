"""An execution that ended while a thread began to wait on a condition left the thread among the condition's waiters.

Where the condition is older than the execution, the next one notified a thread that was gone.
"""

from __future__ import annotations

import threading

import pytest

from interleave.explore import explore
from interleave.result import Budget

CONDITION = threading.Condition()


@pytest.mark.parametrize("strategy", ["random", "dfs", "dpor"])
def test_no_waiter_is_left(strategy: str) -> None:
    def scenario() -> None:
        assert not CONDITION._waiters  # type: ignore[attr-defined]

        def waiter() -> None:
            with CONDITION:
                CONDITION.wait()

        def failing() -> None:
            raise ZeroDivisionError

        for target in (waiter, waiter, failing):
            threading.Thread(target=target).start()

    result = explore(scenario, strategy=strategy, budget=Budget(executions=60), stop_on_failure=False)
    assert {failure.kind for failure in result.failures} <= {"exception", "stuck"}, [failure.message for failure in result.failures]
    assert not CONDITION._waiters  # type: ignore[attr-defined]
