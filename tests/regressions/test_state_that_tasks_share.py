"""What tasks of one thread share although threads do not, and what has a state though it is written in C, was not seen to be shared."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading

from tests.agreement import Seen, agreed

_variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)


async def thread_local(seen: Seen) -> None:
    local, read = threading.local(), []

    async def use(number: int) -> None:
        local.number = number
        await asyncio.sleep(0)
        read.append((number, local.number))

    await asyncio.gather(use(1), use(2))
    seen.add(tuple(sorted(read)))


async def one_context(seen: Seen) -> None:
    context = contextvars.copy_context()

    async def count() -> None:
        value = _variable.get()
        await asyncio.sleep(0)
        _variable.set(value + 1)

    await asyncio.gather(*(asyncio.create_task(count(), context=context) for _ in range(2)))
    seen.add(context[_variable])


async def cache(seen: Seen) -> None:
    @functools.lru_cache
    def make() -> object:
        return object()

    same = []

    async def use() -> None:
        made = make()
        await asyncio.sleep(0)
        same.append(made is make())

    async def clear() -> None:
        await asyncio.sleep(0)
        make.cache_clear()

    await asyncio.gather(use(), clear())
    seen.add(tuple(same))


def test_thread_local_data() -> None:
    assert {((1, 2), (2, 2)), ((1, 1), (2, 1)), ((1, 1), (2, 2))} <= agreed(thread_local)


def test_context_of_two_tasks() -> None:
    assert agreed(one_context) == {1, 2}


def test_cache_that_is_cleared() -> None:
    assert agreed(cache) == {(True,), (False,)}
