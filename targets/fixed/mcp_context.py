"""Provide the context of a conversation, and keep what was computed for a while. Safe to use from any number of tasks of one loop.

A context and the time at which it expires are one entry, kept and dropped in one step. Whoever computes a context lets others wait for
it; a computation that was under way when its context was invalidated is not kept.
"""

import asyncio
from collections.abc import Awaitable, Callable

from targets.scenarios import mcp_context as bodies

Compute = Callable[[], Awaitable[str]]


class MCPContextProvider:
    """A cache of contexts by name; each is good for `lifetime` seconds."""

    def __init__(self, lifetime: float = 60.0) -> None:
        self._lifetime = lifetime
        self._entries: dict[str, tuple[str, float]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._versions: dict[str, int] = {}
        self.hits = 0
        self.misses = 0

    def get(self, name: str) -> str | None:
        """Return a context, or None if it is not there or has expired."""
        entry = self._entries.get(name)
        if entry is None or entry[1] <= self._now():
            self.misses += 1
            return None
        self.hits += 1
        return entry[0]

    async def set(self, name: str, value: str) -> None:
        """Keep a context."""
        self._entries[name] = value, self._now() + self._lifetime
        await asyncio.sleep(0)

    async def expire(self) -> int:
        """Drop what has expired, and return how much that was."""
        now = self._now()
        late = [name for name, (_, expires) in self._entries.items() if expires <= now]
        for name in late:
            del self._entries[name]
        await asyncio.sleep(0)
        return len(late)

    async def get_or_compute(self, name: str, compute: Compute) -> str:
        """Return a context; compute and keep it if it is not there."""
        async with self._locks.setdefault(name, asyncio.Lock()):
            while (value := self.get(name)) is None:
                version = self._versions.get(name, 0)
                value = await compute()
                if self._versions.get(name, 0) == version:
                    await self.set(name, value)
                    return value
            return value

    async def invalidate(self, name: str) -> None:
        """Forget a context, because what it was computed from has changed."""
        self._versions[name] = self._versions.get(name, 0) + 1
        self._entries.pop(name, None)
        await asyncio.sleep(0)

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
