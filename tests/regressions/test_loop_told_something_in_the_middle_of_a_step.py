"""A loop that another thread stops without waking it ends if a step is under way, else waits on: only `dpor` let the thread come between.

The end of a step was no point for strategies that do not look at every access, so full search proved what can fail.
"""

from __future__ import annotations

import asyncio
import threading

import pytest

from interleave import Budget, explore


@pytest.mark.parametrize("strategy", ["dfs", "dpor", "random", "pos"])
def test_both_outcomes(strategy: str) -> None:
    seen = []

    def scenario() -> None:
        ready = threading.Event()
        made: list[asyncio.AbstractEventLoop] = []

        def run() -> None:
            made.append(asyncio.new_event_loop())
            made[0].call_soon(ready.set)
            made[0].run_forever()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        ready.wait()
        made[0].stop()
        thread.join(timeout=1)
        seen.append(thread.is_alive())

    result = explore(scenario, strategy=strategy, races="off", budget=Budget(executions=300))
    assert result.verdict == ("proven" if strategy in ("dfs", "dpor") else "passed")
    assert set(seen) == {False, True}
