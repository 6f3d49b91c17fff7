"""Small programs of a server and its clients whose results do not depend on the order of deliveries, generated from a seed."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
#: What one client asks for, one after the other: what, and how much.
Requests = list[tuple[str, int]]

#: The last three end the connection.
KINDS = ("line", "exact", "until", "many", "large", "rest", "too little", "goodbye")


def generate(seed: int) -> list[Requests]:
    """Return the requests of up to three clients."""
    source = random.Random(seed)
    return [[(source.choice(KINDS), source.randrange(1, 4)) for _ in range(source.randint(1, 3))] for _ in range(source.randint(1, 3))]


async def _answer(kind: str, number: int, reader: Reader, writer: Writer) -> bool:
    """Answer a request; return whether the connection goes on."""
    if kind == "line":
        writer.write((await reader.readline()).upper())
    elif kind == "exact":
        writer.write(await reader.readexactly(number) * 2)
    elif kind == "until":
        writer.write((await reader.readuntil(b"|"))[:-1] + b"\n")
    elif kind == "many":
        for one in range(number):
            writer.write(b"%d;" % one)
            await writer.drain()
    elif kind == "large":
        writer.write(b"x" * number * 100_000)
        await writer.drain()
    elif kind == "rest":
        writer.write(b"%d" % len(await reader.read()))
    elif kind == "too little":
        try:
            await reader.readexactly(100)
        except asyncio.IncompleteReadError as error:
            writer.write(b"%d" % len(error.partial))
    else:
        writer.write(b"goodbye")
        writer.write_eof()
    return kind in KINDS[:5]


async def _close(writer: Writer) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def _serve(reader: Reader, writer: Writer) -> None:
    try:
        while head := await reader.readline():
            kind, _, number = head.decode().rpartition(" ")
            if not await _answer(kind, int(number), reader, writer):
                break
    finally:
        await _close(writer)


async def _ask(kind: str, number: int, reader: Reader, writer: Writer) -> Any:
    writer.write(f"{kind} {number}\n".encode())
    if kind == "line":
        writer.write(b"ab" * number + b"\n")
        return await reader.readline()
    if kind == "exact":
        writer.write(b"z" * number)
        return await reader.readexactly(2 * number)
    if kind == "until":
        writer.write(b"q" * number)
        await writer.drain()
        writer.write(b"|")
        return await reader.readuntil(b"\n")
    if kind == "many":
        return [await reader.readuntil(b";") for _ in range(number)]
    if kind == "large":
        return len(await reader.readexactly(number * 100_000))
    if kind != "goodbye":
        writer.write(b"1" * number)
        writer.write_eof()
    return await reader.read(), reader.at_eof()


async def _client(port: int, requests: Requests) -> list[Any]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    for kind, number in requests:
        answers.append(await _ask(kind, number, reader, writer))
        if kind not in KINDS[:5]:
            break
    await _close(writer)
    return answers


async def answers_of(program: list[Requests]) -> list[list[Any]]:
    """Run a program, and return what the clients were answered."""
    handlers: list[asyncio.Task[Any]] = []

    async def serve(reader: Reader, writer: Writer) -> None:
        handlers.append(asyncio.current_task())  # type: ignore[arg-type]
        await _serve(reader, writer)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        answers = await asyncio.gather(*(_client(port, requests) for requests in program))
        # Every client was answered, so all have begun.
        await asyncio.wait(handlers)
    return answers
