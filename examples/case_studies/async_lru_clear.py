"""A cache is cleared while a call is under way: its task is no longer among those that the callback removes."""

import asyncio

from async_lru import alru_cache


async def scenario() -> None:
    @alru_cache(maxsize=8)
    async def load(key: str) -> str:
        await asyncio.sleep(0.01)
        return key.upper()

    async def clear() -> None:
        await asyncio.sleep(0.01)
        load.cache_clear()

    assert (await asyncio.gather(load("a"), clear()))[0] == "A"
