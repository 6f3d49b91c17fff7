"""What happened, in one sentence as a colleague would say it, and which locks were held meanwhile.

The sentence is made from what `detectors.culprit` finds in the steps, or from who waits for whom. It names the variable or lock, the
threads, and the lines; the fix that follows from it is made by `fixes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from interleave.detectors.culprit import Culprit
from interleave.detectors.deadlock import roots_of
from interleave.detectors.together import GONE, TOGETHER, UNDER_WAY
from interleave.model import Blocked, Frame, Outcome, RaceAccess
from interleave.report.races import access_lines
from interleave.report.source import located_source, short_name
from interleave.report.waits import cycle_of, waiting_behind
from interleave.result import Failure

#: Variables named that outlive an execution.
_MOST_CHANGED = 3
_CHANGING = "changed size during iteration"


def sentence_of(failure: Failure, culprit: Culprit | None, names: Mapping[int, str]) -> str:
    """Return what happened in one sentence, empty if nothing is known beyond the message."""
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
    if culprit.pattern in TOGETHER:
        return _together(culprit)
    if len(culprit.accesses) < 3:
        first, second = culprit.accesses[-2:]
        one, other = (_who(access, culprit) for access in (first, second))
        too_early = f"{one} from {_doing(first)} {shown(culprit.place)} at {at(first)}"
        return f"Nothing keeps {too_early} before {other} {second.mode} it at {at(second)}."
    first, between, second = culprit.accesses[-3:]
    if culprit.pattern == "read-write-write" and len(culprit.accesses) == 4:
        first, between = culprit.accesses[0], culprit.accesses[2]
    own, other = (_who(one, culprit) for one in (first, between))
    place, other_place = shown(culprit.place), culprit.places[-2] if len(culprit.places) > 1 else ""
    looked, wrote = f"{_past(first)} at {at(first)}", f"{other} {_past(between, is_it=other_place == culprit.place)} at {at(between)}"
    then = f"{_past(second, is_it=culprit.places[-1] == culprit.place)} at {at(second)}"
    if _CHANGING in outcome.message and second.mode == "reads":
        return f"{place} changed while {own} was going through it at {at(second)}: {other} changed it at {at(between)}."
    if culprit.pattern == "read-write-read":
        return f"{place} changed between two reads of {own}: it {looked}, {wrote}, then it {then}."
    if culprit.pattern == "read-write-act":
        act = f"changed {shown(culprit.places[-1])} at {at(second)}"
        wrote = f"{other} {_past(between)} at {at(between)}"
        return f"{own} acted on what was no longer so: it {_past(first, place)} at {at(first)}, {wrote}, then {own} {act}."
    if culprit.pattern == "write-write-read":
        return f"{place} was overwritten: {own} {looked}, {wrote}, then {own} {then}."
    if culprit.pattern == "write-read-write":
        only_then = f"{_past(second, is_it=culprit.places[-1] == culprit.place)} only at {at(second)}"
        return f"{place} was seen half done: {own} {looked} and {only_then}; in between {wrote}."
    if culprit.is_lost_update:
        last = f"wrote {second.value} over it" if second.value else "changed it, too,"
        return f"{place} lost an update: {own} {looked}, {wrote}, then {own} {last} at {at(second)}."
    return f"{place} changed between check and act: {own} {looked}, {wrote}, then {own} {then}."


def _together(culprit: Culprit) -> str:
    """Say which two places belong together, and which was changed without the other."""
    first, second, third = culprit.accesses[:3]
    fourth, places = culprit.accesses[-1], [shown(place) for place in culprit.places]
    if culprit.pattern == UNDER_WAY:
        both = f"{places[1]} at {at(second)} and then at {places[2]} at {at(third)}"
        return (
            f"{_who(second, culprit)} came in the middle of what {_who(first, culprit)} was doing: {first.thread} had changed {places[0]} "
            f"at {at(first)}, and no more than that, when {second.thread} looked at {both}."
        )
    if culprit.pattern == GONE:
        changed = f"changed {places[1]} at {at(second)} and {places[2]} at {at(third)}"
        return (
            f"{_who(first, culprit)} went on with what was no longer so: it looked at {places[0]} at {at(first)}, "
            f"{_who(second, culprit)} {changed}, then {first.thread} looked at {places[3]} at {at(fourth)}."
        )
    both = f"{places[1]} at {at(second)} and {places[2]} at {at(third)}"
    return (
        f"{_who(second, culprit)} came in the middle of a change: {_who(first, culprit)} changed {places[0]} at {at(first)} and "
        f"{places[3]} only at {at(fourth)}; in between {second.thread} looked at {both}."
    )


def _doing(access: RaceAccess) -> str:
    return {"reads": "reading", "writes": "writing"}.get(access.mode, access.mode)


def _who(access: RaceAccess, culprit: Culprit) -> str:
    has_title = culprit.has_tasks or access.thread == "main" or access.thread.startswith("Thread")
    return access.thread if has_title else f"thread {access.thread}"


def shown(place: str) -> str:
    """Return the name of a place in quotes: "the size of `Cache._entries`"."""
    name, separator, _ = place.partition(" (size)")
    return f"the size of `{name}`" if separator else f"`{name}`"


def _past(access: RaceAccess, place: str = "it", *, is_it: bool = True) -> str:
    """Say what an access did to a place that was named before; the value only if `is_it`, and not a part of that place."""
    has_value = bool(access.value) and is_it
    if access.mode == "reads":
        return f"read {access.value}" if has_value and place == "it" else f"looked at {place}"
    return f"wrote {access.value}" if has_value else "changed it"


def at(place: RaceAccess | Frame) -> str:
    """Return `file:line`, the file without its folder."""
    return f"{short_name(place.file)}:{place.line}"


def _deadlock(outcome: Outcome, names: Mapping[int, str]) -> str:
    """Say who holds what and waits for what, around the cycle."""
    cycle = cycle_of(outcome)
    if len(cycle) == 1:
        return f"{_title(cycle[0], names)} waits at {at(cycle[0].where)} for {cycle[0].resource}, {cycle[0].itself}."
    parts = [
        f"{_name(one, names)} {_holding(one, cycle[number - 1])}waits for {one.resource} at {at(one.where)}"
        for number, one in enumerate(cycle)
    ]
    title = "" if cycle[0].is_task else "thread "
    return f"{title}{'; '.join(parts)}; so they wait for each other for ever."


def _holding(one: Blocked, before: Blocked) -> str:
    """Say what a thread holds of what the one before it on the cycle waits for."""
    wanted = [held for held in one.holds if held.resource == before.resource] or list(one.holds[:1])
    if not wanted:
        return ""
    where = wanted[0].where
    return f"holds {wanted[0].resource}{f' since {at(where)}' if where else ''} and "


def _title(one: Blocked, names: Mapping[int, str]) -> str:
    return _name(one, names) if one.is_task else f"thread {_name(one, names)}"


def _name(one: Blocked, names: Mapping[int, str]) -> str:
    return names.get(one.tid, one.thread)


def _stuck(outcome: Outcome, culprit: Culprit | None, names: Mapping[int, str]) -> str:
    """Say what a thread waits for, and why it will not come."""
    one = roots_of(outcome.blocked)[0]
    waits = f"{_title(one, names)} waits for {one.resource} at {at(one.where)}"
    if culprit is None:
        behind = waiting_behind(outcome, one)
        needed = "".join(
            f"; meanwhile {_name(other, names)} waits at {at(other.where)} for {other.resource}, which it holds" for other in behind[:1]
        )
        return f"{waits}, and nobody is left to do {one.needs}{needed}."
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
    yield from access_lines(culprit.accesses, culprit.places)
    for name, step in culprit.guards[:1]:
        yield f"{name} is held at another access: {located_source(step.where)}"
