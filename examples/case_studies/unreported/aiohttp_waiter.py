"""aiohttp 3.14.5: a request that gives up just as a connection becomes free for it leaves all others waiting.

What breaks. With a `limit`, requests wait in `BaseConnector._wait_for_available_connection` (aiohttp/connector.py, lines 690 to 730) for
their future. When a connection is released, `_release_waiter` takes the first future off the queue and sets its result. If that request is
cancelled before it runs, the `finally` (line 721) takes the future off the queue, where it is no more, and nobody is woken in its place.

The interleaving. Task A uses the only connection, tasks B and C wait. A releases: the future of B gets its result. Before B runs, its
timeout cancels it. C waits on, with the connection free.

The consequence. C waits until some other connection of the connector is released, for ever if none is in use: a session that was never
closed hangs under load, when timeouts are near the time that replies take.

Searched in the project's tracker for "waiter", "cancelled", "limit", "deadlock" and "_release_waiter". #9670 describes this and was closed
by #9671 in 3.10.11, which removed the exception that was raised there, and not the lost wake-up; no report says so.
"""

from __future__ import annotations

import asyncio
from typing import Any
from unittest import mock

import aiohttp
from aiohttp.client_reqrep import ConnectionKey

REQUEST = mock.Mock(connection_key=ConnectionKey("example.com", 80, False, True, None, None, None), proxy=None)


class Connector(aiohttp.BaseConnector):
    async def _create_connection(self, *_: Any) -> mock.Mock:
        return mock.Mock(should_close=False, closed=None)


async def scenario() -> None:
    connector = Connector(limit=1)

    async def use() -> None:
        connection = await connector.connect(REQUEST, [], aiohttp.ClientTimeout())
        try:
            await asyncio.sleep(0.01)
        finally:
            connection.release()

    async def impatient() -> None:
        try:
            await asyncio.wait_for(use(), 0.01)
        except TimeoutError:
            pass

    await asyncio.gather(use(), impatient(), use())
    await connector.close()


async def forced() -> None:
    """Release and cancel in one step of the event loop; then nobody uses the connection, and task C does not get it."""
    connector = Connector(limit=1)
    connection = await connector.connect(REQUEST, [], aiohttp.ClientTimeout())
    waiting = [asyncio.create_task(connector.connect(REQUEST, [], aiohttp.ClientTimeout())) for _ in "BC"]
    for _ in range(10):
        await asyncio.sleep(0)
    connection.release()
    waiting[0].cancel()
    done, pending = await asyncio.wait(waiting, timeout=1)
    assert done == {waiting[0]}
    assert pending == {waiting[1]}
    waiting[1].cancel()
    await connector.close()


def reproduce() -> None:
    asyncio.run(forced())


if __name__ == "__main__":
    reproduce()
