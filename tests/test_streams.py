"""Streams over the network that an execution has inside: order, ends, and the races between deliveries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import interleave
from interleave.result import Result

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


def explore(scenario: Callable[[], Any], strategy: str = "random", executions: int = 100, **options: Any) -> Result:
    return interleave.explore(scenario, strategy=strategy, budget=interleave.Budget(executions=executions), **options)


async def echo(reader: Reader, writer: Writer) -> None:
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


async def say(port: int, *lines: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("localhost", port)
    for line in lines:
        writer.write(line)
    writer.write_eof()
    heard = await reader.read()
    writer.close()
    await writer.wait_closed()
    return heard


@pytest.mark.parametrize("order", ["any", "fifo"])
@pytest.mark.parametrize("strategy", ["random", "pct", "pos", "surw"])
def test_echo(strategy: str, order: str) -> None:
    async def scenario() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 8000)
        async with server:
            heard = await asyncio.gather(say(8000, b"a\n", b"b\n"), say(8000, b"c\n"))
        await server.wait_closed()
        assert heard == [b"a\nb\n", b"c\n"]

    assert explore(scenario, strategy, task_order=order).verdict == "passed"


def test_echo_is_proven() -> None:
    async def scenario() -> None:
        async with await asyncio.start_server(echo, "localhost", 8000):
            assert await say(8000, b"a\n") == b"a\n"

    result = explore(scenario, "dpor", 3_000)
    assert result.verdict == "proven"


def test_which_of_two_clients_is_first_is_open() -> None:
    firsts = set()

    async def scenario() -> None:
        seen: asyncio.Queue[bytes] = asyncio.Queue()

        async def note(reader: Reader, writer: Writer) -> None:
            seen.put_nowait(await reader.readexactly(1))

        async def write(data: bytes) -> None:
            _, writer = await asyncio.open_connection("localhost", 8000)
            writer.write(data)

        await asyncio.start_server(note, port=8000)
        await asyncio.gather(write(b"a"), write(b"b"))
        firsts.add((await seen.get(), await seen.get()))

    assert explore(scenario).verdict == "passed"
    assert firsts == {(b"a", b"b"), (b"b", b"a")}


def test_a_connection_keeps_the_order() -> None:
    async def scenario() -> None:
        chunks = []

        async def note(reader: Reader, writer: Writer) -> None:
            while chunk := await reader.read(100):
                chunks.append(chunk)
            writer.close()

        async with await asyncio.start_server(note, port=8000):
            assert await say(8000, b"1", b"2", b"3") == b""
        assert b"".join(chunks) == b"123"
        sizes.add(len(chunks))

    sizes: set[int] = set()
    assert explore(scenario).verdict == "passed"
    assert sizes == {1, 2, 3}, "what arrives before it is read is read at once"


def test_unix_server() -> None:
    async def scenario() -> None:
        async with await asyncio.start_unix_server(echo, "/simulated/socket"):
            reader, writer = await asyncio.open_unix_connection("/simulated/socket")
            writer.write(b"hello\n")
            writer.write_eof()
            assert await reader.read() == b"hello\n"
            writer.close()
            await writer.wait_closed()

    assert explore(scenario).verdict == "passed"


def test_drain_waits_for_a_slow_reader() -> None:
    async def scenario() -> None:
        written = 0

        async def read(reader: Reader, writer: Writer) -> None:
            await asyncio.sleep(1)
            assert written < 10, "the writer did not wait"
            assert len(await reader.read(-1)) == 1_000_000
            writer.close()

        async with await asyncio.start_server(read, port=8000):
            reader, writer = await asyncio.open_connection("localhost", 8000)
            for _ in range(10):
                writer.write(bytes(100_000))
                await writer.drain()
                written += 1
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()

    assert explore(scenario).verdict == "passed"


@pytest.mark.parametrize(("host", "error"), [("localhost", ConnectionRefusedError), ("example.com", interleave.NotControlled)])
def test_nobody_listens(host: str, error: type[Exception]) -> None:
    async def scenario() -> None:
        with pytest.raises(error):
            await asyncio.open_connection(host, 1)

    assert explore(scenario, executions=3).verdict == "passed"


def test_address_in_use() -> None:
    async def scenario() -> None:
        server = await asyncio.start_server(echo, port=8000)
        with pytest.raises(OSError, match="in use"):
            await asyncio.start_server(echo, port=8000)
        server.close()
        await server.wait_closed()
        (await asyncio.start_server(echo, port=8000)).close()

    assert explore(scenario, executions=3).verdict == "passed"


def test_server_without_a_port_gets_one() -> None:
    async def scenario() -> None:
        async with await asyncio.start_server(echo, "localhost", 0) as server:
            assert await say(server.sockets[0].getsockname()[1], b"x\n") == b"x\n"

    assert explore(scenario, executions=3).verdict == "passed"


def test_who_waits_for_data_that_nobody_sends_is_named() -> None:
    async def scenario() -> None:
        async def wait(reader: Reader, writer: Writer) -> None:
            await reader.readline()

        async with await asyncio.start_server(wait, port=8000):
            reader, _ = await asyncio.open_connection("localhost", 8000)
            await reader.readline()

    failure = explore(scenario, executions=3).failure
    assert failure is not None
    assert failure.kind == "stuck"
    assert "StreamReader" in failure.message


def test_exception_in_a_protocol_fails_the_execution() -> None:
    class Bad(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            raise ValueError("bad data")

    async def scenario() -> None:
        server = await asyncio.get_running_loop().create_server(Bad, "localhost", 8000)
        async with server:
            assert await say(8000, b"x") == b""

    failure = explore(scenario, executions=3).failure
    assert failure is not None
    assert "bad data" in failure.message


class Chat:
    """Sends what one member says to all others."""

    def __init__(self) -> None:
        self.members: list[Writer] = []
        self.left = asyncio.Semaphore(0)

    async def join(self, reader: Reader, writer: Writer) -> None:
        self.members.append(writer)
        if line := await reader.readline():
            await self.broadcast(line)
        self.members.remove(writer)
        self.left.release()

    async def broadcast(self, line: bytes) -> None:
        for index in range(len(self.members)):
            self.members[index].write(line)
            await asyncio.sleep(0)


class RepairedChat(Chat):
    """Goes through a copy of the members."""

    async def broadcast(self, line: bytes) -> None:
        for member in list(self.members):
            member.write(line)
            await asyncio.sleep(0)


def chat(cls: type[Chat]) -> Callable[[], Any]:
    async def scenario() -> None:
        room = cls()
        await asyncio.start_server(room.join, port=8000)
        _, writer = await asyncio.open_connection("localhost", 8000)
        _, other = await asyncio.open_connection("localhost", 8000)
        writer.write(b"hi\n")
        other.close()
        await room.left.acquire()
        await room.left.acquire()

    return scenario


def test_race_in_a_chat_server_is_found() -> None:
    failure = explore(chat(Chat), "random", 2_000).failure
    assert failure is not None
    assert "IndexError" in failure.message


@pytest.mark.slow
def test_repaired_chat_server_is_proven() -> None:
    result = explore(chat(RepairedChat), "dpor", 60_000)
    assert result.verdict == "proven"


def test_loops_of_two_threads_talk() -> None:
    import threading

    def scenario() -> None:
        up = threading.Event()

        def serve() -> None:
            async def main() -> None:
                done = asyncio.Event()

                async def once(reader: Reader, writer: Writer) -> None:
                    await echo(reader, writer)
                    done.set()

                async with await asyncio.start_server(once, port=8000):
                    up.set()
                    await done.wait()

            asyncio.run(main())

        thread = threading.Thread(target=serve)
        thread.start()
        up.wait()
        assert asyncio.run(say(8000, b"a\n")) == b"a\n"
        thread.join()

    assert explore(scenario).verdict == "passed"
