"""Test suites of packages, as their authors published them, run as ever and under exploration by `pytest --interleave`.

    python -m tests.libraries.suites install FOLDER          put the source of every release below FOLDER, and an environment for all
    python -m tests.libraries.suites table FOLDER [NAME...]  run the suites both ways and print the table; reports go to FOLDER/reports

Nothing in them is changed. A package is imported from its unpacked source, as its authors do, so that its code is in scope. What they ask
of pytest is left out as far as it is about coverage (`addopts`).
"""

from __future__ import annotations

import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from interleave.pytest_suite import PROPERTY

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Suite:
    """A release, the tests in its source, where that has the package, what the tests need besides, and arguments that leave tests out."""

    release: str
    tests: tuple[str, ...] = ("tests",)
    source: str = "."
    needs: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.release.partition("==")[0]

    def folder(self, root: Path) -> Path:
        return root / self.release.replace("==", "-")


SUITES = (
    # Its version is that of the git repository, which the archive is none.
    Suite("aiolimiter==1.3.0", source="src", needs=("dunamai",), left_out=("--deselect=tests/test_aiolimiter.py::test_version",)),
    # One of its tests starts a process that runs itself.
    Suite("asgiref==3.13.0", left_out=("--deselect=tests/test_sync.py::test_multiprocessing",)),
    # Turns warnings into errors, those of other packages too. One test is about what the garbage collector does to a task, which lives as
    # long as the execution here.
    Suite(
        "async-lru==2.4.0",
        left_out=("-o", "filterwarnings=", "--deselect=tests/test_internals.py::test_done_callback_exception_logs"),
    ),
    # Measures speed, with a plugin of its own.
    Suite("janus==2.0.0", left_out=("--ignore=tests/test_benchmarks.py",)),
    Suite("pyee==16.0.1", left_out=("--ignore=tests/test_trio.py", "--ignore=tests/test_twisted.py"), needs=("pytest-mock",)),
    Suite("pykka==4.5.0", source="src", needs=("pytest-mock",)),
    Suite("readerwriterlock==1.0.10"),
)
#: Nothing of coverage.
ARGUMENTS = ("-q", "-p", "no:cacheprovider", "-o", "addopts=", "-o", "junit_family=xunit1", "--interleave-no-database")


def python_of(root: Path) -> str:
    return str(root / "environment" / "bin" / "python")


def install(root: Path) -> None:
    if not Path(python_of(root)).exists():
        subprocess.run([sys.executable, "-m", "venv", str(root / "environment")], check=True)
    pip = [python_of(root), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    needs = sorted({need for suite in SUITES for need in suite.needs})
    releases = [suite.release for suite in SUITES]
    # The packages too, for what they depend on.
    subprocess.run([*pip, "install", "pytest>=8", "pytest-asyncio", "--editable", str(REPOSITORY), *needs, *releases], check=True)
    for suite in SUITES:
        folder = suite.folder(root)
        if folder.exists():
            continue
        archives = root / "archives" / folder.name
        subprocess.run([*pip, "download", "--no-deps", "--no-binary", ":all:", "--dest", str(archives), suite.release], check=True)
        folder.mkdir(parents=True)
        subprocess.run(["tar", "xzf", str(next(archives.iterdir())), "--directory", str(folder), "--strip-components=1"], check=True)


@dataclass(frozen=True)
class Run:
    """How the tests of a suite ended, what was said of those explored, by test, and how long all took."""

    ended: Counter[str]
    explored: dict[str, str]
    seconds: float


def run(root: Path, suite: Suite, *arguments: str) -> Run:
    """Run a suite in a process of its own."""
    folder = suite.folder(root)
    reports = root / "reports"
    reports.mkdir(exist_ok=True)
    report = reports / f"{suite.name}{'-explored' if arguments else ''}"
    began = time.monotonic()
    with report.with_suffix(".txt").open("w") as output:
        subprocess.run(
            [python_of(root), "-m", "pytest", *ARGUMENTS, f"--junitxml={report}.xml", *suite.left_out, *arguments, *suite.tests],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{REPOSITORY}:{folder / suite.source}", "PYTHONHASHSEED": "0"},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    seconds = time.monotonic() - began
    ended: Counter[str] = Counter()
    explored = {}
    for case in ElementTree.parse(f"{report}.xml").iter("testcase"):
        ways = {part.tag for part in case} & {"failure", "error", "skipped"}
        ended[min(ways, default="passed")] += 1
        for part in case.iter("property"):
            if part.get("name") == PROPERTY:
                explored[f"{case.get('classname')}.{case.get('name')}"] = str(part.get("value"))
    return Run(ended, explored, seconds)


def table(root: Path, names: list[str]) -> None:
    print("| suite | tests | explored | proven | passed | failing | inconclusive | not to be explored | seconds | as ever |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for suite in SUITES:
        if names and suite.name not in names:
            continue
        plain, explored = run(root, suite), run(root, suite, "--interleave")
        said = Counter(what.partition(":")[0] for what in explored.explored.values())
        others = sum(said.values()) - said["proven"] - said["passed"] - said["failed"] - said["inconclusive"]
        cells = (
            f"{suite.name} {suite.release.partition('==')[2]}",
            sum(explored.ended.values()),
            sum(said.values()),
            *(said[verdict] for verdict in ("proven", "passed", "failed", "inconclusive")),
            others,
            round(explored.seconds),
            round(plain.seconds),
        )
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    {"install": lambda root, _: install(root), "table": table}[sys.argv[1]](Path(sys.argv[2]).resolve(), sys.argv[3:])
