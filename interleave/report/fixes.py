"""The likely fix in one line, where the pattern is known; nothing where it is not: a wrong advice is worse than none.

| seen | advice |
| --- | --- |
| two accesses with another's in between, no lock over both | hold one lock over them: the one that protects the place elsewhere, if any |
| the same between tasks | no `await` in between, or one `asyncio.Lock` |
| the same at two places that belong together | hold one lock over both, or look again |
| two accesses in an unlucky order | cope with it, or wait for the other thread |
| the same lock at both, let go in between | hold it on, or look again after taking it |
| a collection that changes while it is gone through | go through a copy, made under the lock of those who change it |
| a `wait` under an `if` | `while` around the `wait` |
| a notification missed, or come to another | look at the condition under its lock right before waiting; `notify_all` |
| locks taken in opposite orders | take them in one order: that of a thread which got through, else a fixed one |
| a thread that waits for a lock it holds | `RLock`, or not to take it twice |
| a loop that polls | wait on an `Event` or `Condition` |
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

from interleave.detectors.culprit import Culprit, base_of
from interleave.detectors.deadlock import roots_of
from interleave.detectors.together import GONE, TOGETHER, UNDER_WAY
from interleave.model import Blocked, Frame, Outcome, RaceAccess, Trace
from interleave.report.source import source_lines
from interleave.report.story import at, shown
from interleave.report.waits import cycle_of, waiting_behind
from interleave.report.words import listed
from interleave.result import Failure

#: Lines listed at which a lock belongs.
_MOST_USES: Final = 6


def fix_of(failure: Failure, culprit: Culprit | None) -> str:
    """Return the likely fix in one line, or nothing."""
    outcome = failure.outcome
    if outcome.kind == "deadlock":
        return _order(outcome, failure.trace)
    if outcome.kind == "stuck":
        return _stuck(failure, culprit)
    if outcome.kind == "livelock" and "no end after" in outcome.message:
        waits = "If the loop waits for something, let it wait on an Event or Condition instead of polling"
        return f"{waits}; else look at what should end it, or allow it more steps: Budget(steps=...)."
    if outcome.kind == "livelock":
        return "Let the loop wait on an Event or Condition that those who change what it reads set or notify, instead of polling."
    if outcome.kind == "nondeterminism" and outcome.changed:
        names = [sentence.partition("` ")[0] + "`" for sentence in outcome.changed[:3]]
        put_back = "isolate='globals' (--isolate globals), which puts it back before each execution"
        return f"Set {', '.join(names)} anew at the beginning of the scenario, or explore with {put_back}."
    if outcome.kind == "nondeterminism":
        return "Build all state inside the scenario, and look for globals, caches, sets of objects and real clocks at the line above."
    waited = _if_around_wait(failure.trace)
    if culprit is None and "nobody retrieved" in outcome.message:
        return "Await the task, or start it in a TaskGroup, so that somebody learns of what it raises."
    if waited is not None:
        return f"Use `while` instead of `if` around the wait at {at(waited)}: when it returns, another thread may have been there first."
    return _guard(culprit, outcome) if culprit is not None else ""


def _guard(culprit: Culprit, outcome: Outcome) -> str:
    """Say which lock to hold, from where to where."""
    if culprit.pattern in TOGETHER:
        return _together(culprit)
    if len(culprit.accesses) < 3:
        return _order_of_two(culprit)
    first, between, second = culprit.accesses[-3:]
    if len(culprit.accesses) == 4:
        first = culprit.accesses[0]
    place, lines = base_of(culprit.place), lines_of(first, second)
    both = [name for name in first.locks if name in second.locks]
    if both and both[0] in between.locks:
        again = f"look at `{place}` again after taking it at {at(second)}"
        return f"Keep {both[0]} from {at(first)} to {at(second)} without letting go, or {again}."
    if "changed size during iteration" in outcome.message:
        lock = (
            f"{between.locks[0]}, which {between.thread} holds at {at(between)}"
            if between.locks
            else f"one lock, held at {at(between)} too"
        )
        under = "" if culprit.has_tasks and not between.locks else f" under {lock}"
        return f"Go through a copy, `list(...)`, made at {at(second)}{under}."
    if between.locks:
        return f"Guard {lines} with {between.locks[0]}, which protects `{place}` at {at(between)}."
    elsewhere = [one for one in culprit.guards if one[0] not in first.locks]
    if elsewhere:
        name, step = elsewhere[0]
        return f"Guard {lines} with {name}, which protects `{place}` at {at(step.where)}; {at(between)} as well."
    if both:
        return f"Take {both[0]}, held over {lines}, at {at(between)} too."
    return f"Make {lines} one step: {_lock(culprit)} over it{_other_uses(culprit, first, between, second)}."


def _lock(culprit: Culprit) -> str:
    return "do not await in it, or hold one asyncio.Lock" if culprit.has_tasks else "hold one lock"


def _other_uses(culprit: Culprit, first: RaceAccess, between: RaceAccess, second: RaceAccess) -> str:
    """Say where else a lock belongs: at the other lines that access the place; nothing if they are all among those that it is held over."""
    low, high = sorted((first.line, second.line))
    is_one = (first.file, first.function) == (second.file, second.function)
    uses = culprit.uses or (between.where,)
    inside = [use for use in uses if is_one and (use.file, use.function) == (first.file, first.function) and low <= use.line <= high]
    others = [
        use for use in uses if use not in inside and (use.file, use.line) not in ((first.file, first.line), (second.file, second.line))
    ]
    return f", and at every other use of `{base_of(culprit.place)}` ({_listed(others)})" if others else ""


def _listed(places: Sequence[Frame]) -> str:
    """Write `cache.py:41, 45, queue.py:7`, a few of them."""
    words, file = [], ""
    for place in places:
        words.append(str(place.line) if place.file == file else at(place))
        file = place.file
    return listed(words, _MOST_USES)


def _together(culprit: Culprit) -> str:
    """Say what to do about two places that belong together."""
    first, second, third = culprit.accesses[:3]
    if culprit.pattern == UNDER_WAY:
        whole = f"what {first.function.rpartition('.')[2]} does from {at(first)} on"
        return f"Make {whole} one step: {_lock(culprit)} over it, and over {lines_of(second, third)}."
    fourth = culprit.accesses[3]
    looks, changes = ((first, fourth), (second, third)) if culprit.pattern == GONE else ((second, third), (first, fourth))
    locks = [name for name in changes[0].locks if name in changes[1].locks]
    if locks:
        return f"Guard {lines_of(*looks)} with {locks[0]}, which {changes[0].thread} holds at {at(changes[0])}."
    if not culprit.has_tasks:
        return f"Hold one lock over {lines_of(*changes)}, and the same over {lines_of(*looks)}."
    if culprit.pattern == GONE:
        again = f"Look at {shown(culprit.places[0])} again right before {at(fourth)}, after the await"
        return f"{again}; or hold one asyncio.Lock over {lines_of(*looks)}, and over {lines_of(*changes)}."
    return f"Make {lines_of(*changes)} one step: {_lock(culprit)} over it, and at {at(second)}."


def _order_of_two(culprit: Culprit) -> str:
    """Say what to do about an access that came before another's and should not have."""
    first, second = culprit.accesses[-2:]
    wait = "await it" if culprit.has_tasks else "join() it, or wait on an Event that it sets"
    return (
        f"Have {first.thread} wait until {second.thread} is done before {at(first)} ({wait}), "
        f"or let {at(second)} cope with what it finds there."
    )


