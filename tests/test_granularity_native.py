"""The granularity of the GIL against the interpreter itself: what real threads come to is among what is explored."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from interleave import explore
from tests.granularity_programs import PROGRAMS, outcomes_of, scenario_of

pytestmark = pytest.mark.slow
#: How often each program is run. A module's global is one for all turns, and cannot be told apart.
TURNS = 300
SEPARATE = [name for name in PROGRAMS if name != "global increment"]


@pytest.fixture
def _eager() -> Iterator[None]:
    """Have the interpreter switch threads wherever it looks whether it is to."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_eager")
@pytest.mark.parametrize("name", SEPARATE)
def test_what_real_threads_come_to_is_explored(name: str) -> None:
    body, _ = PROGRAMS[name]
    seen: set[Any] = set()
    result = explore(scenario_of(body, seen), strategy="dpor", granularity="gil", races="off")
    assert result.verdict == "proven"
    assert outcomes_of(body, TURNS) <= seen
