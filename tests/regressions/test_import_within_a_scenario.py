"""A package that is included, but imported by the scenario, was not instrumented in the first execution, which was held against it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from interleave import explore
from tests.installed import installed
from tests.threads import together

_SOURCE = """
import threading


class Counter:
    def __init__(self):
        self.lock, self.n = threading.Lock(), 0

    def add(self):
        with self.lock:
            self.n += 1
"""


@pytest.mark.parametrize("strategy", ["auto", "dpor", "dfs"])
def test_included_package_is_proven(strategy: str, tmp_path: Path) -> None:
    with installed(tmp_path, "imported_late", _SOURCE):
        del sys.modules["imported_late"]

        def scenario() -> None:
            counter = importlib.import_module("imported_late").Counter()
            together(counter.add, counter.add)
            assert counter.n == 2

        result = explore(scenario, include=["imported_late"], strategy=strategy)
        assert (result.verdict, result.uncontrolled) == ("proven", ())
