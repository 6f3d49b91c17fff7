"""An object of an installed package was said to race with itself: of code out of scope it is assumed that it writes all of an object."""

from __future__ import annotations

import sys
import threading
import types
from pathlib import Path

import pytest

from interleave import explore
from tests.threads import together

SOURCE = """
import threading

class Shelf:
    def __init__(self):
        self.lock = threading.Lock()
        self.items = ()

    def put(self, item):
        with self.lock:
            self.items += (item,)
"""


@pytest.fixture
def shelves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Return an installed module, which is out of scope."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "shelves.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "shelves", raising=False)
    return __import__("shelves")


def test_objects_of_a_package_are_no_race(shelves: types.ModuleType) -> None:
    def scenario() -> None:
        shelf = shelves.Shelf()

        def work(number: int) -> None:
            assert shelf.lock is not None
            shelf.put(number)
            shelf.put(-number)

        together(lambda: work(1), lambda: work(2))
        assert sorted(shelf.items) == [-2, -1, 1, 2]

    result = explore(scenario)
    assert [race.message for race in result.races] == []
    assert result.verdict == "inconclusive"
    assert "code of shelves (not in scope)" in result.uncontrolled[0]


def test_attributes_read_at_once_race_with_their_writes() -> None:
    class Pair:
        def __init__(self) -> None:
            self.left = self.right = 0

    def scenario() -> None:
        pair, seen, lock = Pair(), list[dict[str, int]](), threading.Lock()

        def change() -> None:
            pair.left += 1
            pair.right += 1

        def look() -> None:
            with lock:
                seen.append(dict(vars(pair)))

        together(change, look)

    assert {race.place for race in explore(scenario).races} >= {"Pair.left", "Pair.right"}
