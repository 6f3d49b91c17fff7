"""Items of a memoryview were no places, so that programs which lose updates to shared buffers were called proven."""

from __future__ import annotations

import threading
from collections.abc import Callable

from interleave import Result, explore


def _explored(*bodies: Callable[[], object], strategy: str = "dpor", check: Callable[[], None] = lambda: None) -> Result:
    def scenario() -> None:
        threads = [threading.Thread(target=body) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check()

    return explore(scenario, strategy=strategy)


def test_an_object_and_its_views_are_one_place() -> None:
    memory = bytearray(2)

    def scenario() -> None:
        memory[0] = 0
        view = memoryview(memory)

        def directly() -> None:
            memory[0] += 1

        def through_a_slice() -> None:
            part = view[:1]
            part[0] = part[0] + 1

        threads = [threading.Thread(target=body) for body in (directly, through_a_slice)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert memory[0] == 2

    for strategy in ("dpor", "dfs", "random"):
        assert explore(scenario, strategy=strategy).failures[0].kind == "assertion"


def test_reading_through_views_conflicts_with_nothing() -> None:
    view = memoryview(bytearray(2))
    result = _explored(lambda: view[0], lambda: (sum(view), view.tobytes(), len(view), bytes(view)))
    assert (result.verdict, result.executions) == ("proven", 1)


def test_writing_a_slice_conflicts_with_reading() -> None:
    view, seen = memoryview(bytearray(2)), set()

    def write() -> None:
        view[0:2] = b"ab"

    def read() -> None:
        seen.add(view.tobytes())

    def clear() -> None:
        view[0:2] = bytes(2)

    result = _explored(write, read, check=clear)
    assert result.verdict == "proven"
    assert seen == {bytes(2), b"ab"}


def test_a_view_is_not_kept_alive() -> None:
    def body() -> None:
        memory = bytearray(2)
        view = memoryview(memory)
        view[0] = 1
        del view
        # A BufferError while there is a view.
        memory.append(1)

    assert _explored(body, body).verdict == "proven"
