"""Install the releases, explore every study, and print the tables of the README.

    python -m examples.case_studies FOLDER

FOLDER gets a folder for each release, made by `pip install --no-deps --target`, and keeps it. The exit status is 1 where something is not
as the studies state: a bug is to be found in the affected release within `FOUND_WITHIN` executions and not in the repaired one within
`NOT_WITHIN`; what is unreported is to be found, and to happen with real threads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from examples.case_studies.studies import STUDIES, UNREPORTED, Study, Unreported

FOUND_WITHIN = 2_000
NOT_WITHIN = 5_000
ROOT = Path(__file__).parents[2]
HERE = "examples.case_studies"


def installed(root: Path, release: str) -> Path:
    """Return the folder of a release, named after its requirements, and make it if need be."""
    folder = root / release.replace("==", "-").replace(" ", "+")
    if not folder.exists():
        command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-deps", "--target"]
        subprocess.run([*command, str(folder), *release.split()], check=True)
    return folder


def run(folder: Path, *arguments: str) -> str:
    """Run a module with a release, in a process of its own; return what it printed."""
    path = os.pathsep.join([str(folder), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
    done = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


def explored(folder: Path, module: str, include: Sequence[str], executions: int) -> dict[str, Any]:
    """Return the part of the JSON report."""
    data: dict[str, Any] = json.loads(run(folder, f"{HERE}.explored", f"{HERE}.{module}", str(executions), *include))
    return data


def check(study: Study, root: Path) -> tuple[str, list[str]]:
    """Explore both releases of a study; return its row and what is not as stated."""
    affected = explored(installed(root, study.affected), study.name, study.include, FOUND_WITHIN)
    repaired = explored(installed(root, study.repaired), study.name, study.include, NOT_WITHIN)
    wrong = (
        [] if kinds(affected) == [study.kind] else [f"{study.name}: {kinds(affected) or 'nothing'} found in {study.affected.split()[0]}"]
    )
    wrong += [f"{study.name}: {kind} found in {study.repaired.split()[0]}" for kind in kinds(repaired)]
    title = f"[{study.package}]({study.url})"
    version = study.repaired.split()[0].partition("==")[2]
    outcome = f"{version}: {'all' if repaired['exhausted'] else 'none in'} {repaired['executions']}"
    return row(title, study.wrong, study.affected, affected, outcome), wrong


def check_unreported(bug: Unreported, root: Path) -> tuple[str, list[str]]:
    """Explore a release and run real threads; return the row of the bug and what is not as stated."""
    module = f"unreported.{bug.name}"
    folder = installed(root, bug.release)
    data = explored(folder, module, bug.include, FOUND_WITHIN)
    wrong = [] if kinds(data) == [bug.kind] else [f"{bug.name}: {kinds(data) or 'nothing'} found in {bug.release.split()[0]}"]
    try:
        run(folder, f"{HERE}.{module}")
    except RuntimeError as error:
        wrong.append(f"{bug.name}: real threads do not show it: {error}")
    return row(f"[{bug.package}](examples/case_studies/unreported/{bug.name}.py)", bug.wrong, bug.release, data, ""), wrong


def kinds(data: dict[str, Any]) -> list[str]:
    return [failure["kind"] for failure in data["failures"]]


def row(title: str, wrong: str, release: str, data: dict[str, Any], outcome: str) -> str:
    version = release.split()[0].partition("==")[2]
    if data["failures"]:
        first = data["failures"][0]
        measured = [first["kind"], first["executions"], f"{data['seconds']:.1f}", len(first["seed"]), first["preemptions"]]
    else:
        measured = ["not found", data["executions"], f"{data['seconds']:.1f}", "", ""]
    cells = [title, wrong, version, *map(str, measured), *([outcome] if outcome else [])]
    return f"| {' | '.join(cells)} |"


def main(folder: str) -> int:
    root = Path(folder).resolve()
    rows, found, wrong = [], [], []
    for number, study in enumerate(STUDIES, 1):
        print(f"{number} of {len(STUDIES)}: {study.name}", file=sys.stderr, flush=True)
        line, faults = check(study, root)
        rows.append(line)
        wrong += faults
    for bug in UNREPORTED:
        print(f"unreported: {bug.name}", file=sys.stderr, flush=True)
        line, faults = check_unreported(bug, root)
        found.append(line)
        wrong += faults
    columns = "package | what goes wrong | release | kind | executions | seconds | seed | preemptions |"
    print(f"| {columns} repaired |\n|{' --- |' * 9}", *rows, "", f"| {columns}\n|{' --- |' * 8}", *found, sep="\n")
    print(*wrong, sep="\n", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
