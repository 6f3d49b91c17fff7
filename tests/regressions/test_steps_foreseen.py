"""Executions of tasks were started that proved redundant: the reversed step turned out not to conflict with what was asleep."""

from __future__ import annotations

import pytest

from tests.exhaustion import compare_tasks
from tests.generated_tasks import Program

#: What had been explored when the step was reversed did not conflict with it.
ASLEEP: tuple[Program, ...] = (
    ((), (("done", 0),), (("cancel", 1),)),
    ((("cancel", 1),), (("sleep", 0),), (("join", 0),)),
    ((("write", 1), ("wait", 0)), (("set", 0),), (("cancel", 1),)),
)
#: What was still to be explored.
WAITING: tuple[Program, ...] = (
    ((("wait", 0), ("read", 1)), (("get", 0),), (("done", 0), ("cancel", 0))),
    ((("cancel", 1), ("yield", 0)), (("yield", 0),), (("cancel", 0),)),
)
#: If a leaf of a wakeup tree that is in doubt takes care of what leads there, these lose classes when it is taken out.
IN_DOUBT: tuple[Program, ...] = (
    ((("done", 1), ("write", 1)), (("read", 1),), (("done", 0), ("get", 1))),
    ((("cancel", 0), ("semaphore", 0)), (("result", 1), ("put", 0)), (("get", 0),)),
    ((("lock", 1),), (("lock", 1), ("get", 1)), (("wait", 1), ("semaphore", 1))),
)


@pytest.mark.parametrize("program", ASLEEP + WAITING + IN_DOUBT)
def test_one_execution_of_each_class(program: Program) -> None:
    tally = compare_tasks([program])
    assert (tally.programs, tally.redundant) == (1, 0)
    assert tally.executions == tally.classes
