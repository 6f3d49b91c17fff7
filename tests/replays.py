"""Replay every failure that the tests find, in a fresh process: `make replays`.

Two runs of the suite, each with this plugin. The first, `--record-failures FOLDER`, writes down each failure that any exploration of any
test finds: its seed, and a digest of its trace. The second, `--replay-failures FOLDER`, in another process and under another hash
seed, runs the tests that found some as far as the exploration, and has their scenarios replay the seeds there: each must fail in the
same way, by the identical trace. What a test says of its result is not looked at again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from interleave.exploration import Exploration
from interleave.explore import replay
from interleave.result import Failure, Result
from interleave.runner import Runner
from tests.test_determinism import described

#: Failures written down for one test: generated programs would fill books.
MOST = 20
#: Of folders, of processes that run tests, and addresses, also those that the program takes for keys.
_NUMBERS = re.compile(r"(?<=pytest-)\d+(/popen-gw\d+)?|0x[0-9a-f]+|(?<=\[)\d{12,}")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-failures", metavar="FOLDER", help="Write down the failures that explorations find.")
    parser.addoption("--replay-failures", metavar="FOLDER", help="Replay what was written down, and nothing else.")


def pytest_configure(config: pytest.Config) -> None:
    recording, replaying = config.getoption("--record-failures"), config.getoption("--replay-failures")
    if recording:
        config.pluginmanager.register(Recording(Path(recording)))
    if replaying:
        config.pluginmanager.register(Replaying(Path(replaying)))


def digest(failure: Failure) -> str:
    """Return what must be the same in every process: how it failed, and every step with its values."""
    # Of several races in one execution a replay cannot know which was meant.
    message = failure.message if failure.kind != "race" else ""
    text = json.dumps([failure.kind, _NUMBERS.sub("N", message), described(failure.trace)])
    return hashlib.sha256(_NUMBERS.sub("N", text).encode()).hexdigest()


class Recording:
    """Writes one file for each test that finds failures: a line for each of them."""

    def __init__(self, folder: Path) -> None:
        # Tests change the current directory.
        self._folder = folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        found: list[str] = []
        number = 0
        original = Exploration.run

        def run(exploration: Any, **options: Any) -> Result:
            nonlocal number
            index, number = number, number + 1
            result = original(exploration, **options)
            for failure in result.failures:
                if failure.kind != "nondeterminism" and len(found) < MOST:
                    found.append(json.dumps([index, failure.seed, digest(failure), failure.message]))
            return result

        Exploration.run = run  # type: ignore[method-assign]
        try:
            yield
        finally:
            Exploration.run = original  # type: ignore[method-assign]
            if found:
                name = hashlib.sha256(item.nodeid.encode()).hexdigest()
                (self._folder / name).write_text("\n".join([item.nodeid, *found]), encoding="utf-8")


class Replaying:
    """Replays what `Recording` wrote; a test ends, as skipped, with its last exploration that is on record."""

    def __init__(self, folder: Path) -> None:
        files = [file.read_text(encoding="utf-8").splitlines() for file in sorted(folder.iterdir())]
        self._records = {nodeid: [json.loads(line) for line in lines] for nodeid, *lines in files}

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        left_out = [item for item in items if item.nodeid not in self._records]
        items[:] = [item for item in items if item.nodeid in self._records]
        config.hook.pytest_deselected(items=left_out)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        records = self._records[item.nodeid]
        number = 0
        problems: list[str] = []
        original = Exploration.run

        def run(exploration: Any, **options: Any) -> Result:
            nonlocal number
            index, number = number, number + 1
            problems.extend(filter(None, [check(exploration, *rest) for at, *rest in records if at == index]))
            if index >= records[-1][0]:
                pytest.skip("replayed")
            return original(exploration, **options)

        Exploration.run = run  # type: ignore[method-assign]
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException:
            # What a test says of an exploration that was cut short is not looked at; it may itself be a run of pytest, which is skipped.
            if number <= records[-1][0]:
                raise
        finally:
            Exploration.run = original  # type: ignore[method-assign]
        if number <= records[-1][0]:
            problems.append(f"{number} explorations, and one more failed when recorded")
        if problems:
            pytest.fail("\n".join(problems), pytrace=False)
        pytest.skip(f"{len(records)} failures replayed")


def check(exploration: Any, seed: str, wanted: str, message: str) -> str:
    """Replay a seed in the scenario at hand; return what is wrong, nothing if it fails as it did."""
    runner: Runner = exploration._runner
    again = replay(
        runner.scenario,
        seed,
        include=runner.include,
        name=runner.name,
        timeouts="any" if runner.controls.any_timeout else "idle",
        task_order="fifo" if runner.controls.is_fifo else "any",
        races=exploration._findings.races.mode,
    ).failure
    if again is None:
        return f"passed, where it failed when recorded: {message}"
    return "" if digest(again) == wanted else f"failed by another trace than when recorded: {message}"
