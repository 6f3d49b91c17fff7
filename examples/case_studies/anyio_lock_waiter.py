"""A cancelled waiter is still in the queue when the lock is released: who comes then waits behind it, for a release that has been."""

import asyncio

import anyio


async def scenario() -> None:
    lock = anyio.Lock()

    async def use() -> None:
        async with lock:
            await asyncio.sleep(0.01)

    async def impatient() -> None:
        try:
            await asyncio.wait_for(use(), 0.01)
        except TimeoutError:
            pass

    async def late() -> None:
        await asyncio.sleep(0.01)
        await use()

    await asyncio.gather(use(), impatient(), late())
