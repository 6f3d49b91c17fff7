"""A mock says that it is of another class: asking it by `isinstance` ran its code in the middle of a step, and the records got out of step.

The module was also imported by the first execution only, which the search took for one like all others.
"""

from __future__ import annotations

import sys

import pytest

from interleave.explore import explore
from tests.threads import together


@pytest.fixture(autouse=True)
def _imported_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("unittest.mock")]:
        monkeypatch.delitem(sys.modules, name)


def test_lost_update_of_call_count_is_found() -> None:
    def scenario() -> None:
        from unittest import mock

        called = mock.Mock()
        together(called, called)
        assert called.call_count == 2

    result = explore(scenario, include=["unittest.mock"])
    assert [failure.kind for failure in result.failures] == ["assertion"]


def test_children_are_made_once() -> None:
    def scenario() -> None:
        from unittest import mock

        parent = mock.Mock()
        children: list[object] = []
        together(lambda: children.append(parent.child), lambda: children.append(parent.child))
        assert children[0] is children[1]

    result = explore(scenario, include=["unittest.mock"])
    assert result.verdict == "proven", result.failures
