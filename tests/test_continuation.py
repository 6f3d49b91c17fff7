"""Explorations kept in a file and continued: nothing is run twice, nothing is left out, in this process and in another."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from interleave import Budget, UsageError, explore

ROOT = Path(__file__).parent.parent


def lastzero(size: int) -> None:
    """Let one thread look for the last zero while others write: (n + 1) * 2 ** (n - 2) classes for n threads in all."""
    cells = dict.fromkeys(range(size), 0)

    def find() -> None:
        index = size - 1
        while cells[index] != 0:
            index -= 1

    def write(index: int) -> None:
        cells[index] = cells[index - 1] + 1

    threads = [threading.Thread(target=find), *(threading.Thread(target=write, args=(index,)) for index in range(1, size))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def four() -> None:
    """Have 28 classes."""
    lastzero(5)


def fails_twice() -> None:
    """Fail in two ways."""
    total = [0]

    def add(amount: int) -> None:
        total[0] += amount

    threads = [threading.Thread(target=add, args=(amount,)) for amount in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total[0] != 1, "the second is lost"
    assert total[0] != 2, "the first is lost"


@pytest.mark.parametrize(("strategy", "preemptions"), [("dpor", None), ("dpor", 2), ("auto", None)])
def test_a_search_goes_on_where_it_stopped(tmp_path: Path, strategy: str, preemptions: int | None) -> None:
    file = tmp_path / "state"
    whole = explore(four, strategy=strategy, preemptions=preemptions, budget=Budget(executions=1_000), races="off")
    assert whole.verdict == "proven"
    parts = []
    while not parts or parts[-1].stopped_by == "executions":
        parts.append(explore(four, strategy=strategy, preemptions=preemptions, budget=Budget(executions=20), state=file, races="off"))
        assert len(parts) < 10
    assert parts[-1].verdict == "proven"
    assert parts[-1].scope == whole.scope
    assert parts[0].executions == 20
    if strategy == "dpor":
        assert parts[-1].executions == whole.executions
        assert parts[-1].statistics.redundant == 0
        assert parts[-1].statistics.steps == whole.statistics.steps
    again = explore(four, strategy=strategy, preemptions=preemptions, budget=Budget(executions=9), state=file, races="off")
    assert again.verdict == "proven"
    assert again.executions == parts[-1].executions


def test_bounded_depth_first_search_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "state"
    first = explore(fails_twice, strategy="dfs", preemptions=0, budget=Budget(executions=1), state=file, races="off")
    assert first.stopped_by == "executions"
    assert explore(fails_twice, strategy="dfs", preemptions=0, state=file, races="off").verdict == "proven"


def test_failures_come_along(tmp_path: Path) -> None:
    file = tmp_path / "state"
    first = explore(fails_twice, strategy="dpor", stop_on_failure=False, state=file, races="off")
    assert len(first.failures) == 2
    again = explore(fails_twice, strategy="dpor", stop_on_failure=False, state=file, races="off")
    assert [one.seed for one in again.failures] == [one.seed for one in first.failures]
    assert again.executions == first.executions
    assert again.verdict == "failed"
    assert explore(fails_twice, strategy="dpor", state=file, races="off").stopped_by == "failure"


def test_sampling_goes_on_with_the_next_execution(tmp_path: Path) -> None:
    file = tmp_path / "state"
    for _ in range(2):
        result = explore(four, strategy="random", budget=Budget(executions=10), state=file, races="off")
    assert result.executions == 20
    kept = pickle.loads(pickle.loads(file.read_bytes())["scenarios"]["test_continuation:four"])
    assert kept.strategy.execution == 20


def test_another_process_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "interleave", "explore", "tests.test_continuation:four", "--strategy", "dpor", "--executions", "15",
               "--state", str(tmp_path / "state")]  # fmt: skip
    first, second = (subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout for _ in range(2))
    assert "15 sampled" in first
    assert "all 28 schedules" in second


def test_interrupt_keeps_the_exploration(tmp_path: Path) -> None:
    import _thread

    calls = [0]

    def scenario() -> None:
        calls[0] += 1
        if calls[0] == 10:
            _thread.interrupt_main()
        four()

    file = tmp_path / "state"
    result = explore(scenario, strategy="dpor", state=file, races="off")
    assert result.stopped_by == "interrupt"
    assert result.executions < 28
    assert explore(scenario, strategy="dpor", state=file, races="off").executions == 28


def test_a_file_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state"
    explore(four, strategy="dpor", budget=Budget(executions=3), state=file)
    with pytest.raises(UsageError, match=r"begun with strategy='dpor', and cannot be continued with 'random'"):
        explore(four, strategy="random", state=file)
    file.write_bytes(b"something else")
    with pytest.raises(UsageError, match="does not hold explorations"):
        explore(four, strategy="dpor", state=file)
    file.write_bytes(pickle.dumps({"format": 99, "scenarios": {}}))
    with pytest.raises(UsageError, match="another release"):
        explore(four, strategy="dpor", state=file)
