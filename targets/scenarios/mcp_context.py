"""What is asked of every version of the context provider."""

import asyncio
from collections.abc import Callable
from typing import Any

Make = Callable[..., Any]


async def computed_once(make: Make, *, callers: int = 2) -> None:
    """Several ask for the same context: it is computed once."""
    provider = make()
    computed: list[str] = []

    async def compute() -> str:
        computed.append("context")
        await asyncio.sleep(0)
        return "context"

    values = await asyncio.gather(*(provider.get_or_compute("user", compute) for _ in range(callers)))
    assert values == ["context"] * callers
    assert len(computed) == 1, f"computed {len(computed)} times"


async def read_during_write(make: Make, *, readers: int = 1) -> None:
    """Some read what another is about to keep: they get it or nothing."""
    provider = make()

    async def read() -> None:
        assert provider.get("user") in (None, "new")

    await asyncio.gather(provider.set("user", "new"), *(read() for _ in range(readers)))
    assert provider.get("user") == "new"
    assert provider.hits + provider.misses == readers + 1


async def reads_agree(make: Make, *, readers: int = 2) -> None:
    """Many read at the same time what does not change: all get the same."""
    provider = make()
    await provider.set("user", "context")

    async def read() -> str | None:
        await asyncio.sleep(0)
        found: str | None = provider.get("user")
        return found

    values = await asyncio.gather(*(read() for _ in range(readers)))
    assert values == ["context"] * readers
    assert provider.hits == readers


async def no_stale_write(make: Make) -> None:
    """What a context is computed from changes during the computation: the old one does not stay."""
    provider = make()
    source = ["old"]

    async def compute() -> str:
        value = source[0]
        await asyncio.sleep(0)
        return value

    async def change() -> None:
        source[0] = "new"
        await provider.invalidate("user")

    await asyncio.gather(provider.get_or_compute("user", compute), change())
    assert provider.get("user") in (None, "new"), "stale: the old context was kept"


async def expire_during_write(make: Make) -> None:
    """Contexts expire while others are kept: what is new stays."""
    provider = make(lifetime=10.0)
    await provider.set("first", "1")
    await provider.set("second", "2")
    await asyncio.sleep(20)
    await asyncio.gather(provider.expire(), provider.set("third", "3"))
    assert provider.get("first") is None
    assert provider.get("third") == "3"
