"""Use an event backend from several threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from targets.scenarios import run_together


class EventBackend(Protocol):
    """What the two versions of `InMemoryEventBackend` have in common."""

    def subscribe(self, topic: str, handler: Callable[[Any], object], /) -> Any: ...

    def unsubscribe(self, subscription: Any, /) -> None: ...

    def publish(self, topic: str, payload: object, /) -> Any: ...

    def subscriber_count(self, topic: str, /) -> int: ...


def ignore(event: object) -> None:
    """Be the handler of a subscriber that only has to be there."""


def both_subscribers_hear(backend: EventBackend) -> None:
    """Expect that no subscription is lost to another made at the same time."""
    heard: list[str] = []
    run_together(
        alice=lambda: backend.subscribe("frame", lambda event: heard.append("alice")),
        bob=lambda: backend.subscribe("frame", lambda event: heard.append("bob")),
    )
    backend.publish("frame", "after both")
    assert sorted(heard) == ["alice", "bob"], f"subscription lost: only {heard} heard the event"


def newcomer_outlives_leaver(backend: EventBackend) -> None:
    """Expect that a subscription is not orphaned by the end of the topic's last one."""
    heard: list[str] = []
    last = backend.subscribe("frame", ignore)
    run_together(
        leaver=lambda: backend.unsubscribe(last),
        newcomer=lambda: backend.subscribe("frame", lambda event: heard.append("newcomer")),
    )
    backend.publish("frame", "after both")
    assert heard == ["newcomer"], f"subscription orphaned: {heard} heard the event"


def subscribe_during_publish(backend: EventBackend) -> None:
    """Expect that publishing can go on while the set of subscribers grows."""
    heard: list[object] = []
    backend.subscribe("frame", lambda event: heard.append(event.payload))
    run_together(
        publisher=lambda: backend.publish("frame", "first"),
        newcomer=lambda: backend.subscribe("frame", ignore),
    )
    assert heard == ["first"], f"event lost: heard {heard}"


def unsubscribe_during_publish(backend: EventBackend) -> None:
    """Expect that publishing can go on while the set of subscribers shrinks."""
    heard: list[object] = []
    leaving = backend.subscribe("frame", ignore)
    backend.subscribe("frame", lambda event: heard.append(event.payload))
    run_together(
        publisher=lambda: backend.publish("frame", "first"),
        leaver=lambda: backend.unsubscribe(leaving),
    )
    assert heard == ["first"], f"event lost: heard {heard}"
    assert backend.subscriber_count("frame") == 1


def sequence_numbers_are_unique(backend: EventBackend) -> None:
    """Expect that a sequence number is given out once."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        events = [pool.submit(backend.publish, "frame", payload) for payload in ("left", "right")]
    numbers = sorted(event.result().sequence for event in events)
    assert numbers == [1, 2], f"sequence number given out twice: {numbers}"
