"""A task is cancelled, by asyncio, just as it takes a free lock, and leaves without giving it back."""

import asyncio

import anyio


async def scenario() -> None:
    lock = anyio.Lock()

    async def use() -> None:
        async with lock:
            await asyncio.sleep(0.01)

    task = asyncio.create_task(use())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await use()
