"""Lines that run in logical threads are counted by coverage.py, each in its own file, with all of its cores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import interleave
from tests.installed import installed

#: Lines with `# never` must not be counted, and all others must.
ACCOUNT = '''\
import threading


class Account:
    """Kept in a file of its own, of other length, so that a line counted in the wrong one shows."""

    def __init__(self):
        self.balance = 0
        self.lock = threading.Lock()

    def deposit(self, amount):
        if amount < 0:
            raise ValueError(amount)  # never
        with self.lock:
            seen = self.balance
            self.balance = seen + amount

    def withdraw(self, amount):
        self.balance -= amount  # never
        return self.balance  # never
'''

TEST = """\
import os
import threading
from concurrent.futures import ThreadPoolExecutor

from account import Account


def audit(account, log):
    for _ in range(3):
        log.append(
            account.balance
        )
    if account.balance > 1000:
        log.append("rich")  # never
        return None  # never
    return log


def numbers():
    yield 1
    yield 2


class Auditor(threading.Thread):
    def __init__(self, account):
        super().__init__()
        self.account = account

    def run(self):
        log = []
        audit(self.account, log)


def not_called():
    return 1  # never


def explore(schedule, scenario):
    if os.environ.get("NATIVE"):  # pragma: no cover
        scenario()
    else:  # pragma: no cover
        schedule(scenario, executions=40)
    return True


