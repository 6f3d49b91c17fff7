import asyncio


class Sessions:
    def __init__(self, limit):
        self.limit = limit
        self.open = 0
        self.lock = asyncio.Lock()

    async def enter(self):
        if self.open < self.limit:
            await asyncio.sleep(0.1)  # ask the database
            self.open += 1

    async def enter_alone(self):
        async with self.lock:
            await self.enter()


async def scenario_limit_is_kept():
    sessions = Sessions(limit=1)
    await asyncio.gather(sessions.enter(), sessions.enter())
    assert sessions.open == 1, f"{sessions.open} sessions open"


async def scenario_limit_is_kept_with_a_lock():
    sessions = Sessions(limit=1)
    await asyncio.gather(sessions.enter_alone(), sessions.enter_alone())
    assert sessions.open == 1, f"{sessions.open} sessions open"


async def scenario_waits_for_nobody():
    ready = asyncio.Event()
    await asyncio.wait_for(ready.wait(), timeout=None)
