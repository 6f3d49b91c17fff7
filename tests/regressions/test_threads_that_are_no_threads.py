"""A thread started by `_thread` that asked for its `current_thread()` stayed in the list of threads for ever."""

from __future__ import annotations

import _thread
import threading
import time

from interleave.explore import explore
from interleave.result import Budget


def test_dummy_threads_go() -> None:
    def scenario() -> None:
        count, listed = _thread._count(), threading.active_count()
        _thread.start_new_thread(threading.current_thread, ())
        while _thread._count() > count:
            time.sleep(0.001)
        assert threading.active_count() == listed

    before = dict(threading._active)  # type: ignore[attr-defined]
    result = explore(scenario, strategy="random", budget=Budget(executions=20))
    assert not result.failures, result.failures[0].report()
    assert threading._active == before  # type: ignore[attr-defined]
