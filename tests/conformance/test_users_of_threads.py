"""The interpreter's tests of what is built on threads, under control: `test_threading`, `test_concurrent_futures`, `test_weakref`,
`test_functools`, `test_sched` and `test_logging`.

Of `test_functools` and `test_logging` the tests are run that start threads (`THREADING`), of the others all. What is left out is listed by
name, with the reason. Classes that `test_locks` runs are left to it.
"""

from __future__ import annotations

import importlib
import logging
import unittest
from collections.abc import Iterator
from typing import Any

import pytest

from . import harness
from .harness import Case, conform, methods, with_constants

pytest.importorskip("test.test_threading", reason="this interpreter comes without its test package")

MODULES = (
    "test_threading",
    # Not all builds of CPython come with these.
    *(f"test_concurrent_futures.test_{name}" for name in ("as_completed", "future", "init", "shutdown", "thread_pool", "wait")),
    "test_weakref",
    "test_functools",
    "test_sched",
    "test_logging",
)

#: By method: how many objects load tests make, and how many they make here.
OBJECTS = 200
FEWER_OBJECTS = {
    "check_threaded_weak_dict_copy": {70_000: OBJECTS},
    "test_threaded_weak_valued_consistency": {200_000: OBJECTS},
    "test_threaded_weak_valued_pop": {100_000: OBJECTS},
    "test_threaded_weak_valued_setdefault": {100_000: OBJECTS},
}
#: Of modules most of whose tests start no thread: parts of the names of those that do.
THREADING = {
    "test_functools": ("threaded",),
    "test_logging": ("race", "fork", "QueueHandlerTest", "QueueListenerTest", "queue_handler", "multiprocessing"),
}
#: The parts by reason; a class, or a method of one.
NOT_APPLICABLE: dict[str, tuple[str, ...]] = {
    "another interpreter runs the test, as a process of its own": (
        "AtexitTests",
        "FinalizeTestCase.test_atexit",
        "MiscTestCase.test_gh112826_missing__thread__is_main_interpreter",
        "ReferencesTestCase.test_no_memory_when_clearing",
        "ThreadJoinOnShutdown",
        "ThreadPoolShutdownTest.test_cancel_futures_wait_false",
        "ThreadPoolShutdownTest.test_hang_gh83386",
        "ThreadPoolShutdownTest.test_hang_gh94440",
        "ThreadPoolShutdownTest.test_interpreter_shutdown",
        "ThreadPoolShutdownTest.test_submit_after_interpreter_shutdown",
        "ThreadTests.test_dummy_thread_after_fork",
        "ThreadTests.test_finalization_shutdown",
        "ThreadTests.test_fork_at_exit",
        "ThreadTests.test_finalize_running_thread",
        "ThreadTests.test_finalize_with_trace",
        "ThreadTests.test_import_from_another_thread",
        "ThreadTests.test_join_nondaemon_on_shutdown",
        "ThreadTests.test_locals_at_exit",
        "ThreadTests.test_main_thread_after_fork",
        "ThreadTests.test_main_thread_after_fork_from_dummy_thread",
        "ThreadTests.test_main_thread_after_fork_from_foreign_thread",
        "ThreadTests.test_main_thread_after_fork_from_nonmain_thread",
        "ThreadTests.test_main_thread_during_shutdown",
        "ThreadTests.test_start_new_thread_at_exit",
        "ThreadTests.test_start_new_thread_at_finalization",
        "ThreadingExceptionTests.test_print_exception",
        "ThreadingExceptionTests.test_print_exception_gh_102056",
        "ThreadingExceptionTests.test_print_exception_stderr_is_none_1",
        "ThreadingExceptionTests.test_print_exception_stderr_is_none_2",
        "ThreadingExceptionTests.test_recursion_limit",
    ),
    "a fork duplicates the process with everything under control in it": (
        "HandlerTest.test_post_fork_child_no_deadlock",
        "FailingInitializerResourcesTest",
        "LogRecordTest.test_multiprocessing",
        "ThreadPoolExecutorTest.test_hang_global_shutdown_lock",
        "ThreadTests.test_is_alive_after_fork",
    ),
    "an interpreter within the process has threads and locks of its own": ("SubinterpThreadingTests",),
    "a signal, or an exception that C code throws into an OS thread": (
        "InterruptMainTests",
        "ThreadTests.test_PyThreadState_SetAsyncExc",
    ),
    "queues of `multiprocessing`, which are pipes and processes": (
        "ConfigDictTest.test_config_queue_handler",
        "ConfigDictTest.test_config_queue_handler_does_not_create_multiprocessing_manager",
        "ConfigDictTest.test_config_queue_handler_multiprocessing_context",
        "ConfigDictTest.test_multiprocessing_queues",
        "QueueListenerTest.test_calls_task_done_after_stop",
        "QueueListenerTest.test_handle_called_with_mp_queue",
        "QueueListenerTest.test_no_messages_in_queue_after_stop",
    ),
    "a file that another thread deletes while it is written, 500 times; its inode and the wall time decide": ("HandlerTest.test_race",),
    "an exception that nobody catches in a thread is a failure here; the tests look at what is printed of it": (
        "ExceptHookTests.test_excepthook",
        "ExceptHookTests.test_original_excepthook",
    ),
    "the names and types within `threading` and `_thread`, of which stand-ins are others": (
        "MiscTestCase.test__all__",
        "ThreadTests.test_disallow_instantiation",
        "ThreadTests.test_limbo_cleanup",
        "ThreadTests.test_shutdown_locks",
        "ThreadTests.test_tstate_lock",
    ),
    "that a thread which is no `Thread` stays listed for ever; here it goes when it ends, as since 3.13": (
        "ThreadTests.test_foreign_thread",
        "ThreadTests.test_ident_of_no_threading_threads",
    ),
    "an order that is not promised: a worker of a pool hands over the result before it says that it is idle": (
        "ThreadPoolExecutorTest.test_idle_thread_reuse",
    ),
    "run by `test_locks`": (
        "BarrierTests",
        "BoundedSemaphoreTests",
        "CRLockTests",
        "ConditionAsRLockTests",
        "ConditionTests",
        "EventTests",
        "LockTests",
        "PyRLockTests",
        "SemaphoreTests",
    ),
}
LEFT_OUT = {name for names in NOT_APPLICABLE.values() for name in names}

