"""The race detectors alone, on traces: they agree with the conflict relation and with the definition of serializability."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from interleave.detectors.atomicity import PATTERNS, seen
from interleave.detectors.places import contended
from interleave.detectors.synchronisation import MEMORY, Order
from interleave.execution import Controls
from interleave.loading import find_scenarios
from interleave.model import READ, WRITE, Access, Event, Operation, Schedule, Site, Trace, Witness, conflict
from interleave.runner import Runner
from interleave.strategies.random import RandomWalk

RACY = [scenario for name in ("cache", "container", "event_backend", "metrics") for scenario in find_scenarios(f"targets.{name}")]
PLACE = (0,), 0, "Box"


def watched(program: Callable[[], object], seed: int) -> Trace:
    runner = Runner(program, "program", Controls())
    with runner.control:
        strategy = RandomWalk(seed=seed)
        strategy.begin()
        return runner.follow(Schedule(tuple(runner.execute(strategy).deviations)), watched=True)


@pytest.mark.parametrize("scenario", RACY, ids=lambda scenario: scenario.name)
def test_places_hold_exactly_the_pairs_in_conflict(scenario: object) -> None:
    """Initialisation is left out, and locks are here not to be: their bits are taken away."""
    trace = watched(scenario.function, 3)  # type: ignore[attr-defined]
    assert trace.witness is not None
    events = [event for event in trace.events if "__init__" not in event[1].site.function]
    witness = Witness([0] * len(events), [], set(), set())
    found = {
        (one.position, other.position)
        for place in contended(events, witness)
        for one, other in product(place.touches, repeat=2)
        if one.position < other.position and one.tid != other.tid and (one.mode or other.mode)
    }
    memory = [(position, tid, operation) for position, (tid, operation) in enumerate(events) if operation.kind in MEMORY]
    expected = {
        (one, other)
        for (one, tid, operation), (other, tid2, operation2) in product(memory, repeat=2)
        if one < other and tid != tid2 and conflict(operation, operation2)
    }
    assert found == expected


def history(*accesses: tuple[int, int]) -> list[Event]:
    """Return the trace of accesses to one place, as (tid, mode)."""
    kinds = ("read", "write")
    return [
        (tid, Operation(kinds[mode], (Access(PLACE, "value", mode),), Site("box.py", line, "use")))
        for line, (tid, mode) in enumerate(accesses, 1)
    ]


def effect(accesses: list[tuple[int, int]]) -> tuple[object, ...]:
    """Return what a history of (index, mode) does: who reads what, and what is left, writes being named by their index."""
    value: object = None
    reads = {}
    for index, mode in accesses:
        if mode:
            value = index
        else:
            reads[index] = value
    return tuple(sorted(reads.items())), value


@pytest.mark.parametrize("modes", list(product((READ, WRITE), repeat=3)), ids=str)
def test_patterns_are_those_without_a_serial_equivalent(modes: tuple[int, int, int]) -> None:
    """By definition: neither "other thread first" nor "other thread last" has the same effect."""
    first, other, second = enumerate(modes)
    serial = {effect([other, first, second]), effect([first, second, other])}
    assert (modes in PATTERNS) == (effect([first, other, second]) not in serial)


@pytest.mark.parametrize("modes", list(product((READ, WRITE), repeat=3)), ids=str)
def test_seen_are_exactly_the_patterns(modes: tuple[int, int, int]) -> None:
    events = history((1, modes[0]), (2, modes[1]), (1, modes[2]))
    witness = Witness([0, 0, 0], [], set(), set())
    order = Order(events, witness)
    found = [triple.pattern for place in contended(events, witness) for triple in seen(place, events, order)]
    assert found == ([PATTERNS[modes]] if modes in PATTERNS else [])
