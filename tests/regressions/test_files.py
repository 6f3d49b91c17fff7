"""Who came to a file first was no choice: a counter in a file, and a folder that two threads make, were proven by one execution."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from interleave import Budget, Result, explore
from tests.threads import together


@pytest.fixture(autouse=True)
def folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a folder for temporary files whose name is the same wherever the test is replayed, and that no other test uses."""
    path = Path(tempfile.gettempdir(), "interleave", re.sub(r"\W+", "-", request.node.name))
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    yield
    shutil.rmtree(path)


def count(path: Path) -> None:
    with open(path) as file:
        number = int(file.read() or 0)
    with open(path, "w") as file:
        file.write(str(number + 1))


def count_by_path(path: Path) -> None:
    path.write_text(str(int(path.read_text() or 0) + 1))


def found(scenario: Callable[[Path], None], **options: str) -> Result:
    def in_folder() -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "counter")
            path.write_text("0")
            scenario(path)

    return explore(in_folder, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("granularity", ["free-threaded", "gil"])
@pytest.mark.parametrize("add", [count, count_by_path])
def test_counter_in_a_file(add: Callable[[Path], None], granularity: str) -> None:
    def unlocked(path: Path) -> None:
        together(lambda: add(path), lambda: add(path))
        assert path.read_text() == "2"

    def locked(path: Path) -> None:
        lock = threading.Lock()

        def locked_add() -> None:
            with lock:
                add(path)

        together(locked_add, locked_add)
        assert path.read_text() == "2"

    assert found(unlocked, granularity=granularity).verdict == "failed"
    assert found(locked, granularity=granularity).verdict == "proven"


def test_folder_is_made_between_check_and_making() -> None:
    def scenario(path: Path) -> None:
        def make() -> None:
            if not os.path.isdir(path.parent / "made"):
                os.mkdir(path.parent / "made")

        together(make, make)

    assert found(scenario).failures[0].message.startswith("FileExistsError")


def test_file_that_only_one_can_make() -> None:
    def scenario(path: Path) -> None:
        made: list[int] = []

        def make() -> None:
            try:
                os.close(os.open(path.parent / "made", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            except FileExistsError:
                return
            made.append(1)

        together(make, make)
        assert made == [1]

    result = found(scenario)
    assert result.verdict == "proven"
    assert result.executions == 2


def test_written_while_others_read() -> None:
    """What has been written so far is there to be read before the file is closed: that is not explored."""

    def scenario(path: Path) -> None:
        together(lambda: path.write_text("1"), lambda: path.read_text())

    result = found(scenario)
    assert result.verdict == "inconclusive"
    assert result.uncontrolled == ("writing ran as one step on a File that other threads use",)


def test_different_files_of_one_folder() -> None:
    def scenario(path: Path) -> None:
        together(lambda: count(path), lambda: (path.parent / "other").write_text("1"))

    result = found(scenario)
    assert result.verdict == "proven"
    assert result.executions == 1


def test_list_of_a_folder() -> None:
    def scenario(path: Path) -> None:
        listed: list[str] = []
        together(lambda: (path.parent / "other").touch(), lambda: listed.extend(os.listdir(path.parent)))
        assert len(listed) == 1

    assert found(scenario).verdict == "failed"


def test_names_of_temporary_files_are_those_of_every_execution() -> None:
    names: set[str] = set()

    def scenario() -> None:
        with tempfile.TemporaryDirectory() as folder:
            names.add(folder)
        together(lambda: None, lambda: None)

    before = vars(tempfile)["_name_sequence"]
    explore(scenario, strategy="random", budget=Budget(executions=5))
    assert len(names) == 1
    assert vars(tempfile)["_name_sequence"] is before