def lines_of(first: RaceAccess, second: RaceAccess) -> str:
    """Return `file.py:41`, `file.py:41 to 45`, or both ends of the way if they are in two functions."""
    if first.file != second.file:
        return f"the way from {at(first)} to {at(second)}"
    if first.function != second.function:
        return f"the way from {at(first)} to line {second.line}"
    low, high = sorted((first.line, second.line))
    return at(first) if low == high else f"{at(first).rpartition(':')[0]}:{low} to {high}"


def _order(outcome: Outcome, trace: Trace) -> str:
    """Say in which order to take the locks of a deadlock."""
    cycle = cycle_of(outcome)
    if len(cycle) == 1 and cycle[0].resource.startswith("Future"):
        return "In a task, await what gives the result: `await asyncio.wrap_future(...)`. In a worker, do it there, or have more workers."
    if len(cycle) == 1:
        other = "Make it an RLock, or do" if cycle[0].kind == "acquire" or not cycle[0].is_task else "Do"
        return f"{other} not take it again at {at(cycle[0].where)}: the caller holds it already."
    if any(one.kind == "join" for one in cycle):
        joiner = next(one for one in cycle if one.kind == "join")
        if joiner.is_task and not joiner.holds:
            return f"Do not block at {at(joiner.where)}: no task can step meanwhile. Use `await asyncio.to_thread(...)`."
        held = f"{joiner.holds[0].resource} " if joiner.holds else "the lock "
        return f"Let go of {held}before waiting for the thread at {at(joiner.where)}."
    places = {(one.where.file, one.where.line) for one in cycle}
    names = list(dict.fromkeys(one.resource for one in cycle))
    if len(cycle) < 2 or not all(one.kind == "acquire" or (one.is_task and one.resource.startswith("Lock")) for one in cycle):
        return ""
    if len(places) == 1:
        return f"Take the locks at {at(cycle[0].where)} in one order whatever the arguments, for example sorted by a number that each has."
    if not all("'" in name for name in names):
        ways = [
            f"{one.thread} takes them at {at(one.holds[0].where)} and {at(one.where)}" for one in cycle if one.holds and one.holds[0].where
        ]
        return f"Take these locks in one order everywhere: {', '.join(ways)}."
    outer, inner, model = _model(outcome, trace) or (
        cycle[0].holds[0].resource if cycle[0].holds else names[-1],
        cycle[0].resource,
        cycle[0].where,
    )
    wrong = next((one.where for one in cycle if one.resource == outer), cycle[-1].where)
    as_there = f"as {model.function.rpartition('.')[2]} does at {at(model)}"
    return f"Take {outer} before {inner} everywhere, {as_there}; at {at(wrong)} it is the other way round."


