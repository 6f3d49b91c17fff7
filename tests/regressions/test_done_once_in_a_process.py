"""A global filled by the first execution only: the search took that one for one like all others, and met other steps."""

from __future__ import annotations

import threading

from interleave.explore import explore

_lock = threading.Lock()
_made: list[object] = []


def _once() -> object:
    if not _made:
        with _lock:
            if not _made:
                _made.append(object())
    return _made[0]


def test_search_begins_after_it() -> None:
    _made.clear()

    def scenario() -> None:
        got: list[object] = []
        threads = [threading.Thread(target=lambda: got.append(_once())) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got[0] is got[1]

    result = explore(scenario)
    assert result.verdict == "proven", result.failures
