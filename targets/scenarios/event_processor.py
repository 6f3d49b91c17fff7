"""What is asked of every version of the event processor."""

import asyncio
from collections.abc import Callable
from typing import Any

Make = Callable[..., Any]


async def numbers_are_unique(make_store: Make, make: Make) -> None:
    """Two cameras see something at the same time: two numbers."""
    await events_come_in(make_store, make, cameras=2, events=1)


async def events_of_one_camera_are_counted(make_store: Make, make: Make) -> None:
    """One camera sees two things: it has a count of two."""
    await events_come_in(make_store, make, cameras=1, events=2)


async def events_come_in(make_store: Make, make: Make, *, cameras: int, events: int) -> None:
    """Every camera sees things at the same time: each is stored once, with numbers of its own."""
    store = make_store()
    processor = make(store)
    names = [f"camera {index}" for index in range(cameras)]
    done = await asyncio.gather(*(processor.process(name, f"event {index}") for name in names for index in range(events)))
    for name in names:
        assert processor.count_of(name) == events, f"event lost: {processor.count_of(name)} counted of {events}"
        places = sorted(event.place for event in done if event.camera == name)
        assert places == list(range(events)), f"places given twice: {places}"
    assert len(store.events) == len(done), f"event lost: {len(store.events)} stored of {len(done)}"
    numbers = sorted(event.number for event in done)
    assert len(set(numbers)) == len(numbers), f"number given twice: {numbers}"


async def flush_loses_nothing(make_store: Make, make: Make, make_event: Make) -> None:
    """An event comes in during a flush: it is stored by this or by the next, once."""
    store = make_store()
    processor = make(store)
    processor.enqueue(make_event(1, "door", 0, "bell"))

    async def see() -> None:
        await asyncio.sleep(0)
        processor.enqueue(make_event(2, "door", 1, "bell"))
        await processor.flush()

    await asyncio.gather(processor.flush(), see())
    await processor.flush()
    stored = sorted(event.number for event in store.events)
    assert stored == [1, 2], f"stored {stored} of two events"
