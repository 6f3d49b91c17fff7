"""An audit hook in scope called itself without end: looking at its frame, which a placeholder does, is an event of its own."""

from __future__ import annotations

import sys
import threading

from interleave import explore

seen: list[str] = []


def _note(event: str) -> None:
    seen.append(event)


def _hook(event: str, _: tuple[object, ...]) -> None:
    if event == "tests.audited":
        _note(event)


def scenario() -> None:
    seen.clear()
    counted: list[int] = []

    def count() -> None:
        sys.audit("tests.audited")
        counted.append(len(counted))

    threads = [threading.Thread(target=count) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 2


def test_an_audit_hook_runs_as_it_is() -> None:
    # There is no way to take a hook off again; this one ignores all events but that of the scenario.
    sys.addaudithook(_hook)
    result = explore(scenario)
    assert result.verdict == "proven"
    assert result.uncontrolled == ()
