"""What a lock, an event, a queue or a future looks like when it is printed tells of its state: it is a look at it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.agreement import Seen, agreed


async def _held(lock: Any) -> None:
    async with lock:
        await asyncio.sleep(0)


async def _give(future: Any) -> None:
    await asyncio.sleep(0)
    future.set_result(None)


async def _call(method: Callable[..., object], *arguments: object) -> None:
    await asyncio.sleep(0)
    method(*arguments)


def _future() -> Any:
    return asyncio.get_running_loop().create_future()


CHANGES: list[tuple[Callable[[], Any], Callable[[Any], Any], str]] = [
    (asyncio.Lock, _held, "[locked"),
    (lambda: asyncio.Semaphore(1), _held, "[locked"),
    (asyncio.Event, lambda event: _call(event.set), "[set"),
    (asyncio.Queue, lambda queue: _call(queue.put_nowait, 1), "[1]"),
    (_future, _give, "finished"),
    (asyncio.Future, _give, "finished"),
]


@pytest.mark.parametrize(("make", "change", "word"), CHANGES)
@pytest.mark.parametrize("show", [repr, str, "{}".format])
def test_looks(make: Callable[[], Any], change: Callable[[Any], Any], word: str, show: Callable[[Any], str]) -> None:
    async def program(seen: Seen) -> None:
        shared = make()

        async def look() -> None:
            await asyncio.sleep(0)
            seen.add(word in show(shared))

        await asyncio.gather(change(shared), look())

    assert agreed(program) == {True, False}
