"""What lasts longer than a step, for timelines: locks held, time blocked, and who let whom go on.

Positions are numbers of steps. A span that is open when the execution ends reaches to the number of steps. When a thread came to
block is not in the trace; it is taken to be right after its last step before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from interleave.detectors.culprit import Culprit
from interleave.model import Step
from interleave.result import Failure

#: Kinds of steps that may have been waited for, and those that may have ended the waiting.
_BLOCKING: Final = frozenset({"acquire", "wake", "join", "get", "put", "sleep"})
_RELEASING: Final = frozenset({"release", "wait", "notify", "set", "put", "get", "done", "exit"})


class Span(NamedTuple):
    """One thing that lasted, of thread `tid`: `kind` is "held" or "blocked", `what` the resource."""

    kind: str
    tid: int
    what: str
    start: int
    end: int


class Arrow(NamedTuple):
    """From one step to another: `kind` is "conflict" or "wake-up"."""

    kind: str
    source: int
    target: int


def spans_of(failure: Failure) -> list[Span]:
    """Return the locks held and the time blocked in the execution of a failure, in the order in which they began."""
    steps = failure.trace.steps
    return sorted([*_held(steps), *_blocked(failure)], key=lambda span: (span.start, span.tid, span.kind))


def _quoted(place: str) -> str:
    """Return the name without the type: a condition's lock goes by the name of the condition."""
    return place.partition(" ")[2] or place


def _held(steps: Sequence[Step]) -> Iterator[Span]:
    held: dict[tuple[int, str], tuple[str, int, int]] = {}
    for step in steps:
        key = step.tid, _quoted(step.place)
        if step.kind == "acquire" or (step.kind == "wake" and key not in held and "Condition" in step.place):
            what, since, depth = held.get(key, (step.place, step.index, 0))
            held[key] = what, since, depth + 1
        elif step.kind in ("release", "wait") and key in held:
            what, since, depth = held.pop(key)
            if depth > 1 and step.kind == "release":
                held[key] = what, since, depth - 1
            else:
                yield Span("held", step.tid, what, since, step.index)
    for (tid, _), (what, since, _depth) in held.items():
        yield Span("held", tid, what, since, len(steps))


def _waits(steps: Sequence[Step]) -> Iterator[tuple[int, Step]]:
    """Yield the steps that may have been blocked, each with the number of its thread's step before."""
    last: dict[int, int] = {}
    for step in steps:
        before = last.get(step.tid, -1)
        if step.kind in _BLOCKING and 0 <= before < step.index - 1:
            yield before, step
        last[step.tid] = step.index


def _blocked(failure: Failure) -> Iterator[Span]:
    steps = failure.trace.steps
    for before, step in _waits(steps):
        if _is_released(steps, before, step):
            yield Span("blocked", step.tid, step.place, before + 1, step.index)
    last = {step.tid: step.index for step in steps}
    for one in failure.outcome.blocked:
        yield Span("blocked", one.tid, one.resource, last.get(one.tid, -1) + 1, len(steps))


def _is_released(steps: Sequence[Step], before: int, step: Step) -> bool:
    """Tell whether another thread did something while a step was outstanding that may have made it possible."""
    return step.kind in ("wake", "join", "sleep") or _releaser(steps, before, step) >= 0


def _releaser(steps: Sequence[Step], before: int, step: Step) -> int:
    """Return the number of the last step that may have let another go on, or -1."""
    for index in range(step.index - 1, before, -1):
        other = steps[index]
        is_end = step.kind == "join" and other.kind == "exit" and other.place == step.place
        if other.tid != step.tid and (is_end or (other.kind in _RELEASING and _quoted(other.place) == _quoted(step.place))):
            return index
    return -1


def arrows_of(failure: Failure, culprit: Culprit | None) -> list[Arrow]:
    """Return the conflicts that explain a failure, and the wake-ups of threads that were blocked."""
    steps, arrows = failure.trace.steps, list[Arrow]()
    if culprit is not None:
        arrows += [Arrow("conflict", *pair) for pair in zip(culprit.positions, culprit.positions[1:], strict=False)]
    for before, step in _waits(steps):
        releaser = _releaser(steps, before, step)
        arrows += [Arrow("wake-up", releaser, step.index)] * (releaser >= 0)
    return arrows
