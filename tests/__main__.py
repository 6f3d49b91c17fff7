"""Run the tests as pytest does, a few files at a time: `python -m tests [arguments of pytest]`.

An exploration goes through the process that it takes control of, which is the smaller the fewer tests are loaded. In one process, the tests
of the takeover take eight times as long. `pytest` alone runs all of them as well. The exit status is that of the first run that failed.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
#: These go through all of the process again and again, looking for what explorations have left.
THOROUGH = frozenset({"test_isolation.py", "test_takeover.py"})
#: Files in one run, in which there are no more.
MOST = 43
#: Exit statuses of pytest.
INTERRUPTED, NOTHING_COLLECTED = 2, 5


def groups(files: Sequence[Path]) -> Iterator[Sequence[Path]]:
    """Yield the files of each run."""
    yield [file for file in files if file.name in THOROUGH]
    others = [file for file in files if file.name not in THOROUGH]
    for start in range(0, len(others), MOST):
        yield others[start : start + MOST]


def main(arguments: Sequence[str]) -> int:
    """Run all tests, or those that the arguments name, and return the exit status."""
    if any(one.startswith("tests/") for one in arguments):
        return run(arguments)
    statuses = []
    for files in groups(sorted((ROOT / "tests").rglob("test_*.py"))):
        statuses.append(run([*arguments, *(str(file.relative_to(ROOT)) for file in files)]))
        if statuses[-1] == INTERRUPTED:
            break
    failed = [status for status in statuses if status not in (0, NOTHING_COLLECTED)]
    if failed:
        print(f"{len(failed)} of {len(statuses)} runs failed, see above, or run again what failed: pytest --last-failed")
    return failed[0] if failed else min(statuses)


def run(arguments: Sequence[str]) -> int:
    """Run pytest in another process, and return its exit status."""
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
