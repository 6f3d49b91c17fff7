"""Provide the context of a conversation, and keep what was computed for a while. First version, written for one caller at a time."""

import asyncio
from collections.abc import Awaitable, Callable

from targets.scenarios import mcp_context as bodies

Compute = Callable[[], Awaitable[str]]


class MCPContextProvider:
    """A cache of contexts by name; each is good for `lifetime` seconds."""

    def __init__(self, lifetime: float = 60.0) -> None:
        self._lifetime = lifetime
        self._values: dict[str, str] = {}
        self._expires: dict[str, float] = {}
        self.hits = 0
        self.misses = 0

    def get(self, name: str) -> str | None:
        """Return a context, or None if it is not there or has expired."""
        if name not in self._values or self._expires[name] <= self._now():
            self.misses += 1
            return None
        self.hits += 1
        return self._values[name]

    async def set(self, name: str, value: str) -> None:
        """Keep a context."""
        self._values[name] = value
        # Whoever audits what is stored is told first.
        await asyncio.sleep(0)
        self._expires[name] = self._now() + self._lifetime

    async def expire(self) -> int:
        """Drop what has expired, and return how much that was."""
        count = 0
        for name in self._values:
            if self._expires[name] <= self._now():
                await self._drop(name)
                count += 1
        return count

    async def get_or_compute(self, name: str, compute: Compute) -> str:
        """Return a context; compute and keep it if it is not there."""
        value = self.get(name)
        if value is None:
            value = await compute()
            await self.set(name, value)
        return value

    async def invalidate(self, name: str) -> None:
        """Forget a context, because what it was computed from has changed."""
        await self._drop(name)

    async def _drop(self, name: str) -> None:
        self._values.pop(name, None)
        await asyncio.sleep(0)
        self._expires.pop(name, None)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


async def scenario_computed_once() -> None:
    """Two ask for the same context: it is computed once."""
    await bodies.computed_once(MCPContextProvider)


async def scenario_read_during_write() -> None:
    """One reads what another is about to keep."""
    await bodies.read_during_write(MCPContextProvider)


async def scenario_no_stale_write() -> None:
    """What a context is computed from changes during the computation."""
    await bodies.no_stale_write(MCPContextProvider)


async def scenario_expire_during_write() -> None:
    """Contexts expire while others are kept."""
    await bodies.expire_during_write(MCPContextProvider)
