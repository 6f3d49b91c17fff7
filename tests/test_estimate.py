"""How much of a search is left: exact where the tree is known, near enough while it grows."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from interleave.estimate import Estimate, estimate
from interleave.explore import explore
from interleave.result import Budget
from interleave.strategies._tree_size import share_of


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ([], 1.0),
        ([(0, 0), (0, 0)], 1.0),
        ([(0, 1)], 0.5),
        ([(1, 0)], 1.0),
        ([(1, 2), (0, 1)], 1 / 4 + 1 / 8),
        ([(0, 1), (0, 1), (0, 1)], 1 / 8),
    ],
)
def test_share_of_a_tree_is_that_of_equal_branches(path: list[tuple[int, int]], expected: float) -> None:
    assert share_of(path) == pytest.approx(expected)


def test_share_is_exact_for_trees_whose_nodes_have_equal_branches() -> None:
    """Walk a tree of three levels with three branches each, and compare after each leaf."""
    leaves = [(one, two, three) for one in range(3) for two in range(3) for three in range(3)]
    for number, leaf in enumerate(leaves, 1):
        assert share_of([(branch, 2 - branch) for branch in leaf]) == pytest.approx(number / 27)


def writers(threads: int, writes: int) -> Callable[[], None]:
    def scenario() -> None:
        shared = {"last": 0}

        def write(name: int) -> None:
            for _ in range(writes):
                shared["last"] = name

        running = [threading.Thread(target=write, args=(number,)) for number in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()

    return scenario


@pytest.mark.parametrize("name", ["dpor", "auto"])
@pytest.mark.parametrize(("threads", "writes"), [(2, 4), (3, 2)])
def test_search_knows_about_how_much_is_left(name: str, threads: int, writes: int) -> None:
    whole = explore(writers(threads, writes), strategy="dpor").executions
    assert whole > 60
    stopped = explore(writers(threads, writes), strategy=name, budget=Budget(executions=whole // 2), races="off").statistics
    assert 0 < stopped.searched <= whole // 2
    assert whole / 8 < stopped.searched + stopped.left < whole * 8


def test_search_that_is_done_has_nothing_left() -> None:
    result = explore(writers(2, 2), strategy="dpor")
    assert result.verdict == "proven"
    assert result.statistics.left == -1


def test_depth_first_search_gives_a_lower_bound() -> None:
    whole = explore(writers(2, 3), strategy="dfs").executions
    stopped = explore(writers(2, 3), strategy="dfs", budget=Budget(executions=whole // 2)).statistics
    assert 0 < stopped.left <= whole - whole // 2


def test_samplers_have_no_estimate() -> None:
    assert explore(writers(2, 2), strategy="random", budget=Budget(executions=5)).statistics.left == -1
    assert estimate(object(), 5) is None
    assert Estimate(5, 15).share == 0.25
