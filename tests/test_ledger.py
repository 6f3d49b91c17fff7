"""What an execution cannot control is listed, and a real hang ends as a report."""

from __future__ import annotations

import _thread
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from interleave.explore import explore
from interleave.report.machine import as_data
from interleave.result import Budget, Result
from tests.threads import together

SMALL = Budget(executions=30, hang=0.5)


def said(result: Result) -> str:
    assert not result.failures, result.failures[0].report()
    assert result.verdict == "inconclusive"
    assert as_data([result])["scenarios"][0]["uncontrolled"] == list(result.uncontrolled)
    return "\n".join(result.uncontrolled)


def test_sockets_are_listed() -> None:
    def scenario() -> None:
        one, other = socket.socketpair()
        with one, other:
            together(lambda: one.send(b"x"), lambda: None)
            other.recv(1)

    text = said(explore(scenario, budget=SMALL))
    assert "socket.socket.send ran for real at" in text
    assert "socket.socket.recv ran for real at" in text
    assert "recv" not in vars(socket.socket)


def test_other_processes_are_listed() -> None:
    def scenario() -> None:
        together(lambda: subprocess.run([sys.executable, "-c", ""], check=True))

    assert "subprocess.Popen.__init__ ran for real" in said(explore(scenario, budget=Budget(executions=2)))


def test_repeated_imports_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "module_for_the_ledger.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)

    def load() -> None:
        import module_for_the_ledger  # type: ignore[import-not-found]

        assert module_for_the_ledger.value

    def again() -> None:
        sys.modules.pop("module_for_the_ledger", None)
        together(load, load)

    assert explore(lambda: together(load, load), budget=SMALL).verdict == "proven"
    assert "module module_for_the_ledger was imported during the run" in said(explore(again, budget=SMALL))


class Box:
    value = 0


def test_threads_that_nobody_started_are_listed() -> None:
    from interleave.primitives import threads as stand_ins

    def scenario() -> None:
        box, ended = Box(), _lock_of_nobody()

        def count() -> None:
            box.value += 1
            ended.release()

        def meet() -> None:
            # As a C extension does it: past everything that is taken over.
            stand_ins._real_start(count, ())
            ended.acquire()

        together(meet, lambda: setattr(box, "value", 5))

    assert "an OS thread that the scenario did not start ran" in said(explore(scenario, budget=SMALL))


def _lock_of_nobody() -> _thread.LockType:
    from interleave.primitives import locks

    lock = locks._allocate()
    lock.acquire()
    return lock


def _blocks() -> None:
    together(lambda: _lock_of_nobody().acquire(), lambda: None)


def _runs_on() -> None:
    together(lambda: exec("while True: pass", {"__name__": "json"}), lambda: None)


@pytest.mark.parametrize("scenario", [_blocks, _runs_on])
@pytest.mark.parametrize("place", ["main thread", "another thread"])
def test_a_real_hang_ends_with_the_stacks(scenario: Callable[[], None], place: str) -> None:
    found: list[Result] = []
    if place == "main thread":
        found.append(explore(scenario, budget=SMALL))
    elif scenario is _runs_on:
        # A call that blocks in a thread of its own nobody can end.
        thread = threading.Thread(target=lambda: found.append(explore(scenario, budget=SMALL)))
        thread.start()
        thread.join()
    else:
        pytest.skip("nothing can end a call that blocks outside the main thread")
    result = found[0]
    assert result.stopped_by == "hang"
    text = said(result)
    assert "no step for 0.5 s" in text
    assert "thread 'main' stands at:" in text
    assert "thread 'Thread-1 (<lambda>)' is in:" in text
    assert "test_ledger.py" in text
    # The process is as before.
    assert explore(lambda: together(lambda: None), budget=SMALL).verdict == "proven"


@pytest.mark.parametrize("isolate", ["off", pytest.param("fork", marks=pytest.mark.skipif(not hasattr(os, "fork"), reason="cannot fork"))])
def test_a_real_hang_ends_in_a_background_job(isolate: str) -> None:
    # A shell starts jobs in the background with this signal ignored.
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert explore(_blocks, budget=SMALL, isolate=isolate).stopped_by == "hang"
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        # What the terminal sends to all that it started is for others.
        assert explore(lambda: signal.raise_signal(signal.SIGINT), isolate=isolate).verdict == "proven"
    finally:
        signal.signal(signal.SIGINT, previous)


def test_the_watchdog_is_not_seen() -> None:
    def scenario() -> None:
        assert threading.active_count() == len(threading.enumerate())
        assert _thread._count() == before

    before = _thread._count()
    assert explore(scenario, budget=SMALL).verdict == "proven"
    assert _thread._count() == before


def test_calendars_follow_the_virtual_clock() -> None:
    def scenario() -> None:
        before = time.localtime()
        assert time.gmtime().tm_year == 2023
        assert time.strftime("%Y") == "2023"
        assert time.ctime().endswith("2023")
        assert time.asctime().endswith("2023")
        time.sleep(366 * 86_400)
        assert time.localtime().tm_year == before.tm_year + 1

    assert explore(scenario, budget=SMALL).verdict == "proven"
    assert time.gmtime(0).tm_year == 1970


def test_pool_of_threads() -> None:
    def scenario() -> None:
        from multiprocessing.pool import ThreadPool

        with ThreadPool(2) as pool:
            assert pool.map(abs, [-1, -2]) == [1, 2]

    result = explore(scenario, budget=SMALL)
    assert not result.failures, result.failures[0].report()
    assert not result.uncontrolled
