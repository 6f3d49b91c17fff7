"""What happened, in one sentence as a colleague would say it, and which locks were held meanwhile.

The sentence is made from what `detectors.culprit` finds in the steps, or from who waits for whom. It names the variable or lock, the
threads, and the lines; the fix that follows from it is made by `fixes`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from interleave.detectors.culprit import Culprit
from interleave.model import Blocked, Failure, Frame, Outcome, RaceAccess, Step
from interleave.report.source import located_source
from interleave.report.waits import cycle_of

#: Variables named that outlive an execution.
_MOST_CHANGED = 3
_CHANGING = "changed size during iteration"


def sentence_of(failure: Failure, culprit: Culprit | None, names: Mapping[int, str]) -> str:
    """Return what happened in one sentence, empty if nothing is known beyond the message."""
    text = _sentence(failure, culprit, names)
    return text[:1].upper() + text[1:]


def _sentence(failure: Failure, culprit: Culprit | None, names: Mapping[int, str]) -> str:
    outcome = failure.outcome
    if outcome.kind == "deadlock":
        return _deadlock(outcome, names)
    if outcome.kind == "stuck":
        return _stuck(outcome, culprit, names)
    if outcome.kind == "livelock":
        return _livelock(failure, names)
    if outcome.kind == "nondeterminism":
        if outcome.changed:
            return f"The same schedule did not give the same run twice. {left_behind(outcome)}"
        return "The same schedule did not give the same run twice, so this scenario depends on something besides its schedule."
    if culprit is None:
        return ""
    return _conflict(culprit, outcome)


def left_behind(outcome: Outcome) -> str:
    """Say what executions leave behind for the next ones, the first few variables."""
    first, more = outcome.changed[:_MOST_CHANGED], len(outcome.changed) - _MOST_CHANGED
    return f"{'; '.join(first)}{f'; and {more} more' if more > 0 else ''}."


def _conflict(culprit: Culprit, outcome: Outcome) -> str:
    """Say which accesses got into each other's way."""
    if len(culprit.accesses) < 3:
        first, second = culprit.accesses[-2:]
        one, other = (access.thread if culprit.has_tasks else _who(access) for access in (first, second))
        too_early = f"{one} from {_doing(first)} {shown(culprit.place)} at {at(first)}"
        return f"Nothing keeps {too_early} before {other} {second.mode} it at {at(second)}."
    first, between, second = culprit.accesses[-3:]
    if culprit.pattern == "read-write-write" and len(culprit.accesses) == 4:
        first, between = culprit.accesses[0], culprit.accesses[2]
    own, other = (one.thread if culprit.has_tasks else _who(one) for one in (first, between))
    place = shown(culprit.place)
    wrote = f"{other} {_past(between)} at {at(between)}"
    if _CHANGING in outcome.message and second.mode == "reads":
        return f"{place} changed while {own} was going through it at {at(second)}: {other} changed it at {at(between)}."
    if culprit.pattern == "read-write-read":
        return (
            f"{place} changed between two reads of {own}: it {_past(first)} at {at(first)}, "
            f"{wrote}, then it {_past(second)} at {at(second)}."
        )
    if culprit.pattern == "read-write-act":
        act = f"changed {shown(culprit.target)} at {at(second)}"
        return f"{own} acted on what was no longer so: it {_past(first, place)} at {at(first)}, {wrote}, then {own} {act}."
    if culprit.pattern == "write-write-read":
        return f"{place} was overwritten: {own} {_past(first)} at {at(first)}, {wrote}, then {own} {_past(second)} at {at(second)}."
    if culprit.pattern == "write-read-write":
        return (
            f"{place} was seen half done: {own} {_past(first)} at {at(first)} and {_past(second)} only at {at(second)}; "
            f"in between {other} {_past(between)} at {at(between)}."
        )
    if culprit.is_lost_update:
        last = f"wrote {second.value} over it" if second.value else "changed it, too,"
        return f"{place} lost an update: {own} {_past(first)} at {at(first)}, {wrote}, then {own} {last} at {at(second)}."
    return (
        f"{place} changed between check and act: {own} {_past(first)} at {at(first)}, {wrote}, then {own} {_past(second)} at {at(second)}."
    )


def _doing(access: RaceAccess) -> str:
    return {"reads": "reading", "writes": "writing"}.get(access.mode, access.mode)


def _who(access: RaceAccess) -> str:
    return access.thread if access.thread == "main" or access.thread.startswith("Thread") else f"thread {access.thread}"


