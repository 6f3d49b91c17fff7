"""Packages written against asyncio run unmodified: each of them where it is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import interleave


def check(scenario: Callable[[], Any], *strategies: str) -> None:
    for strategy in strategies or ("random", "dpor"):
        result = interleave.explore(scenario, strategy=strategy, budget=interleave.Budget(executions=40))
        assert result.failure is None, result.failure.report()


class TestAnyio:
    """Its backend for asyncio."""

    def test_task_group_and_lock(self) -> None:
        anyio = pytest.importorskip("anyio")

        async def scenario() -> None:
            lock, count = anyio.Lock(), 0

            async def work() -> None:
                nonlocal count
                async with lock:
                    value = count
                    await anyio.sleep(0)
                    count = value + 1

            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(work)
            assert count == 3

        check(scenario)

    def test_events_and_cancellation(self) -> None:
        anyio = pytest.importorskip("anyio")

        async def scenario() -> None:
            event, woken = anyio.Event(), []

            async def wait() -> None:
                await event.wait()
                woken.append(1)

            async with anyio.create_task_group() as group:
                group.start_soon(wait)
                group.start_soon(wait)
                await anyio.sleep(1)
                event.set()
            with anyio.move_on_after(1) as scope:
                await anyio.sleep_forever()
            assert (len(woken), scope.cancelled_caught) == (2, True)

        check(scenario)

    def test_memory_stream(self) -> None:
        anyio = pytest.importorskip("anyio")

        async def scenario() -> None:
            sender, receiver = anyio.create_memory_object_stream(2)

            async def send() -> None:
                async with sender:
                    for number in range(4):
                        await sender.send(number)

            async with anyio.create_task_group() as group, receiver:
                group.start_soon(send)
                assert [one async for one in receiver] == [0, 1, 2, 3]

        check(scenario)

    def test_worker_threads(self) -> None:
        anyio = pytest.importorskip("anyio")
        from_thread, to_thread = pytest.importorskip("anyio.from_thread"), pytest.importorskip("anyio.to_thread")

        async def scenario() -> None:
            assert await to_thread.run_sync(lambda: from_thread.run(anyio.sleep, 1)) is None

        check(scenario)


def test_async_lru_calls_once() -> None:
    async_lru = pytest.importorskip("async_lru")

    async def scenario() -> None:
        calls = []

        @async_lru.alru_cache(maxsize=2)
        async def get(key: int) -> int:
            calls.append(key)
            await asyncio.sleep(1)
            return key

        assert await asyncio.gather(get(1), get(1), get(2)) == [1, 1, 2]
        assert sorted(calls) == [1, 2]

    check(scenario)


def test_aiolimiter_takes_virtual_time() -> None:
    aiolimiter = pytest.importorskip("aiolimiter")

    async def scenario() -> None:
        limiter = aiolimiter.AsyncLimiter(2, 10)
        loop = asyncio.get_running_loop()
        start = loop.time()

        async def work() -> None:
            async with limiter:
                pass

        await asyncio.gather(*(work() for _ in range(4)))
        assert loop.time() - start >= 5

    check(scenario)


def test_janus_between_thread_and_task() -> None:
    janus = pytest.importorskip("janus")

    async def scenario() -> None:
        queue = janus.Queue()

        def produce() -> None:
            for number in range(3):
                queue.sync_q.put(number)

        done = asyncio.get_running_loop().run_in_executor(None, produce)
        assert [await queue.async_q.get() for _ in range(3)] == [0, 1, 2]
        await done
        await queue.aclose()

    check(scenario)


def test_tenacity_waits_in_virtual_time() -> None:
    tenacity = pytest.importorskip("tenacity")

    async def scenario() -> None:
        tries = 0

        @tenacity.retry(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_fixed(60))
        async def work() -> int:
            nonlocal tries
            tries += 1
            if tries < 3:
                raise ValueError("not yet")
            return tries

        assert await work() == 3

    check(scenario)


def test_redis_pool_gives_one_connection_at_a_time() -> None:
    redis = pytest.importorskip("redis.asyncio")

    class Connection:
        def __init__(self, **_: Any) -> None:
            self.is_connected = False

        async def connect(self) -> None:
            await asyncio.sleep(0)
            self.is_connected = True

        async def disconnect(self, *_: Any, **__: Any) -> None:
            self.is_connected = False

        async def can_read_destructive(self) -> bool:
            return False

        async def can_read(self, *_: Any, **__: Any) -> bool:
            return False

        def should_reconnect(self) -> bool:
            return False

        def reset_should_reconnect(self) -> None: ...

        async def re_auth(self) -> None: ...

    async def scenario() -> None:
        pool = redis.BlockingConnectionPool(connection_class=Connection, max_connections=1, timeout=None)
        users = 0

        async def use() -> None:
            nonlocal users
            connection = await pool.get_connection()
            users += 1
            assert users == 1
            await asyncio.sleep(0)
            users -= 1
            await pool.release(connection)

        await asyncio.gather(use(), use(), use())

    check(scenario)


def test_aiohttp_over_the_simulated_network() -> None:
    aiohttp = pytest.importorskip("aiohttp")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        await writer.drain()
        writer.close()

    async def scenario() -> None:
        async with await asyncio.start_unix_server(answer, "/simulated/http"):
            async with aiohttp.ClientSession(connector=aiohttp.UnixConnector("/simulated/http", limit=1)) as session:

                async def get() -> str:
                    async with session.get("http://localhost/") as response:
                        return str(await response.text())

                assert await asyncio.gather(get(), get()) == ["hello", "hello"]

    check(scenario, "random")
