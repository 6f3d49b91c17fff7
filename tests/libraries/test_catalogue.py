"""What is in the catalogue is found in the releases that have it, and not in those that have it no more.

The releases are looked for in the folder that INTERLEAVE_LIBRARIES names; see `catalogue` for how to fill it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.libraries.catalogue import BUGS, RELEASES, Bug, explored, folder_of

ROOT = Path(os.environ.get("INTERLEAVE_LIBRARIES", "/nowhere"))


@pytest.mark.parametrize(("bug", "release"), RELEASES, ids=[f"{bug.scenario.__name__}-{release.split()[0]}" for bug, release in RELEASES])
def test_found_where_it_is(bug: Bug, release: str) -> None:
    if sys.version_info[:2] > bug.newest:
        pytest.skip(f"{release} does not run on this Python")
    if not folder_of(ROOT, release).exists():
        pytest.skip(f"{release} is not installed; INTERLEAVE_LIBRARIES is to name a folder filled by tests.libraries.catalogue")
    data = explored(ROOT, bug, release)
    kinds = [failure["kind"] for failure in data["failures"]]
    assert kinds == ([bug.kind] if release == bug.affected else []), data
    assert data["uncontrolled"] == []


def test_scenarios_say_what_goes_wrong() -> None:
    assert all(bug.scenario.__doc__ for bug in BUGS)
    assert len({bug.scenario for bug in BUGS}) == len(BUGS)
