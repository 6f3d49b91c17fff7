"""Of several deadlines at one moment only the first was taken: the other thread waited until nothing could run, and no race was seen."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from interleave.explore import explore


@pytest.mark.parametrize("strategy", ["dfs", "dpor"])
@pytest.mark.parametrize("seconds", [(1.0, 1.0), (0.5, 0.50001), (1.0, 2.0)])
def test_orders_of_waking(strategy: str, seconds: tuple[float, float]) -> None:
    seen: set[tuple[str, ...]] = set()

    def scenario() -> None:
        state = SimpleNamespace(order=())

        def note(name: str, delay: float) -> None:
            time.sleep(delay)
            state.order += (name,)

        threads = [threading.Thread(target=note, args=pair) for pair in zip("ab", seconds, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen.add(state.order)

    result = explore(scenario, strategy=strategy)
    assert result.verdict == "proven"
    assert result.statistics.redundant == 0
    assert seen == ({("a", "b")} if seconds == (1.0, 2.0) else {("a", "b"), ("b", "a"), ("a",), ("b",)})
