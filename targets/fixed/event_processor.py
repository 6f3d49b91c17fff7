"""Number and store the events of cameras. Safe to use from any number of tasks of one event loop.

One lock is held from the moment a number is read until the event that has it is stored. A flush takes what there is before
it waits for anything.
"""

import asyncio

from targets.event_processor import Event, EventStore
from targets.scenarios import event_processor as bodies


class EventProcessor:
    """Process the events of many cameras into one store."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._lock = asyncio.Lock()
        self._counts: dict[str, int] = {}
        self._pending: list[Event] = []

    async def process(self, camera: str, label: str) -> Event:
        """Give an event its numbers, and store it; return it."""
        async with self._lock:
            number = await self._store.read_last_number() + 1
            await self._store.write_last_number(number)
            event = Event(number, camera, self._counts.get(camera, 0), label)
            await self._store.append(event)
            self._counts[camera] = event.place + 1
            return event

    def enqueue(self, event: Event) -> None:
        """Keep an event that is already numbered for the next flush."""
        self._pending.append(event)

    async def flush(self) -> int:
        """Store what was kept, and return how much that was."""
        taken, self._pending = self._pending, []
        for event in taken:
            await self._store.append(event)
        return len(taken)

    def count_of(self, camera: str) -> int:
        """Return how many events of a camera were processed."""
        return self._counts.get(camera, 0)


async def scenario_numbers_are_unique() -> None:
    """Two cameras see something at the same time: two numbers."""
    await bodies.numbers_are_unique(EventStore, EventProcessor)


async def scenario_events_of_one_camera_are_counted() -> None:
    """One camera sees two things: it has a count of two."""
    await bodies.events_of_one_camera_are_counted(EventStore, EventProcessor)


async def scenario_flush_loses_nothing() -> None:
    """An event comes in during a flush: it is stored by this or by the next."""
    await bodies.flush_loses_nothing(EventStore, EventProcessor, Event)
