"""Deliver events to handlers in the same process. Safe to use from any thread.

The backend keeps two indexes that must agree: the subscription numbers by topic, and the handler by number. A topic
without subscribers is not kept. One lock guards both and the counters.

Handlers are called without the lock, from a snapshot, so that they may use the backend themselves. The price: one that
is unsubscribed while an event goes out may still get that event.
"""

import threading

from targets.event_backend import Event, Handler, Subscription
from targets.scenarios import event_backend as bodies


class InMemoryEventBackend:
    """Connect publishers with the subscribers of a topic."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._topics: dict[str, set[int]] = {}
        self._handlers: dict[int, Handler] = {}
        self._last_number = 0
        self._last_sequence = 0

    def subscribe(self, topic: str, handler: Handler) -> Subscription:
        """Have `handler` called with every later event of `topic`."""
        with self._lock:
            self._last_number += 1
            subscription = Subscription(self._last_number, topic)
            self._handlers[subscription.number] = handler
            if topic not in self._topics:
                self._topics[topic] = set()
            self._topics[topic].add(subscription.number)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; do nothing if it has ended."""
        with self._lock:
            if subscription.number not in self._handlers:
                return
            members = self._topics[subscription.topic]
            members.discard(subscription.number)
            if not members:
                del self._topics[subscription.topic]
            del self._handlers[subscription.number]

    def publish(self, topic: str, payload: object) -> Event:
        """Call the handlers of `topic` with a new event and return it."""
        with self._lock:
            self._last_sequence += 1
            event = Event(self._last_sequence, topic, payload)
            handlers = [self._handlers[number] for number in self._topics.get(topic, ())]
        for handler in handlers:
            handler(event)
        return event

    def subscriber_count(self, topic: str) -> int:
        """Return how many subscriptions `topic` has."""
        with self._lock:
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
