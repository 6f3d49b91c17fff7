"""Code of a package that starts a thread goes on beside it: it was called proven, as nobody else was there when it was entered."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest

from interleave import explore
from tests.installed import installed

_PACKAGE = """
import threading


class Runner:
    def __init__(self):
        self.runs = 0

    def run(self, work=None):
        thread = threading.Thread(target=work or self.work)
        thread.start()
        self.runs += 1
        thread.join()
        return self.runs

    def work(self):
        self.runs += 1
"""


@pytest.fixture
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    with installed(tmp_path_factory.mktemp("starting"), "starting", _PACKAGE) as module:
        yield module


def test_package_in_which_two_threads_are(package: ModuleType) -> None:
    def scenario() -> None:
        assert package.Runner().run() == 2

    result = explore(scenario)
    assert result.verdict == "inconclusive"
    assert "code of starting (not in scope)" in result.uncontrolled[0]
    assert explore(scenario, include=["starting"]).failures[0].kind == "assertion"


def test_thread_of_a_package_runs_the_program(package: ModuleType) -> None:
    def scenario() -> None:
        done: list[int] = []
        package.Runner().run(lambda: done.append(1))
        assert done == [1]

    assert explore(scenario).verdict == "proven"
