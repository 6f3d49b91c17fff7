"""Whether two executions of one schedule are the same, and what it means if they are not."""

from __future__ import annotations

from collections.abc import Sequence

from interleave.errors import ReplayMismatch
from interleave.execution import is_test_outcome
from interleave.model import MEMORY, Deviation, Event, Frame, Outcome, Schedule, Site, Trace
from interleave.schedule import block_size, fingerprints, first_mismatch
from interleave.schedule import first_difference as differing_at


def schedule_of(trace: Trace) -> Schedule:
    length = trace.moments
    return Schedule(tuple(Deviation(*one) for one in trace.deviations), length, fingerprints(trace.events, block_size(length)))


def site_at(events: Sequence[Event], step: int) -> Site:
    """Return the site of a step, or of the last one before it that has one."""
    for index in range(min(step, len(events) - 1), -1, -1):
        if events[index][1].site.line:
            return events[index][1].site
    return Site("<start>", 0, "<start>")


def _said(events: Sequence[Event], step: int) -> str:
    return f"'{events[step][1].kind}'" if step < len(events) else "the end"


def first_difference(one: Sequence[Event], other: Sequence[Event]) -> int | None:
    """Return the index of the first event in which two executions differ in thread, operation or place in the source."""
    return differing_at(one, other, lambda left, right: _is_alike(left, right) and left[1].kind == right[1].kind)


def differing(one: Sequence[Event], other: Sequence[Event], step: int) -> ReplayMismatch:
    """Return what to raise of two executions of one schedule that differ from a step on."""
    now = str(site_at(other, step))
    return ReplayMismatch(
        f"two executions of the same schedule differ, first at step {step}: {_said(one, step)} at {site_at(one, step)} in one, "
        f"{_said(other, step)} at {now} in the other.\n"
        "The scenario keeps something between executions, or depends on something that is not controlled (order of a set, a real "
        "clock, a thread not started by it).\nBuild all state inside the scenario.",
        step=step,
        where=now,
    )


def is_repeated(one: Trace, other: Trace) -> bool:
    """Tell whether two executions are the same, also where blocks of accesses are single events in the first of them."""
    if one.has_blocks:
        return one.moments == other.moments and _accesses(one.events) == _accesses(other.events)
    return first_difference(one.events, other.events) is None


def _accesses(events: Sequence[Event]) -> list[tuple[object, ...]]:
    """Return what was done, place by place, each place once in one stretch of a thread's accesses.

    Keys are left out: they may be objects of one execution, or what `id` said of those.
    """
    found: dict[tuple[object, ...], None] = {}
    for tid, operation in events:
        if operation.kind in MEMORY and operation.accesses:
            parts = [(owner, field[0] if type(field) is tuple else field, mode) for owner, field, mode in operation.accesses]
            found.update(((tid, part), None) for part in parts)
        else:
            found[tid, operation] = None
    return list(found)


#: How a sentence ends that stands in the way of a proof only: all other executions began where the first had been.
WARM = "explored is what comes after; isolate='globals' (--isolate globals), or 'fork' where that does not reach, begins each afresh"


def warm_up(first: Trace, second: Trace, *, is_whole: bool = True) -> str:
    """Say where the first execution of a process went another way than those after it, which find what it left behind; else nothing.

    That the same instruction found something else to do, such as adding to a set what is in it by now, is no other way. Where `is_whole`
    is False, the events of the first execution lack what was no scheduling point.
    """
    begun = "the first execution did something else than those after it"
    if not is_whole:
        return f"{begun}, in {first.moments} steps, against {second.moments}: {WARM}"
    steps = zip(first.events, second.events, strict=False)
    if not first.has_blocks and len(first.events) == len(second.events) and all(_is_alike(*both) for both in steps):
        return ""
    step = first_difference(first.events, second.events) or 0
    return f"{begun}, from step {step} on, at {site_at(first.events, step)}: {WARM}"


def _is_alike(one: Event, other: Event) -> bool:
    return one[0] == other[0] and one[1].site is other[1].site


def nondeterminism(error: ReplayMismatch, changed: Sequence[str] = ()) -> Outcome:
    """Return what to report of a program that does not repeat itself; `changed` are sentences on what its executions leave behind."""
    file, _, line = error.where.rpartition(":")
    where = Frame(file, int(line), "") if line.isdigit() else None
    return Outcome("nondeterminism", str(error), ("nondeterminism",), where=where, changed=tuple(changed))


def let_pass(error: BaseException | None) -> None:
    """Raise what is meant for the test runner rather than for us: a skip, an exit."""
    if error is not None and is_test_outcome(error) and type(error).__name__ != "Failed":
        raise error


def check_prints(schedule: Schedule, trace: Trace) -> None:
    """Raise ReplayMismatch if an execution under a recorded schedule did something else than was recorded."""
    step = first_mismatch(schedule, trace.events)
    if step is None:
        return
    raise _changed(trace, step, f"from step {step} on")


def where_left(schedule: Schedule, trace: Trace, divergence: ReplayMismatch | None) -> str:
    """Say at which step an execution left a schedule that was followed leniently; nothing if it did not."""
    steps = [divergence.step] if divergence is not None else []
    step = first_mismatch(schedule, trace.events)
    steps += [step] if step is not None else []
    return f"step {min(steps)}, at {site_at(trace.events, min(steps))}" if steps else ""


def check_outcomes(first: Trace, again: Trace) -> None:
    """Raise ReplayMismatch if the same schedule fails that passed the first time: then what it found was something else."""
    if first.outcome is not None or again.outcome is None:
        return
    step, outcome = first_difference(first.events, again.events) or 0, again.outcome
    where = f"{outcome.where.file}:{outcome.where.line}" if outcome.where is not None else str(site_at(again.events, step))
    raise ReplayMismatch(
        f"an execution passed, but the same schedule, run again, ended otherwise: {outcome.kind}: {outcome.message}, at {where}.\n"
        "The scenario keeps something between executions.\nBuild all state inside the scenario.",
        step=step,
        where=where,
    )


def check_endless(longer: Trace, trace: Trace) -> None:
    """Raise ReplayMismatch if an execution ends, given time, that was recorded as one which ended earlier or not at all."""
    if longer.outcome is not None and longer.outcome.kind == "livelock":
        return
    step = len(trace.events)
    raise _changed(longer, step, f"after step {trace.moments}, which was the last one, it goes on")


def _changed(trace: Trace, step: int, how: str) -> ReplayMismatch:
    where = str(site_at(trace.events, step))
    return ReplayMismatch(
        f"the code does something else than when the seed was made, {how}, at {where}.\n"
        "The code or a library changed since, or the program depends on something that is not controlled.\n"
        "Explore again to get a new seed, or follow what still matches: --lenient",
        step=step,
        where=where,
    )
