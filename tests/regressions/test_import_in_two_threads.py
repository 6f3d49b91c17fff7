"""Two threads import a module whose code takes a lock: one could see it half executed, and the next execution had fewer steps.

An import runs to its end as one step. What its code does with primitives happens once in a process, so it must not be recorded.
"""

from __future__ import annotations

import importlib
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from interleave.explore import explore
from interleave.result import Budget

NAME = "module_with_a_lock_for_a_regression_test"


@pytest.mark.parametrize("strategy", ["random", "dfs"])
def test_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str) -> None:
    (tmp_path / f"{NAME}.py").write_text(
        textwrap.dedent("""
        import threading, time
        lock = threading.Lock()
        with lock:
            time.sleep(0)
            worker = threading.Thread(target=lambda: None)
            worker.start()
            worker.join()
        last = 1
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)

    def scenario() -> None:
        # In every execution again, as if it were the first.
        sys.modules.pop(NAME, None)

        def worker() -> None:
            assert importlib.import_module(NAME).last

        threads = [threading.Thread(target=worker) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    try:
        result = explore(scenario, strategy=strategy, budget=Budget(executions=30))
    finally:
        module = sys.modules.pop(NAME)
    assert not result.failures, result.failures[0].report()
    assert type(module.lock) is type(threading.Lock())
