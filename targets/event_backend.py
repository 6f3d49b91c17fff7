"""Deliver events to handlers in the same process. First version, written for one thread.

The backend keeps two indexes that must agree: the subscription numbers by topic, and the handler by number. A topic
without subscribers is not kept.
"""

from collections.abc import Callable
from dataclasses import dataclass

from targets.scenarios import event_backend as bodies


@dataclass(frozen=True, slots=True)
class Event:
    """One message; `sequence` numbers the messages of a backend from 1, in the order of publication."""

    sequence: int
    topic: str
    payload: object


@dataclass(frozen=True, slots=True)
class Subscription:
    """What `subscribe` returns and `unsubscribe` takes."""

    number: int
    topic: str


Handler = Callable[[Event], object]


class InMemoryEventBackend:
    """Connect publishers with the subscribers of a topic."""

    def __init__(self) -> None:
        self._topics: dict[str, set[int]] = {}
        self._handlers: dict[int, Handler] = {}
        self._last_number = 0
        self._last_sequence = 0

    def subscribe(self, topic: str, handler: Handler) -> Subscription:
        """Have `handler` called with every later event of `topic`."""
        self._last_number += 1
        subscription = Subscription(self._last_number, topic)
        self._handlers[subscription.number] = handler
        if topic not in self._topics:
            self._topics[topic] = set()
        self._topics[topic].add(subscription.number)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; do nothing if it has ended."""
        if subscription.number not in self._handlers:
            return
        members = self._topics[subscription.topic]
        members.discard(subscription.number)
        if not members:
            del self._topics[subscription.topic]
        del self._handlers[subscription.number]

    def publish(self, topic: str, payload: object) -> Event:
        """Call the handlers of `topic` with a new event and return it."""
        self._last_sequence += 1
        event = Event(self._last_sequence, topic, payload)
        for number in self._topics.get(topic, ()):
            self._handlers[number](event)
        return event

    def subscriber_count(self, topic: str) -> int:
        """Return how many subscriptions `topic` has."""
        return len(self._topics.get(topic, ()))


def scenario_both_subscribers_hear() -> None:
    """Subscribe to one topic from two threads: both handlers get the next event."""
    bodies.both_subscribers_hear(InMemoryEventBackend())


def scenario_newcomer_outlives_leaver() -> None:
    """Subscribe while the last subscriber leaves: the newcomer gets the next event."""
    bodies.newcomer_outlives_leaver(InMemoryEventBackend())


def scenario_subscribe_during_publish() -> None:
    """Subscribe while an event goes out: publishing is not disturbed."""
    bodies.subscribe_during_publish(InMemoryEventBackend())


def scenario_unsubscribe_during_publish() -> None:
    """Unsubscribe while an event goes out: those who stay get it."""
    bodies.unsubscribe_during_publish(InMemoryEventBackend())


def scenario_sequence_numbers_are_unique() -> None:
    """Publish from a pool of two workers: no two events have the same sequence number."""
    bodies.sequence_numbers_are_unique(InMemoryEventBackend())