#: A share that takes seconds: tests in which threads meet.
QUICK = (
    "ThreadTests.test_various_ops",
    "ThreadTests.test_enumerate_after_join",
    "TimerTests.test_init_immutable_default_args",
    "MappingTestCase.test_threaded_weak_key_dict_copy",
    "MappingTestCase.test_weak_keys_destroy_while_iterating",
    "TestLRUC.test_lru_cache_threaded2",
    "TestLRUPy.test_lru_cache_threaded3",
    "TestCase.test_enter_concurrent",
    "TestCase.test_cancel_concurrent",
    "QueueHandlerTest.test_queue_listener",
    "MemoryHandlerTest.test_race_between_set_target_and_flush",
    "ThreadPoolWaitTests.test_all_completed",
)


def _cases() -> Iterator[Case]:
    for name in MODULES:
        try:
            module = importlib.import_module(f"test.{name}")
        except ImportError:
            continue
        for value in vars(module).values():
            if not isinstance(value, type) or not issubclass(value, unittest.TestCase) or value.__module__ != module.__name__:
                continue
            # Those of processes are not for us.
            if value.__name__ not in LEFT_OUT and not value.__name__.startswith("ProcessPool"):
                yield value


def _starts_threads(case: Case, name: str) -> bool:
    parts = THREADING.get(case.__module__.rpartition(".")[2])
    return parts is None or any(part in f"{case.__name__}.{name}" for part in parts)


CASES: tuple[Any, ...] = tuple(_cases())
ALL: list[Any] = [one for one in methods(CASES, LEFT_OUT) if _starts_threads(*one.values)]  # type: ignore[attr-defined]
SOME: list[Any] = [one for one in ALL if ".".join([one.values[0].__name__, one.values[1]]) in QUICK]


def _conform(case: Case, name: str, schedules: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness, "SCHEDULES", schedules)
        patch.setattr(harness.support, "verbose", 0)
        # `test_logging` does not expect those of pytest.
        patch.setattr(logging.root, "handlers", [])
        if hasattr(case, "NUM_THREADED_ITERATIONS"):
            # Where most of these numbers are since 3.13.
            patch.setattr(case, "NUM_THREADED_ITERATIONS", OBJECTS)
        for method, constants in FEWER_OBJECTS.items():
            function = getattr(case, method, None)
            if function is not None and constants.keys() <= set(function.__code__.co_consts):
                patch.setattr(case, method, with_constants(function, constants))
        conform(case, name)


@pytest.mark.slow
@pytest.mark.parametrize(("case", "name"), ALL)
def test_conforms(case: Case, name: str) -> None:
    _conform(case, name, 20)


@pytest.mark.parametrize(("case", "name"), SOME)
def test_conforms_in_some(case: Case, name: str) -> None:
    _conform(case, name, 3)


def test_the_share_is_what_its_names_say() -> None:
    assert len(SOME) >= len(QUICK) - 1
