"""A store by `object.__setattr__`, `super().__setattr__` or their like was unseen where the class has a default for the attribute.

Reads of such an attribute are announced only if it is known to be stored. Outcomes were missing from proofs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import starmap
from typing import Any

import pytest

from interleave import explore
from tests.threads import together

_NAME = "value_of_default"


class _Plain:
    value_of_default = 0


class _Checked:
    value_of_default = 0

    def __setattr__(self, name: str, value: int) -> None:
        super().__setattr__(name, value)


@dataclass(frozen=True)
class _Frozen:
    value_of_default: int = 0


class _Stored:
    value_of_default = 0

    def __init__(self) -> None:
        self.__dict__[_NAME] = 5


@pytest.mark.parametrize(("cls", "store"), [
    (_Plain, lambda obj: object.__setattr__(obj, _NAME, 5)),
    (_Plain, lambda obj: obj.__setattr__(_NAME, 5)),
    (_Plain, lambda obj: type(obj).__setattr__(obj, _NAME, 5)),
    (_Frozen, lambda obj: object.__setattr__(obj, _NAME, 5)),
    (_Plain, lambda obj: obj.__dict__.update({_NAME: 5})),
    (_Frozen, lambda obj: vars(obj).update({_NAME: 5})),
    (_Plain, lambda obj: setattr(obj, "__dict__", {_NAME: 5})),
    (_Checked, lambda obj: setattr(obj, _NAME, 5)),
    (_Stored, lambda obj: object.__delattr__(obj, _NAME)),
])  # fmt: skip
def test_it_is_seen_by_others(cls: Any, store: Callable[[Any], None]) -> None:
    seen = set()

    def scenario() -> None:
        obj = cls()
        found: list[int] = []
        together(lambda: store(obj), lambda: found.append(obj.value_of_default))
        seen.add(found[0])

    assert explore(scenario, strategy="dpor").verdict == "proven"
    assert seen == {0, 5}


@pytest.mark.parametrize("store", [
    lambda obj: list(map(partial(setattr, obj, _NAME), [5])),
    lambda obj: list(starmap(setattr, [(obj, _NAME, 5)])),
    lambda obj: list(map(obj.__setattr__, [_NAME], [5])),
])  # fmt: skip
def test_nothing_is_proven_where_an_iterator_stores(store: Callable[[Any], None]) -> None:
    def scenario() -> None:
        obj = _Plain()
        together(lambda: store(obj), lambda: obj.value_of_default)

    result = explore(scenario, strategy="dpor")
    assert result.verdict == "inconclusive"
    assert "stores attributes that nobody announces" in str(result)
