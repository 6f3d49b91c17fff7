"""`dataclasses.replace` of what is frozen, the usual way to exchange a configuration, stood in the way of a proof."""

from __future__ import annotations

import dataclasses
import threading

from interleave import Budget, explore
from tests.threads import together


@dataclasses.dataclass(frozen=True)
class _Frozen:
    one: int = 0
    two: int = 0


def _exchange() -> None:
    lock = threading.Lock()
    current = [_Frozen()]

    def update() -> None:
        with lock:
            current[0] = dataclasses.replace(current[0], one=current[0].one + 1, two=current[0].two + 1)

    def look() -> None:
        found = current[0]
        assert found.one == found.two

    together(update, update, look)
    assert current[0] == _Frozen(2, 2)


def test_what_is_frozen_is_read_as_it_is() -> None:
    result = explore(_exchange, strategy="random", budget=Budget(executions=100))
    assert (result.verdict, result.uncontrolled) == ("passed", ())
    assert explore(_exchange).verdict == "proven"
