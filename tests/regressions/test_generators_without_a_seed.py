"""`random.Random()` and `random.seed()` took their seed from the system, so that executions differed."""

from __future__ import annotations

import os
import random
import secrets
import uuid

from interleave.explore import explore
from interleave.result import Budget


def test_the_same_numbers_in_every_execution() -> None:
    seen: list[object] = []

    def scenario() -> None:
        seen.append((random.random(), random.Random().random(), uuid.uuid4(), secrets.token_hex(4), os.urandom(3)))
        random.seed()
        seen[-1] = (seen[-1], random.random())

    state = random.getstate()
    explore(scenario, strategy="random", budget=Budget(executions=3))
    assert len(seen) > 2
    assert len(set(seen)) == 1
    assert random.getstate() == state
    assert random.Random().random() != random.Random().random()
