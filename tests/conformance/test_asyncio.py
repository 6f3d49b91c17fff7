"""The interpreter's tests of asyncio (`test.test_asyncio`), under control, on an event loop of ours.

Left out is, by name and with the reason, what asserts an order that asyncio does not promise, and what looks into the loop
that it was written for.
"""

from __future__ import annotations

from typing import Any

import pytest

from . import harness
from .harness import Case, cases_of, conform, methods, share_of, unknown_names

pytest.importorskip("test.test_asyncio", reason="this interpreter comes without its test package")

#: `test_waitfor` came with 3.12; for `test_tasks` see `test_asyncio_tasks`.
MODULES = ("test_locks", "test_queues", "test_taskgroups", "test_timeouts", "test_waitfor")

#: By class: tests that are left out where any ready task may step next. They let tasks step by awaiting `sleep(0)` a number of times, and
#: assert how far these have come by then; what the documentation of asyncio says of tasks promises no such thing ("optimized path to allow
#: other tasks to run"). All of them are run in the order in which tasks become ready.
IN_ORDER_ONLY: dict[str, tuple[str, ...]] = {
    "AsyncioWaitForTest": (
        "test_asyncio_wait_for_cancelled",
        "test_cancel_blocking_wait_for",
        "test_cancel_wait_for",
        "test_wait_for_issue86296",
    ),
    "BarrierTests": (
        "test_abort_barrier",
        "test_filling_one_task_twice",
        "test_filling_task_by_task",
        "test_filling_tasks_cancel_one",
        "test_repr",
        "test_reset_barrier_while_tasks_waiting",
        "test_reset_barrier_while_tasks_waiting_and_waiting_again",
    ),
    "ConditionTests": (
        "test_cancelled_error_re_aquire",
        "test_cancelled_error_wakeup",
        "test_notify",
        "test_notify_all",
        "test_wait",
        "test_wait_cancel_after_notify",
        "test_wait_cancel_contested",
        "test_wait_for",
    ),
    "EventTests": (
        "test_clear_with_waiters",
        "test_wait",
    ),
    "LifoQueueShutdownTests": (
        "test_shutdown_empty",
        "test_shutdown_immediate",
        "test_shutdown_immediate_with_unfinished",
        "test_shutdown_nonempty",
    ),
    "LockTests": (
        "test_acquire",
        "test_cancel_race",
        "test_cancel_release_race",
        "test_finished_waiter_cancelled",
    ),
    "PriorityQueueShutdownTests": (
        "test_shutdown_empty",
        "test_shutdown_immediate",
        "test_shutdown_immediate_with_unfinished",
        "test_shutdown_nonempty",
    ),
    "QueueBasicTests": (
        "test_maxsize",
        "test_repr",
        "test_str",
    ),
    "QueueGetTests": (
        "test_get_cancelled_race",
        "test_get_with_waiting_putters",
    ),
    "QueuePutTests": (
        "test_cancelled_puts_not_being_held_in_self_putters",
        "test_put_cancelled_race",
        "test_why_are_putters_waiting",
    ),
    "QueueShutdownTests": (
        "test_shutdown_empty",
        "test_shutdown_immediate",
        "test_shutdown_immediate_with_unfinished",
        "test_shutdown_nonempty",
    ),
    "SemaphoreTests": (
        "test_acquire",
        "test_acquire_cancel_before_awoken",
        "test_acquire_fifo_order",
        "test_acquire_fifo_order_2",
        "test_acquire_fifo_order_3",
        "test_acquire_fifo_order_4",
        "test_acquire_hang",
        "test_acquire_no_hang",
    ),
    "TestTaskGroup": ("test_error_and_cancel",),
}
#: By test method: other reasons.
EXCLUDED: dict[str, str] = {
    "TimeoutTests.test_nested_timeouts": "two timers of one task that are due at exactly the same time: here it may go on between them",
    **{f"{case}.{name}": "order" for case, names in IN_ORDER_ONLY.items() for name in names},
}


CASES: tuple[Any, ...] = tuple(case for name in MODULES for case in cases_of(name))


@pytest.mark.slow
@pytest.mark.parametrize(("case", "name"), list(methods(CASES, ())))
def test_conforms_in_order(case: Case, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "SCHEDULES", 5)
    conform(case, name, task_order="fifo")


@pytest.mark.slow
@pytest.mark.parametrize(("case", "name"), list(methods(CASES, EXCLUDED)))
def test_conforms_in_any_order(case: Case, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "SCHEDULES", 20)
    conform(case, name)


@pytest.mark.parametrize(("case", "name"), share_of(methods(CASES, EXCLUDED), every=12))
def test_a_share_conforms(case: Case, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "SCHEDULES", 5)
    conform(case, name)


def test_every_exclusion_names_a_test() -> None:
    # A test that this interpreter does not have yet, or no more, is in another's.
    assert len(unknown_names(CASES, EXCLUDED)) < len(EXCLUDED) or not EXCLUDED
