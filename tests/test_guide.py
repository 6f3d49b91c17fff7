"""The guide in examples/guide: its programs are the files beside it, its commands print what it says, and it misses nobody."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import interleave
from tests.documents import ROOT, check_commands, commands_of, programs_of

GUIDE = ROOT / "examples" / "guide"
PAGES = sorted(GUIDE.glob("*.md"))
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.thorough
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_print_what_the_guide_says(page: Path, tmp_path: Path) -> None:
    folder = tmp_path / "guide"
    shutil.copytree(GUIDE, folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    commands = commands_of(page.read_text(encoding="utf-8"))
    assert commands
    check_commands(commands, folder)


def test_programs_are_the_files_beside_the_pages() -> None:
    shown = {name: text for page in PAGES for name, text in programs_of(page.read_text(encoding="utf-8")).items()}
    assert shown == {path.name: path.read_text(encoding="utf-8") for path in GUIDE.glob("*.py")}


def test_there_are_six_short_pages_each_with_a_link_to_the_next() -> None:
    assert [page.stem[0] for page in PAGES] == list("123456")
    for page, following in zip(PAGES, [*PAGES[1:], None], strict=True):
        text = page.read_text(encoding="utf-8")
        assert len(text.splitlines()) < 130
        assert following is None or f"]({following.name})" in text
        assert f"(examples/guide/{page.name})" in README


def test_every_link_leads_somewhere() -> None:
    for page in [*PAGES, ROOT / "README.md"]:
        for target in re.findall(r"\]\(([^)#]+?)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name}: {target}"


PUBLIC = [name for name in interleave.__all__ if not name.startswith("__")]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_have_a_docstring_that_names_their_errors(name: str) -> None:
    thing = getattr(interleave, name)
    text = inspect.getdoc(thing) or ""
    assert len(text) > 30
    assert text.split("\n")[0].endswith((".", ":")), "the first line is a sentence"
    # What `dataclass` writes by itself says nothing.
    assert not text.startswith(f"{name}(")
    if inspect.isfunction(thing):
        assert re.search(r"\braises? `?(\w+(Error|Mismatch|Failed)|no errors)\b", text, re.IGNORECASE), "say what it raises"


def test_pages_about_the_public_names_are_made(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    plan = subprocess.run(["make", "-n", "api", "VENV=.none"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    command = shlex.split(plan[plan.index(".none/bin/python -c") :].replace("build/api", str(tmp_path)))
    subprocess.run([sys.executable, *command[1:]], cwd=ROOT, check=True, capture_output=True, timeout=120)
    page = (tmp_path / "interleave.html").read_text(encoding="utf-8")
    assert [name for name in PUBLIC if f'id="{name}"' not in page] == []
