"""Under control a lock was no instance of the type that a module had taken from `type(Lock())` or `_thread.LockType`."""

from __future__ import annotations

import _thread
import copy
import queue
import threading

import pytest

from interleave.explore import explore
from interleave.result import Budget

LOCK_TYPE, RLOCK_TYPE = type(threading.Lock()), type(threading.RLock())


class Inbox(queue.SimpleQueue):  # type: ignore[type-arg]
    pass


def test_isinstance_and_copy() -> None:
    def scenario() -> None:
        assert isinstance(threading.Lock(), LOCK_TYPE)
        assert isinstance(threading.Lock(), _thread.LockType)
        assert isinstance(threading.RLock(), RLOCK_TYPE)
        assert not isinstance(threading.RLock(), LOCK_TYPE)
        assert isinstance(Inbox(), queue.SimpleQueue)
        assert issubclass(Inbox, queue.SimpleQueue)
        for one in (threading.Lock(), threading.RLock(), queue.SimpleQueue()):
            with pytest.raises(TypeError):
                copy.deepcopy(one)
        with pytest.raises(TypeError):
            threading.Lock(True)  # type: ignore[call-arg]
        with pytest.raises(TypeError):
            type("Own", (threading.Lock,), {})

    result = explore(scenario, budget=Budget(executions=1))
    assert not result.failures, result.failures[0].report()
