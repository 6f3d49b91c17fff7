"""`[tool.interleave]` of pyproject.toml, for the command line and for pytest."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from interleave.configuration import configured
from interleave.errors import UsageError

pytest_plugins = ["pytester"]

#: A generator of random numbers that two threads share is not synchronised in `shuffle`.
SCENARIO = """
import random
import threading

def scenario_shuffle():
    generator, cards = random.Random(1), [1, 2, 3]
    threads = [threading.Thread(target=generator.shuffle, args=(cards,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(cards) == [1, 2, 3]
"""
INCLUDE = '[tool.interleave]\ninclude = ["random"]\n'


def test_no_file_and_no_table(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    assert configured(tmp_path) == {}


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(INCLUDE)
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert configured(tmp_path / "a" / "b") == {"include": ("random",)}
    (tmp_path / "a" / "pyproject.toml").write_text("")
    assert configured(tmp_path / "a" / "b") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.interleave]\nincluded = []", "no option 'included'"),
        ("[tool.interleave]\ninclude = 'random'", "not 'random'"),
        ("[tool.interleave]\ninclude = [1]", "not \\[1\\]"),
        ("[tool", "cannot be read"),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        configured(tmp_path)


@pytest.mark.parametrize("is_included", [True, False])
def test_command_line(tmp_path: Path, is_included: bool) -> None:
    (tmp_path / "cards.py").write_text(SCENARIO)
    (tmp_path / "pyproject.toml").write_text(INCLUDE if is_included else "")
    command = [sys.executable, "-m", "interleave", "explore", "cards.py", "--json", "-"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == int(is_included), done.stderr
    (scenario,) = json.loads(done.stdout)["scenarios"]
    assert scenario["verdict"] == ("failed" if is_included else "inconclusive")
    if is_included:
        command = [sys.executable, "-m", "interleave", "replay", "cards.py::scenario_shuffle", scenario["failures"][0]["seed"]]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stdout + done.stderr


@pytest.mark.thorough
@pytest.mark.parametrize("is_included", [True, False])
def test_pytest(pytester: pytest.Pytester, is_included: bool) -> None:
    pytester.makepyfile(cards=SCENARIO, test_cards="import cards\n\ndef test_cards(schedule):\n    schedule(cards.scenario_shuffle)\n")
    pytester.makepyprojecttoml(INCLUDE if is_included else "[tool.pytest.ini_options]\n")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=int(is_included), passed=int(not is_included))
