"""`Counter.update` counts in a function of C that was taken for one which only reads: what it writes was ordered with nothing."""

from __future__ import annotations

import collections
import threading

from interleave.explore import explore


def test_counting_conflicts_with_looking() -> None:
    seen: set[int] = set()

    def scenario() -> None:
        counter: collections.Counter[str] = collections.Counter()
        thread = threading.Thread(target=lambda: counter.update(["a"]))
        thread.start()
        seen.add(counter["a"])
        thread.join()

    result = explore(scenario, include=["collections"])
    assert result.verdict == "proven"
    assert seen == {0, 1}