def shown(place: str) -> str:
    """Return the name of a place in quotes: "the size of `Cache._entries`"."""
    name, separator, _ = place.partition(" (size)")
    return f"the size of `{name}`" if separator else f"`{name}`"


def _past(access: RaceAccess, place: str = "it") -> str:
    if access.mode == "reads":
        return f"read {access.value}" if access.value and place == "it" else f"looked at {place}"
    return f"wrote {access.value}" if access.value else "changed it"


def at(place: RaceAccess | Frame) -> str:
    """Return `file:line`, the file without its folder."""
    return f"{os.path.basename(place.file)}:{place.line}"


def _deadlock(outcome: Outcome, names: Mapping[int, str]) -> str:
    """Say who holds what and waits for what, around the cycle."""
    cycle = cycle_of(outcome)
    if len(cycle) == 1:
        return f"Thread {_name(cycle[0], names)} waits at {at(cycle[0].where)} for {cycle[0].resource}, which it holds itself."
    parts = [
        f"{_name(one, names)} {_holding(one, cycle[number - 1])}waits for {one.resource} at {at(one.where)}"
        for number, one in enumerate(cycle)
    ]
    return f"thread {'; '.join(parts)}; so they wait for each other for ever."


def _holding(one: Blocked, before: Blocked) -> str:
    """Say what a thread holds of what the one before it on the cycle waits for."""
    wanted = [held for held in one.holds if held.resource == before.resource] or list(one.holds[:1])
    if not wanted:
        return ""
    where = wanted[0].where
    return f"holds {wanted[0].resource}{f' since {at(where)}' if where else ''} and "


def _name(one: Blocked, names: Mapping[int, str]) -> str:
    return names.get(one.tid, one.thread)


def roots_of(outcome: Outcome) -> list[Blocked]:
    """Return the stuck threads that do not wait for another blocked thread."""
    tids = {one.tid for one in outcome.blocked}
    found = [one for one in outcome.blocked if not one.is_daemon and not any(holder in tids for holder in one.holders)]
    return found or list(outcome.blocked)


def _stuck(outcome: Outcome, culprit: Culprit | None, names: Mapping[int, str]) -> str:
    """Say what a thread waits for, and why it will not come."""
    one = roots_of(outcome)[0]
    waits = f"Thread {_name(one, names)} waits for {one.resource} at {at(one.where)}"
    if culprit is None:
        return f"{waits}, and no thread is left to do {one.needs}."
    if culprit.pattern == "notify-other":
        call = culprit.accesses[-1]
        return f"{waits}, but the {_call(call)} of {call.thread} at {at(call)} woke another, and none follows."
    *checks, call, wait = culprit.accesses
    said = f"{call.thread} made its {_call(call)} at {at(call)}"
    said = f"it looked at {at(checks[0])}, {said}" if checks else said
    return f"{waits}, but the {_call(call)} was missed: {said}, and only then did {wait.thread} begin to wait."


def _call(access: RaceAccess) -> str:
    return "set()" if access.mode == "sets" else "notification"


def _livelock(failure: Failure, names: Mapping[int, str]) -> str:
    """Say which loop does not end, and what it reads."""
    outcome = failure.outcome
    own = [step for step in failure.trace.steps if step.tid == outcome.tid][-100:]
    reads = [step for step in own if step.kind == "read" and step.value and not step.value.startswith("<")]
    shared = [step for step in reads if step.is_shared] or reads
    if outcome.where is None or not shared:
        return ""
    step = shared[-1]
    return (
        f"Thread {names.get(outcome.tid, outcome.tid)} goes round and round at {at(outcome.where)}: {shown(step.place)} stays {step.value}."
    )


def held_lines(culprit: Culprit) -> Iterator[str]:
    """List the accesses that explain a failure in order, with the locks held at each."""
    for number, access in enumerate(culprit.accesses):
        name = culprit.target if culprit.target and number == len(culprit.accesses) - 1 else culprit.place
        value = f" = {access.value}" if access.value else ""
        place = f" {name}{value}" if access.mode in ("reads", "writes") else ""
        held = f", holding {', '.join(access.locks)}" if access.locks else ", holding no lock"
        yield f"{access.thread} {access.mode}{place}{held if place else ''}"
        yield f"    at {located_source(Frame(access.file, access.line, access.function))}"
    for name, step in culprit.guards[:1]:
        yield f"{name} is held at {_step_at(step)}"


def _step_at(step: Step) -> str:
    return f"another access: {located_source(step.where)}"
