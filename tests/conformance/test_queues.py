"""The interpreter's tests of queues (`test.test_queue`), under control.

`test_queue` imports `queue` afresh, twice, once without its C accelerator; those copies run on controlled locks. The third variant is the
`queue` that programs use, whose methods have stand-ins. What is left out, and why:

* the copies of `LifoQueue` and `PriorityQueue`: nothing in them waits or wakes that is not `Queue`'s.
* the C variant of `SimpleQueue` made from the fresh import: a second copy of a C type that no program has. The one of `queue` is run.
"""

from __future__ import annotations

import queue

import pytest

from .harness import Case, conform, methods, with_constants

test_queue = pytest.importorskip("test.test_queue", reason="this interpreter comes without its test package")

#: By method: how many items load tests move, and how many they move here. (Constants of the same value in other methods are not touched.)
FEWER_ITEMS = {
    "test_many_threads": {10_000: 40},
    "test_many_threads_nonblock": {10_000: 40},
    "test_many_threads_timeout": {1_000: 40},
    "_shutdown_all_methods_in_many_threads": {1024 * 64: 64},
}


class QueueTest(test_queue.CQueueTest):
    queue = queue


class LifoQueueTest(test_queue.CLifoQueueTest):
    queue = queue


class PriorityQueueTest(test_queue.CPriorityQueueTest):
    queue = queue


class FailingQueueTest(test_queue.CFailingQueueTest):
    queue = queue


class SimpleQueueTest(test_queue.CSimpleQueueTest):
    queue = queue


class PySimpleQueueTest(test_queue.PySimpleQueueTest):
    queue = queue


class CopiedQueueTest(test_queue.PyQueueTest):
    """The queue of a fresh import: the standard library's code on controlled locks."""


class CopiedFailingQueueTest(test_queue.PyFailingQueueTest):
    """The queue of a fresh import."""


CASES: tuple[Case, ...] = (
    QueueTest,
    LifoQueueTest,
    PriorityQueueTest,
    FailingQueueTest,
    SimpleQueueTest,
    PySimpleQueueTest,
    CopiedQueueTest,
    CopiedFailingQueueTest,
)
for _case in CASES:
    # They run inside scenarios only, not as test cases of their own.
    _case.__test__ = False
    for _name, _constants in FEWER_ITEMS.items():
        if hasattr(_case, _name):
            setattr(_case, _name, with_constants(getattr(_case, _name), _constants))


@pytest.mark.parametrize(("case", "name"), list(methods(CASES, ())))
def test_conforms(case: Case, name: str) -> None:
    conform(case, name)
