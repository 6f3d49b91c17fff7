"""A global filled by the first execution only: the search took that one for one like all others, and met other steps.

When it no longer did, it called proven what had only been explored with the global filled.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from interleave.explore import explore
from tests.threads import together

_lock = threading.Lock()
_made: list[object] = []


def _once() -> object:
    if not _made:
        with _lock:
            if not _made:
                _made.append(object())
    return _made[0]


class _Service:
    instance: _Service | None = None

    @classmethod
    def get(cls) -> _Service:
        if cls.instance is None:
            cls.instance = cls()
        return cls.instance


def _two_get(get: Callable[[], object]) -> Callable[[], None]:
    def scenario() -> None:
        got: list[object] = []
        together(lambda: got.append(get()), lambda: got.append(get()))
        assert got[0] is got[1]

    return scenario


@pytest.mark.parametrize(("strategy", "preemptions"), [("auto", None), ("dpor", None), ("dpor", 2), ("dfs", None), ("auto", 2)])
@pytest.mark.parametrize("get", [_once, _Service.get])
def test_search_begins_after_it_and_says_so(get: Callable[[], object], strategy: str, preemptions: int | None) -> None:
    _made.clear()
    _Service.instance = None
    result = explore(_two_get(get), strategy=strategy, preemptions=preemptions)
    assert (result.verdict, result.failures) == ("inconclusive", ())
    (sentence,) = result.uncontrolled
    assert "the first execution did something else" in sentence
    assert "isolate" in sentence
    again = explore(_two_get(get), strategy=strategy, preemptions=preemptions)
    assert again.verdict == "proven", "nothing is done for the first time any more"


def test_isolated_executions_begin_before_it() -> None:
    _made.clear()
    _Service.instance = None
    assert explore(_two_get(_once), isolate="globals").verdict == "proven"
    failure = explore(_two_get(_Service.get), isolate="globals").failure
    assert failure is not None
    assert failure.kind == "assertion"
