"""Number and store the events of cameras. First version, written for one event at a time."""

import asyncio
from dataclasses import dataclass

from targets.scenarios import event_processor as bodies


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a camera has seen. `number` is unique over all cameras, `place` counts within one."""

    number: int
    camera: str
    place: int
    label: str


class EventStore:
    """Stands for a database: every call takes a moment, during which others go on."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.last_number = 0

    async def read_last_number(self) -> int:
        """Return the number given last."""
        await asyncio.sleep(0)
        return self.last_number

    async def write_last_number(self, number: int) -> None:
        """Keep the number given last."""
        await asyncio.sleep(0)
        self.last_number = number

    async def append(self, event: Event) -> None:
        """Store an event."""
        await asyncio.sleep(0)
        self.events.append(event)


class EventProcessor:
    """Process the events of many cameras into one store."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._counts: dict[str, int] = {}
        self._pending: list[Event] = []

    async def process(self, camera: str, label: str) -> Event:
        """Give an event its numbers, and store it; return it."""
        number = await self._store.read_last_number() + 1
        await self._store.write_last_number(number)
        place = self._counts.get(camera, 0)
        event = Event(number, camera, place, label)
        await self._store.append(event)
        self._counts[camera] = place + 1
        return event

    def enqueue(self, event: Event) -> None:
        """Keep an event that is already numbered for the next flush."""
        self._pending.append(event)

    async def flush(self) -> int:
        """Store what was kept, and return how much that was."""
        stored = 0
        for event in self._pending:
            await self._store.append(event)
            stored += 1
        self._pending = []
        return stored

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
