"""What holds for all tests."""

from __future__ import annotations

import sys

import pytest

import interleave.explore  # noqa: F401 - the package has a function of the same name


@pytest.fixture(autouse=True)
def _no_labels_unless_asked_for(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what finds out of each failure whether the GIL allows it: a fifth of all time. `test_granularity` is about it."""
    if request.node.get_closest_marker("labelled") is None:
        monkeypatch.setitem(sys.modules["interleave.explore"].explore.__kwdefaults__, "gil_label", False)
