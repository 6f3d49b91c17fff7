"""Who touches what, object by object, and which three accesses no order of the threads one after the other would give.

An execution may be long, and what explains a failure is near the point where one thread comes to what another is at. So of what one thread
does to an object at a stretch, only the beginning and the end are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from interleave.detectors.atomicity import PATTERNS
from interleave.detectors.places import MAKERS
from interleave.model import MEMORY, Step, fields_overlap

#: Accesses of one object that are looked at; and how many of those that one thread makes at a stretch, at either end.
_MOST = 2_000
_AT_A_STRETCH = 50
#: Further accesses of a thread that are looked at, and those of others at either end of what lies between two.
_FOLLOWERS = 50
_NEAR = 100


class Touch(NamedTuple):
    """One access, by the number of its step."""

    position: int
    tid: int
    field: Any
    mode: int


def touches_of(steps: Sequence[Step]) -> dict[Any, list[Touch]]:
    """Return the accesses to memory that threads share, by object."""
    touches: dict[Any, list[Touch]] = {}
    for step in steps:
        if step.kind not in MEMORY or not step.is_shared:
            continue
        is_making = step.where.function.rpartition(".")[2] in MAKERS
        for owner, field, mode in step.accesses or ((step.place, "", int(step.kind == "write")),):
            own = touches.setdefault(owner, [])
            if is_making and isinstance(field, str) and not any(touch.field == field for touch in own):
                # The attribute of an object that is being made.
                continue
            own.append(Touch(step.index, step.tid, field, mode))
    # Of many the last: what is near the failure.
    return {owner: [one for part in _stretches(own) for one in part][-_MOST:] for owner, own in touches.items()}


def triples(steps: Sequence[Step]) -> Iterator[tuple[Touch, Touch, Touch]]:
    """Yield accesses of one thread, with another's in between, that no order of the threads one after the other would give."""
    for touches in touches_of(steps).values():
        own: dict[int, list[int]] = {}
        for number, touch in enumerate(touches):
            own.setdefault(touch.tid, []).append(number)
        for numbers in own.values():
            for at, start in enumerate(numbers):
                for end in _followers(touches, numbers, at):
                    yield from _between(touches, start, end)


def _stretches(touches: Sequence[Touch]) -> Iterator[Sequence[Touch]]:
    """Yield what each thread does before another comes, without the midst of it where that is much."""
    for _, several in groupby(touches, key=lambda touch: touch.tid):
        own = list(several)
        yield own if len(own) <= 2 * _AT_A_STRETCH else own[:_AT_A_STRETCH] + own[-_AT_A_STRETCH:]


def _followers(touches: Sequence[Touch], numbers: Sequence[int], at: int) -> Iterator[int]:
    """Yield the next access of a thread to what it accessed at `numbers[at]`, and the next one that writes."""
    first = touches[numbers[at]]
    following = [number for number in numbers[at + 1 : at + _FOLLOWERS] if fields_overlap(touches[number].field, first.field)]
    yield from following[:1]
    if following and not touches[following[0]].mode:
        yield from [number for number in following if touches[number].mode][:1]


def _between(touches: Sequence[Touch], start: int, end: int) -> Iterator[tuple[Touch, Touch, Touch]]:
    """Yield the first and the last access of other threads between two of one that make an unserializable pair of them."""
    first, second = touches[start], touches[end]

    def is_between(other: Touch) -> bool:
        overlaps = fields_overlap(first.field, other.field) and fields_overlap(other.field, second.field)
        return other.tid != first.tid and overlaps and (first.mode, other.mode, second.mode) in PATTERNS

    for numbers in (range(start + 1, min(end, start + _NEAR)), range(end - 1, max(start, end - _NEAR), -1)):
        found = next((touches[number] for number in numbers if is_between(touches[number])), None)
        if found is not None:
            yield first, found, second
