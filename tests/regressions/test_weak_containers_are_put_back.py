"""A weak table of what is made once was not put back between executions: the second found it made, so that nothing was ever proven."""

from __future__ import annotations

import inspect
import threading
import weakref

import pytest

from interleave import explore
from interleave.instrument.scope import Scope
from interleave.isolation.snapshot import Snapshot
from tests.threads import together

_lock = threading.Lock()
_signatures: weakref.WeakKeyDictionary[type, object] = weakref.WeakKeyDictionary()
_shared: weakref.WeakValueDictionary[str, _Model] = weakref.WeakValueDictionary()


class _Model:
    pass


def _signature(cls: type) -> object:
    with _lock:
        if cls not in _signatures:
            _signatures[cls] = inspect.signature(cls)
        return _signatures[cls]


def scenario() -> None:
    got: list[object] = []
    together(lambda: got.append(_signature(_Model)), lambda: got.append(_signature(_Model)))
    assert got[0] is got[1]


@pytest.mark.parametrize("strategy", ["auto", "dpor", "dfs"])
def test_what_is_made_once_is_made_in_every_execution(strategy: str) -> None:
    _signatures.clear()
    result = explore(scenario, strategy=strategy, isolate="globals")
    assert (result.verdict, result.uncontrolled) == ("proven", ())
    assert not _signatures


def test_table_gets_no_reference_to_what_has_died() -> None:
    model = _Model()
    _shared["it"] = model
    snapshot = Snapshot(Scope(), scenario)
    del model
    snapshot.put_back()
    assert list(_shared) == ["it"], "a snapshot keeps it"
    del snapshot
    assert not _shared.data
