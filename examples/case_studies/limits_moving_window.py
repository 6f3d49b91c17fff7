"""Where the expired entries begin is found before the lock is taken: what is added meanwhile moves them, and is dropped in their place."""

import asyncio

from limits.aio.storage import MemoryStorage


async def scenario() -> None:
    storage = MemoryStorage()

    async def call() -> bool:
        return await storage.acquire_entry("client", limit=2, expiry=1)

    assert await call()
    await asyncio.sleep(2)
    assert await asyncio.gather(call(), call()) == [True, True]
    await asyncio.sleep(0.01)
    assert not await call()
