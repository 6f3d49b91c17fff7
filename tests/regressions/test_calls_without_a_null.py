"""Up to 3.12 the ends of `with` blocks and decorators call what lies where other calls have a NULL: what they called, if written in C, was
not announced, and programs were called proven which break there."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from interleave.explore import explore
from interleave.result import Budget


def _with_block(view: memoryview, handlers: list[object]) -> None:
    with view:
        pass


def _raising(view: memoryview, handlers: list[object]) -> None:
    try:
        with view:
            raise KeyError
    except KeyError:
        pass


def _decorator(view: memoryview, handlers: list[object]) -> None:
    @handlers.append
    def handler(event: int = 1) -> None: ...


def _decorators(view: memoryview, handlers: list[object]) -> None:
    @handlers.append
    @(lambda cls: cls)
    class Handler: ...


@pytest.mark.parametrize("change", [_with_block, _raising, _decorator, _decorators])
def test_what_is_called_is_announced(change: Callable[[memoryview, list[object]], None]) -> None:
    def scenario() -> None:
        # What shows the memory of an object is another way to it.
        view, handlers, seen = memoryview(b"a"), [], []  # type: ignore[var-annotated]
        thread = threading.Thread(target=change, args=(view, handlers))
        thread.start()
        try:
            seen.append(view.nbytes - 1 + len(handlers))
            seen.append(view.nbytes - 1 + len(handlers))
        except ValueError:
            seen += [1] * (2 - len(seen))
        thread.join()
        assert seen != [0, 1]

    result = explore(scenario, budget=Budget(executions=300))
    assert [failure.kind for failure in result.failures] == ["assertion"]


def test_calls_of_what_was_just_made_are_as_ever() -> None:
    def scenario() -> None:
        seen = [(lambda: 1)(), (lambda: lambda: 2)()(), (lambda one=3: one)(), [one + 1 for one in (3,)].pop()]
        thread = threading.Thread(target=lambda: seen.append((lambda: 5)()))
        thread.start()
        seen.append((lambda first, second: 6)(None, None))
        thread.join()
        assert sorted(seen) == [1, 2, 3, 4, 5, 6]

    assert explore(scenario, budget=Budget(executions=50)).verdict == "proven"
