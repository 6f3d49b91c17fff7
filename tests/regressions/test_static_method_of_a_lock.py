"""`make = staticmethod(Lock)` in a class made before the exploration went on to make real locks, which block the process."""

from __future__ import annotations

import threading

from interleave.explore import explore
from interleave.result import Budget


class Service:
    make = staticmethod(threading.Lock)
    remake = classmethod(threading.local)


def test_locks_are_controlled() -> None:
    def scenario() -> None:
        lock = Service().make()

        def worker() -> None:
            with lock:
                pass

        with lock:
            thread = threading.Thread(target=worker)
            thread.start()
        thread.join()

    # Until it was repaired this did not fail but hung: any schedule that ran the worker first.
    result = explore(scenario, strategy="random", budget=Budget(executions=20))
    assert result.verdict == "passed"
    assert Service.__dict__["make"].__func__ is threading.Lock
