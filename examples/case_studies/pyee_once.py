"""A handler registered with `once` is removed by a timeout while the event is delivered."""

from pyee import EventEmitter

from examples.case_studies.together import together


def scenario() -> None:
    events = EventEmitter()
    calls: list[str] = []
    events.once("reply", calls.append)
    together(lambda: events.emit("reply", "a"), lambda: events.emit("reply", "b"))
    assert len(calls) == 1
