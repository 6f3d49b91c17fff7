"""That two executions of one schedule have different objects for keys is no other way, also where blocks of accesses are one event.

Under the GIL the first execution was said to differ from the second, and nothing was proven of programs that use `id` or objects as keys.
"""

from __future__ import annotations

import pytest

from interleave import explore
from tests.threads import together


class Key:
    pass


@pytest.mark.parametrize("is_object", [True, False])
def test_keys_of_one_execution(is_object: bool) -> None:
    def scenario() -> None:
        keys, known = [Key(), Key()], dict[object, int]()

        def store(key: Key) -> None:
            known[key if is_object else id(key)] = 1

        together(lambda: store(keys[0]), lambda: store(keys[1]))
        assert len(known) == 2

    for granularity in ("free-threaded", "gil"):
        result = explore(scenario, granularity=granularity)  # type: ignore[arg-type]
        assert result.verdict == "proven", (granularity, result.uncontrolled)
