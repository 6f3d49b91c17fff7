"""In which order two threads gave an object its attributes shows in its dictionary, and was thought to make no difference.

Stores of different attributes were in conflict with each other in no way. Outcomes were missing from proofs.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from interleave import explore
from tests.threads import together


class _Plain:
    pass


def _outcomes(make: Callable[[], Any], look: Callable[[Any], object]) -> set[object]:
    seen: set[object] = set()

    def scenario() -> None:
        obj = make()
        together(lambda: setattr(obj, "a", 1), lambda: setattr(obj, "b", 1))
        seen.add(str(look(obj)))

    assert explore(scenario, strategy="dpor", races="off").verdict == "proven"
    return seen


@pytest.mark.parametrize("make", [_Plain, SimpleNamespace])
@pytest.mark.parametrize("look", [lambda obj: tuple(vars(obj)), lambda obj: list(obj.__dict__), lambda obj: next(iter(vars(obj).items()))])
def test_dictionary_shows_it(make: Callable[[], Any], look: Callable[[Any], object]) -> None:
    assert len(_outcomes(make, look)) == 2


def test_text_of_a_namespace_shows_it() -> None:
    assert _outcomes(SimpleNamespace, repr) == {"namespace(a=1, b=1)", "namespace(b=1, a=1)"}


def test_nothing_more_is_run_where_nobody_looks() -> None:
    def scenario() -> None:
        obj = _Plain()
        together(lambda: setattr(obj, "a", 1), lambda: setattr(obj, "b", 1))

    result = explore(scenario, strategy="dpor", races="off")
    assert (result.verdict, result.executions) == ("proven", 1)


def test_key_stored_by_the_dictionary() -> None:
    seen: set[object] = set()

    def scenario() -> None:
        obj: Any = _Plain()
        namespace: dict[str, int] = vars(obj)

        def by_item() -> None:
            namespace["a"] = 1

        together(by_item, lambda: setattr(obj, "b", 1))
        seen.add(tuple(namespace))

    assert explore(scenario, strategy="dpor", races="off").verdict == "proven"
    assert seen == {("a", "b"), ("b", "a")}