def test_threads(schedule):
    logs = []

    def scenario():
        account = Account()
        log = []

        def work():
            for amount in numbers():
                account.deposit(amount)
            audit(account, log)

        threads = [threading.Thread(target=work), threading.Thread(target=account.deposit, args=(2,)), Auditor(account)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert account.balance == 5
        logs.append(log)

    explore(schedule, scenario)
    assert logs


def test_pool(schedule):
    def scenario():
        account = Account()
        with ThreadPoolExecutor(2) as pool:
            done = [
                pool.submit(account.deposit, amount)
                for amount in (1, 2)
            ]
            for future in done:
                future.result()
        try:
            done[0].nothing
            assert False  # never
        except AttributeError:
            pass
        assert account.balance == 3

    explore(schedule, scenario)
    after = 1
    assert after


def test_nothing_explored_afterwards():
    account = Account()
    account.deposit(1)
    assert audit(account, [])
"""

CORES = ["ctrace", "pytrace", *(["sysmon"] if sys.version_info >= (3, 12) else [])]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a module and tests of it."""
    (tmp_path / "account.py").write_text(ACCOUNT, encoding="utf-8")
    (tmp_path / "test_it.py").write_text(TEST, encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str, **environment: str) -> str:
    """Run a module of Python in the folder and return what it prints."""
    # Plugins of the outer run, and its own measuring, stay out of it.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=folder, env={**inherited, **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


PYTEST = ("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:asyncio")


def measure(folder: Path, *options: str, **environment: str) -> tuple[dict[str, Any], str]:
    """Run the tests under coverage and return what was counted by file, and what was printed."""
    printed = run(folder, "coverage", "run", f"--include={folder}/*", *options, "-m", *PYTEST, "-p", "no:pytest_cov", **environment)
    run(folder, "coverage", "json", "-q", "-o", "counted.json")
    counted = json.loads((folder / "counted.json").read_text(encoding="utf-8"))
    return counted["files"], printed


def never(text: str) -> list[int]:
    return [number for number, line in enumerate(text.splitlines(), start=1) if "# never" in line]


@pytest.mark.parametrize("core", [CORES[0], pytest.param(CORES[1], marks=pytest.mark.slow), *CORES[2:]])
def test_lines_are_counted_where_they_are(folder: Path, core: str) -> None:
    files, printed = measure(folder, COVERAGE_CORE=core)
    assert "3 passed" in printed
    assert files["account.py"]["missing_lines"] == never(ACCOUNT)
    assert files["test_it.py"]["missing_lines"] == never(TEST)
    assert "Warning" not in printed


@pytest.mark.parametrize("core", [CORES[0], pytest.param(CORES[1], marks=pytest.mark.slow)])
def test_branches_are_those_of_real_threads(folder: Path, core: str) -> None:
    """`sysmon` measures branches from 3.14 on."""
    files, printed = measure(folder, "--branch", COVERAGE_CORE=core)
    native, _ = measure(folder, "--branch", COVERAGE_CORE=core, NATIVE="1")
    assert "Warning" not in printed
    for file in ("account.py", "test_it.py"):
        for kind in ("executed_lines", "missing_lines", "executed_branches", "missing_branches"):
            assert files[file][kind] == native[file][kind], f"{kind} of {file}"


def test_lines_are_counted_by_the_plugin_of_pytest(folder: Path) -> None:
    run(folder, *PYTEST, "--cov=.", "--cov-report=json:counted.json", "--cov-context=test")
    files = json.loads((folder / "counted.json").read_text(encoding="utf-8"))["files"]
    assert files["account.py"]["missing_lines"] == never(ACCOUNT)
    assert files["test_it.py"]["missing_lines"] == never(TEST)


# -- the trace functions of a program -------------------------------------------------------------------------


#: A tracer that notes calls and returns on a stack for each thread it is installed in.
STACKS = """\
import sys


class Stacks:
    def __init__(self, all_of_them):
        self.frames = []
        self.functions = []
        self.mistakes = []
        self.all = all_of_them
        all_of_them.append(self)

    def trace(self, frame, event, argument):
        if event == "call":
            self.frames.append(frame)
            self.functions.append(frame.f_code.co_name)
        elif not self.frames or self.frames[-1] is not frame:
            self.mistakes.append(f"{event} in {frame.f_code.co_qualname}")
        elif event == "return":
            self.frames.pop()
        return self.trace

    def install(self, frame, event, argument):
        stacks = Stacks(self.all)
        sys.settrace(stacks.trace)
        return stacks.trace(frame, event, argument)
"""


@pytest.fixture
def stacks(tmp_path: Path) -> Iterator[Any]:
    """Return the class, from a module that is installed: a tool, and no part of the program under test."""
    with installed(tmp_path, "stacks", STACKS) as module:
        yield module.Stacks


def traced_scenario() -> None:
    items: list[int] = []

    def worker() -> None:
        for number in range(3):
            append(number)

    def append(number: int) -> None:
        items.append(number)

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert items != [0, 1, 0, 1, 2, 2], "one order fails, so that threads are also unwound"


def test_each_logical_thread_has_a_stack_of_its_own(stacks: Any) -> None:
    all_of_them: list[Any] = []
    own = stacks(all_of_them)
    before = sys.gettrace(), threading.gettrace()
    sys.settrace(own.trace)
    threading.settrace(own.install)
    try:
        budget = interleave.Budget(executions=60)
        options: dict[str, Any] = {"strategy": "dfs", "stop_on_failure": False, "gil_label": False}
        # Twice, so that greenlets are met again that were traced by others.
        results = [interleave.explore(traced_scenario, budget=budget, **options) for _ in range(2)]
        after = sys.gettrace(), threading.gettrace()
    finally:
        sys.settrace(before[0])
        threading.settrace(before[1])
    assert [result.verdict for result in results] == ["failed", "failed"]
    assert after == (own.trace, own.install)
    assert [one.mistakes for one in all_of_them] == [[]] * len(all_of_them)
    assert "traced_scenario" in own.functions
    assert "worker" not in own.functions
    workers = [one for one in all_of_them if "worker" in one.functions]
    # Two threads in each exploration, and not one for each execution.
    assert len(workers) == 4
    assert all("append" in one.functions for one in workers)
    assert all(not one.frames for one in workers)


def test_trace_function_for_this_thread_only_is_left_alone() -> None:
    def trace(*_: object) -> None:
        return None

    before = sys.gettrace(), threading.gettrace()
    seen: list[object] = []

    def scenario() -> None:
        seen.append(sys.gettrace())

    threading.settrace(None)
    sys.settrace(trace)
    try:
        interleave.explore(scenario)
        after = sys.gettrace()
    finally:
        sys.settrace(before[0])
        threading.settrace(before[1])
    assert after is trace
    assert set(seen) == {trace}
