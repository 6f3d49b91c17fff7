"""Debuggers of the pydevd family: they stop in logical threads, evaluate there, and let them go on."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from interleave.explore import explore, replay
from interleave.runtime.threads import Unwind
from tests.test_debugging import PROGRAM, seed_of

ROOT = Path(__file__).parent.parent


class PyDB:
    """As much of such a debugger as there is to take care of: it tells another thread that it stopped, and waits to be told to go on."""

    def __init__(self) -> None:
        self.stops: queue.Queue[Any] = queue.Queue()
        self.goes_on = threading.Event()
        self.lock = threading.Lock()
        self.seen: list[tuple[str, object]] = []
        self.get_exception_breakpoint = lambda kind, known: kind

    def do_wait_suspend(self, thread: threading.Thread, evaluate: Any) -> None:
        """Wait for the user, who looks at something meanwhile."""
        with self.lock:
            self.stops.put(thread)
        while not self.goes_on.wait(60):
            raise AssertionError("nobody answers")
        self.goes_on.clear()
        self.seen.append((threading.current_thread().name, evaluate()))

    def answer(self) -> None:
        """Be its other thread."""
        while self.stops.get() is not None:
            self.goes_on.set()


@pytest.fixture
def debugger(monkeypatch: pytest.MonkeyPatch) -> Iterator[PyDB]:
    debugger, module = PyDB(), ModuleType("pydevd")
    vars(module).update(PyDB=PyDB, get_global_debugger=lambda: debugger)
    monkeypatch.setitem(sys.modules, "pydevd", module)
    thread = threading.Thread(target=debugger.answer)
    thread.start()
    yield debugger
    debugger.stops.put(None)
    thread.join()


class Counter:
    def __init__(self) -> None:
        self.value = 0

    def add(self, stop: Any) -> None:
        value = self.value
        stop(lambda: self.value)
        self.value = value + 1


def racing(stop: Any) -> Any:
    def scenario() -> None:
        counter = Counter()
        threads = [threading.Thread(target=counter.add, args=(stop,), name=f"worker-{number}") for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counter.value == 2

    return scenario


def test_debugger_waits_outside_of_control_in_the_thread_that_stopped(debugger: PyDB) -> None:
    seed = explore(racing(lambda evaluate: None), name="m:racing").failures[0].seed
    method = vars(PyDB)["do_wait_suspend"]
    failing = replay(racing(lambda evaluate: debugger.do_wait_suspend(threading.current_thread(), evaluate)), seed, name="m:racing")
    # It neither waits nor looks as part of the schedule.
    assert failing.failure is not None
    assert (failing.failure.kind, failing.failure.seed) == ("assertion", seed)
    assert debugger.seen == [("worker-0", 0), ("worker-1", 0)]
    assert vars(PyDB)["do_wait_suspend"] is method


def test_ending_of_executions_is_nothing_to_stop_at(debugger: PyDB) -> None:
    search = debugger.get_exception_breakpoint
    found: list[object] = []

    def scenario() -> None:
        found.append([debugger.get_exception_breakpoint(kind, {}) for kind in (Unwind, KeyError)])

    explore(scenario)
    assert found == [[None, KeyError]] * len(found)
    assert debugger.get_exception_breakpoint is search


class Client:
    """A client of the debug adapter protocol, such as VS Code, of debugpy's adapter."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "debugpy.adapter"]
        self._process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin
        assert self._process.stdout
        self._in, self._out = self._process.stdin, self._process.stdout
        self._number = 0
        self._events: list[dict[str, Any]] = []
        self.said = ""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._in.close()
        self._out.close()

    def send(self, command: str, **arguments: Any) -> int:
        """Send a request and return its number."""
        self._number += 1
        body = json.dumps({"seq": self._number, "type": "request", "command": command, "arguments": arguments}).encode()
        self._in.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._in.flush()
        return self._number

    def ask(self, command: str, **arguments: Any) -> Any:
        """Send a request and return the body of its answer."""
        number = self.send(command, **arguments)
        while True:
            message = self._next()
            if message["type"] == "response" and message["request_seq"] == number:
                assert message["success"], message
                return message.get("body")

    def wait(self, *events: str) -> tuple[str, dict[str, Any]]:
        """Wait for the first of some events that was not waited for yet."""
        while True:
            for index, event in enumerate(self._events):
                if event["event"] in events:
                    del self._events[: index + 1]
                    return event["event"], event.get("body", {})
            self._next()

    def _next(self) -> dict[str, Any]:
        length = 0
        while (line := self._out.readline().strip()) or not length:
            assert line or length or self._process.poll() is None
            if line.startswith(b"Content-Length"):
                length = int(line.partition(b":")[2])
        message: dict[str, Any] = json.loads(self._out.read(length))
        if message["type"] == "event":
            self._events.append(message)
            if message["event"] == "output":
                self.said += message["body"]["output"]
        return message


@pytest.mark.slow
def test_vs_codes_debugger_stops_evaluates_and_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("debugpy")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    seed = seed_of(tmp_path, "program:scenario_race")
    line = PROGRAM.splitlines().index("        self.value = value + 1") + 1
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    seen = []
    with Client(tmp_path) as client:
        client.ask("initialize", adapterID="test", clientID="test")
        client.send(
            "launch", module="interleave", args=["replay", "program:scenario_race", seed], python=[sys.executable], cwd=str(tmp_path),
            env={"PYTHONHASHSEED": "0", "PYTHONPATH": path}, console="internalConsole", subProcess=False,
        )  # fmt: skip
        client.wait("initialized")
        client.ask("setBreakpoints", source={"path": str(program)}, breakpoints=[{"line": line}])
        client.ask("configurationDone")
        while True:
            event, body = client.wait("stopped", "terminated")
            if event == "terminated":
                break
            thread = body["threadId"]
            if body["reason"] == "breakpoint":
                names = {one["id"]: one["name"] for one in client.ask("threads")["threads"]}
                frame = client.ask("stackTrace", threadId=thread)["stackFrames"][0]
                value = client.ask("evaluate", expression="value, self.value", frameId=frame["id"], context="watch")["result"]
                seen.append((names[thread], frame["line"], value))
            client.ask("continue", threadId=thread)
    assert seen == [("worker-1", line, "(0, 0)"), ("worker-0", line, "(0, 0)")]
    assert "FAILED program:scenario_race: assertion" in client.said
