"""`sum((node.items for node in nodes), [])` reads every list that the generator yields, which was not seen: a program was called proven."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from interleave import explore
from tests.threads import together


class _Node:
    def __init__(self) -> None:
        self.items = [1]

    def clear(self) -> None:
        self.items[:] = []


@pytest.mark.parametrize(
    "is_filled",
    [
        lambda nodes: bool(sum((node.items for node in nodes), [])),  # noqa: RUF017
        lambda nodes: any(node.items for node in nodes),
        lambda nodes: bool(list(filter(None, (node.items for node in nodes)))),
        lambda nodes: sum(map(len, (node.items for node in nodes))) > 0,
    ],
)
@pytest.mark.parametrize("strategy", ["dpor", "dfs"])
def test_two_find_what_one_removes(strategy: str, is_filled: Callable[[Any], bool]) -> None:
    def scenario() -> None:
        node, found = _Node(), [0]

        def take() -> None:
            if is_filled([node]):
                node.clear()
                found[0] += 1

        together(take, take)
        assert found == [1]

    assert explore(scenario, strategy=strategy).failures
