"""An audit hook in scope called itself without end: looking at its frame, which a placeholder does, is an event of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.threads import together

ROOT = Path(__file__).parents[2]
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

    together(count, count)
    assert len(seen) == 2


def test_an_audit_hook_runs_as_it_is() -> None:
    # There is no way to take a hook off again, and each event of every later test would come here: it is a process's own.
    program = (
        "import sys; from tests.regressions import test_audit_hook_in_scope as own; from interleave import explore; "
        "sys.addaudithook(own._hook); result = explore(own.scenario); print(result.verdict, result.uncontrolled)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "proven ()\n", done.stderr
