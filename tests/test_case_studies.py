"""The case studies are what they say they are, and the README has all of them; run, they find what they state.

The releases are put into the folder that INTERLEAVE_CASE_STUDIES names, or into a temporary one.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from examples.case_studies.__main__ import check, check_unreported, installed
from examples.case_studies.studies import STUDIES, UNREPORTED, Study, Unreported
from tests.documents import ROOT

FOLDER = ROOT / "examples" / "case_studies"
_ISSUE = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+")
_PINNED = re.compile(r"[\w.-]+==[\w.]+( [\w.-]+==[\w.]+)*")


def test_there_are_enough() -> None:
    assert len({study.name for study in STUDIES}) == len(STUDIES) >= 15
    assert len({study.package for study in STUDIES}) >= 10
    assert len({study.url for study in STUDIES}) == len(STUDIES)
    assert len(UNREPORTED) >= 3


def test_every_file_is_a_study() -> None:
    helpers = {"__main__", "explored", "studies", "together"}
    assert {path.stem for path in FOLDER.glob("*.py")} - helpers == {study.name for study in STUDIES}
    assert {path.stem for path in (FOLDER / "unreported").glob("*.py")} == {bug.name for bug in UNREPORTED}


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_study_is_well_formed(study: Study) -> None:
    text = (FOLDER / f"{study.name}.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 40
    assert text.startswith('"""')
    assert re.search(r"^(async )?def scenario\(\) -> None:$", text, re.MULTILINE)
    assert "interleave" not in text
    assert _ISSUE.fullmatch(study.url)
    assert all(_PINNED.fullmatch(release) for release in (study.affected, study.repaired))
    assert study.affected.split("==")[0] == study.repaired.split("==")[0]


@pytest.mark.parametrize("bug", UNREPORTED, ids=lambda bug: bug.name)
def test_unreported_bug_is_written_up(bug: Unreported) -> None:
    text = (FOLDER / "unreported" / f"{bug.name}.py").read_text(encoding="utf-8")
    assert all(f"\n{part}" in text for part in ("What breaks.", "The interleaving.", "The consequence.", "Searched in "))
    forced = text.partition('"""Hold ')[2] or text.partition("async def forced()")[2]
    assert "asyncio.run(" in forced or ("wait()" in forced and "sleep" not in forced)
    assert _PINNED.fullmatch(bug.release)


def test_the_readme_has_them_all() -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Packages as they are")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in section.splitlines() if line.startswith("| [")]
    version = lambda release: release.split()[0].partition("==")[2]  # noqa: E731
    assert [(row[0], *row[1:4], row[-1].partition(":")[0]) for row in rows if len(row) == 9] == [
        (f"[{study.package}]({study.url})", study.wrong, version(study.affected), study.kind, version(study.repaired)) for study in STUDIES
    ]
    assert [row[0:4] for row in rows if len(row) == 8] == [
        [f"[{bug.package}](examples/case_studies/unreported/{bug.name}.py)", bug.wrong, version(bug.release), bug.kind]
        for bug in UNREPORTED
    ]


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    named = os.environ.get("INTERLEAVE_CASE_STUDIES")
    return Path(named) if named else tmp_path_factory.mktemp("case_studies")


def _install(root: Path, *wanted: str) -> None:
    if importlib.util.find_spec("pip") is None:
        pytest.skip("pip is not there to install the releases")
    for release in wanted:
        try:
            installed(root, release)
        except subprocess.CalledProcessError:
            pytest.skip(f"pip did not install {release} for Python {sys.version_info[0]}.{sys.version_info[1]}")


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_found_where_it_is(study: Study, releases: Path) -> None:
    _install(releases, study.affected, study.repaired)
    assert check(study, releases)[1] == []


@pytest.mark.slow
@pytest.mark.parametrize("bug", UNREPORTED, ids=lambda bug: bug.name)
def test_unreported_bug_is_there(bug: Unreported, releases: Path) -> None:
    _install(releases, bug.release)
    assert check_unreported(bug, releases)[1] == []