def _model(outcome: Outcome, trace: Trace) -> tuple[str, str, Frame] | None:
    """Return two locks of the cycle in the order in which a thread that is not on it took them, with where it did."""
    wanted = {one.resource for one in outcome.blocked if one.tid in outcome.cycle}
    held: dict[int, list[str]] = {}
    for step in trace.steps:
        own = held.setdefault(step.tid, [])
        if step.tid in outcome.cycle or step.place not in wanted:
            continue
        if step.kind == "acquire":
            if own:
                return own[-1], step.place, step.where
            own.append(step.place)
        elif step.kind == "release" and step.place in own:
            own.remove(step.place)
    return None


#: What is missing, by what a thread needs, and what to do then.
_MISSING: Final = {
    "a put()": "Put one item more, or one that says stop for each that gets: nothing is left for {at}.",
    "a get() that makes room": "Get as many items as are put, also while stopping, or give the queue more room: see {at}.",
    "task_done() for every item": "Call task_done() for every item that was got, also where its handling fails (try/finally).",
    "a set()": "Set the event on every path, also where something fails (try/finally): nobody is left that does.",
    "a release()": "Release it as often as it is taken, on every path: use `with`, or try/finally.",
    "the wait() of a missing party": "Make it for as many parties as come, or abort() it when one cannot come.",
    "a notify()": "Notify after each change that is waited for, and look before waiting: `while not ...: wait()`.",
    "a call_soon_threadsafe()": "Call loop.call_soon_threadsafe() from another thread, with what is to be done: then the loop does it.",
    "a set_result()": "Give it a result or an exception on every path: try/except around what makes it.",
}  # fmt: skip


def _stuck(failure: Failure, culprit: Culprit | None) -> str:
    """Say what would have released a thread that waits for ever."""
    outcome = failure.outcome
    one = roots_of(outcome.blocked)[0]
    behind = waiting_behind(outcome, one)
    if culprit is None and behind and one.keeps_loop_of(behind[0]):
        return f"Do not block at {at(one.where)}: no task can step meanwhile. Await what asyncio has for it, or use `asyncio.to_thread`."
    if culprit is None and behind:
        return f"Let go of {behind[0].resource} before waiting at {at(one.where)}: {behind[0].thread} needs it at {at(behind[0].where)}."
    if culprit is None and one.kind == "acquire" and one.holders:
        return _kept(one, failure.trace)
    if culprit is None:
        found = (text for needs, text in _MISSING.items() if one.needs.startswith(needs))
        return next(found, "").format(at=at(one.where))
    if culprit.pattern == "notify-other":
        call = culprit.accesses[-1]
        return (
            f"Use notify_all() at {at(call)}: notify() wakes one thread, and more than one wait for this."
            if call.mode == "notifies"
            else ""
        )
    call, wait = culprit.accesses[-2:]
    if call.mode == "sets":
        return f"Do not clear the event between {at(call)} and {at(wait)}."
    loop = f"`while ...: wait()` at {at(wait)}"
    return f"Take the lock first, then look, then wait: {loop} under it, and change under it what is looked at, before {at(call)}."


def _kept(one: Blocked, trace: Trace) -> str:
    """Say where a lock was taken that is never given back, if one was by a thread that has ended."""
    taken = [step for step in trace.steps if step.kind == "acquire" and step.tid in one.holders and step.place == one.resource]
    where = f" at {at(taken[-1].where)}" if taken else ""
    return f"Give {one.resource} back on every path: use `with` where it is taken{where}."


def _if_around_wait(trace: Trace) -> Frame | None:
    """Return the line of a wait that returned, and around which there is an `if` where a `while` should be."""
    for step in trace.steps:
        if step.kind == "wake" and "Condition" in step.place:
            lines = source_lines(step.where.file)
            if lines and _is_under_if("".join(lines), step.where.line):
                return step.where
    return None


def _is_under_if(source: str, line: int) -> bool:
    """Tell whether the innermost `if` or `while` around the call of `wait` in a line is an `if`."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return False
    inner: ast.AST | None = None
    for node in ast.walk(tree):
        is_around = isinstance(node, (ast.If, ast.While, ast.FunctionDef)) and node.lineno < line <= (node.end_lineno or node.lineno)
        if is_around and getattr(node, "lineno", 0) >= getattr(inner, "lineno", 0):
            inner = node
    return isinstance(inner, ast.If)
