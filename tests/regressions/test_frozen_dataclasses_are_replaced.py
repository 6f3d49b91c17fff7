"""`dataclasses.replace` of what is frozen, the usual way to exchange a configuration, stood in the way of a proof."""

from __future__ import annotations

import dataclasses
import threading

from interleave import Budget, explore
from tests.threads import together


@dataclasses.dataclass(frozen=True)
class _Frozen:
    one: int
    two: int


class _Holder:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.current = _Frozen(0, 0)

    def update(self) -> None:
        with self.lock:
            current = self.current
            self.current = dataclasses.replace(current, one=current.one + 1, two=current.two + 1)

    def look(self) -> None:
        current = self.current
        assert current.one == current.two


def _exchange() -> None:
    holder = _Holder()
    together(holder.update, holder.update, holder.look)
    assert holder.current == _Frozen(2, 2)


def test_what_is_frozen_is_read_as_it_is() -> None:
    result = explore(_exchange, strategy="random", budget=Budget(executions=100))
    assert (result.verdict, result.uncontrolled) == ("passed", ())
    assert explore(_exchange).verdict == "proven"
