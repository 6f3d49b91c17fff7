"""A command is cancelled between its sending and the reading of the reply: the next command reads that reply."""

import asyncio

import redis.asyncio as redis


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.readline():
        await reader.readuntil(b"GET\r\n")
        await reader.readline()
        writer.write(b"$1\r\n" + await reader.readline())
    writer.close()


async def scenario() -> None:
    server = await asyncio.start_server(serve, "localhost", 6379)
    client = redis.Redis(host="localhost", single_connection_client=True)
    await client.initialize()
    command = asyncio.create_task(client.get("a"))
    await asyncio.sleep(0)
    command.cancel()
    await asyncio.gather(command, return_exceptions=True)
    assert await client.get("b") == b"b"
    await client.close()
    server.close()
    await asyncio.sleep(1)
