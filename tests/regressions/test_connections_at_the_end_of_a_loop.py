"""Deliveries that had not come when the loop ended were tried too late, and in order of registration (`fifo`) what they make ready
was taken to come in any order."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

import interleave
from tests.agreement import Seen, outcomes

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


async def buffered(seen: Seen) -> None:
    async def serve(reader: Reader, writer: Writer) -> None:
        await reader.read(3)
        writer.close()

    server = await asyncio.start_server(serve, port=1)
    _, writer = await asyncio.open_connection("localhost", 1)
    writer.write(b"abc")
    await asyncio.sleep(0)
    seen.add(writer.transport.get_write_buffer_size())  # type: ignore[attr-defined]
    writer.close()
    server.close()


@pytest.mark.parametrize("order", ["any", "fifo"])
def test_what_is_delivered_before_somebody_looks(order: str) -> None:
    seen: Seen = set()

    async def scenario() -> None:
        await buffered(seen)

    interleave.explore(scenario, strategy="dpor", task_order=order, stop_on_failure=False, races="off")
    assert seen == {0, 3}


@pytest.mark.skipif(sys.version_info < (3, 13), reason="close_clients came with 3.13")
def test_clients_that_come_while_all_are_closed() -> None:
    async def program(seen: Seen) -> None:
        async def serve(reader: Reader, writer: Writer) -> None:
            seen.add("served")
            writer.close()

        server: Any = await asyncio.start_server(serve, port=1)

        async def connect() -> None:
            _, writer = await asyncio.open_connection("localhost", 1)
            writer.close()

        async def close() -> None:
            await asyncio.sleep(0)
            server.close()
            server.close_clients()

        await asyncio.gather(connect(), close(), return_exceptions=True)

    assert outcomes(program, "dpor", task_order="fifo") == {"served"}
