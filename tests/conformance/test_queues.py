"""The interpreter's tests of queues (`test.test_queue`), under control.

`test_queue` imports `queue` afresh, twice, once without its C accelerator; those copies run on controlled locks. The third variant is the
`queue` that programs use, whose methods have stand-ins. What is left out, and why:

* the C variant of `SimpleQueue` made from the fresh import: a second copy of a C type that no program has. The one of `queue` is run.
"""

from __future__ import annotations

import queue

import pytest

from .harness import Case, conform, methods, with_items

test_queue = pytest.importorskip("test.test_queue", reason="this interpreter comes without its test package")

#: Items that load tests move, instead of 10,000.
ITEMS = 100


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


CASES: tuple[Case, ...] = (
    QueueTest, LifoQueueTest, PriorityQueueTest, FailingQueueTest, SimpleQueueTest, PySimpleQueueTest,
    test_queue.PyQueueTest, test_queue.PyLifoQueueTest, test_queue.PyPriorityQueueTest, test_queue.PyFailingQueueTest,
)
for _case in CASES:
    # They run inside scenarios only, not as test cases of their own.
    _case.__test__ = False


@pytest.mark.parametrize(("case", "name"), methods(CASES, ()))
def test_conforms(case: Case, name: str) -> None:
    with with_items(test_queue, ITEMS):
        conform(case, name)
