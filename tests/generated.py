"""Generated programs: small threads over shared objects, as real Python functions.

A program is data (nested tuples), so that Hypothesis can shrink it. `build` writes it out as Python source, one function a thread, with
plain `threading` and built-in containers, and makes the scenario that runs it and collects the final state of every execution. What is
announced is then what a user's code of that kind announces, and no more.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

import interleave

Instruction = tuple[Any, ...]
Program = tuple[tuple[Instruction, ...], ...]

#: Names of attributes and keys, and numbers of locks: few, so that threads meet.
FIELDS = ("a", "b")
LOCKS = (0, 1)

#: What an instruction does, as source; `{0}` is its argument, `{me}` the number of the thread.
SOURCE = {
    "read": "out += (shared.{0},)",
    "increment": "shared.{0} += 1",
    "store": "shared.a = {me} + 1",
    "both": "shared.a, shared.b = shared.b, {me} + 1",
    "absent": "if '{0}' not in table: table['{0}'] = {me}",
    "bump": "table['a'] += 1",
    "drop": "out += (table.pop('{0}', None),)",
    "keys": "out += (tuple(table),)",
    "default": "out += (table.setdefault('{0}', {me}),)",
    "append": "items.append({me})",
    "first": "items[0] = items[0] + 1",
    "size": "out += (len(items),)",
    "sum": "out += (sum(items),)",
    "front": "ordered.move_to_end('{0}')",
    "push": "line.append({me})",
    "pull": "out += (line.popleft() if line else None,)",
    "add": "members.add({me} + 1)",
    "count": "out += (len(sorted(members)),)",
    "try": "if locks[{0}].acquire(blocking=False): out += ('taken',); locks[{0}].release()\nelse: out += ('busy',)",
    "put": "jobs.put({me})",
    "get": "out += (jobs.get(),)",
    "look": "try: out += (jobs.get_nowait(),)\nexcept queue.Empty: out += ('empty',)",
    "set": "event.set()",
    "await": "event.wait()",
    "notify": "with condition: ready.append({me}); condition.notify()",
    "ready": "with condition:\n    while not ready: condition.wait()\n    out += (ready.pop(),)",
    "choose": "out += (choose((1, 2)),)",
    "down": "turnstile.acquire()",
    "up": "turnstile.release()",
    "pass": "out += (turnstile.acquire(blocking=False),)",
    "hold": "gate.acquire()",
    "free": "gate.release()",
    "fill": "narrow.put({me})",
    "take": "out += (narrow.get(),)",
    "clear": "event.clear()",
    "late": "out += (event.wait(0.1),)",
    "sleep": "sleep(0.1)",
    "all": "with condition: ready.append({me}); condition.notify_all()",
    "patient": "with condition: out += (condition.wait(0.1),)",
    "meet": "barrier.wait()",
    "worked": "jobs.task_done()",
    "finished": "jobs.join()",
    "spawn": "child = threading.Thread(target=increment, args=(shared,)); child.start(); child.join()",
}

_TEMPLATE = """
def thread_{me}(box, shared, table, items, ordered, line, members, locks, jobs, event, condition, ready, turnstile, gate, narrow, barrier):
    out = ()
    try:
{body}
    except (KeyError, IndexError, RuntimeError, ValueError) as error:
        out += (type(error).__name__,)
    box.append(out)
"""


class Shared:
    """Two attributes."""

    def __init__(self) -> None:
        self.a = 0
        self.b = 0


def increment(shared: Shared) -> None:
    shared.b += 1


def lines_of(instruction: Instruction, me: int) -> list[str]:
    """Return the source lines of one instruction."""
    kind, *rest = instruction
    if kind == "locked":
        inner = [line for one in rest[1] for line in lines_of(one, me)]
        return [f"with locks[{rest[0]}]:", *("    " + line for line in inner)]
    return SOURCE[kind].format(*rest, me=me).splitlines()


def source_of(program: Program) -> str:
    """Return the source of all threads."""
    bodies = [[line for one in thread for line in lines_of(one, me)] for me, thread in enumerate(program)]
    return "".join(_TEMPLATE.format(me=me, body="\n".join("        " + line for line in body)) for me, body in enumerate(bodies))


def _simple(*kinds: str) -> st.SearchStrategy[Instruction]:
    return st.tuples(st.sampled_from(kinds))


def _with(values: tuple[Any, ...], *kinds: str) -> st.SearchStrategy[Instruction]:
    return st.tuples(st.sampled_from(kinds), st.sampled_from(values))


_memory = st.one_of(
    _with(FIELDS, "read", "increment"),
    _simple("store", "both", "bump", "keys", "append", "first", "size", "sum", "push", "pull", "add", "count"),
    _with(FIELDS, "absent", "drop", "front", "default"),
)
_plain = st.one_of(_memory, _memory, _with(LOCKS, "try"), _simple("look", "set", "choose", "spawn"))
_locked = st.tuples(st.just("locked"), st.sampled_from(LOCKS), st.lists(_plain, min_size=1, max_size=2).map(tuple))
_blocking = st.one_of(_simple("put", "get", "set", "await", "notify", "ready"), _simple("put", "notify"))
_any = st.one_of(_memory, _plain, _locked, _blocking)
#: What may block although nobody holds anything, or time ends, and what lets it go on.
_guarded = _simple(
    "down", "up", "pass", "hold", "free", "fill", "take", "clear", "await", "late", "sleep", "all", "patient", "meet", "worked", "finished"
)
_every = st.one_of(_any, _any, _guarded)


def _programs(threads: int, longest: int, kinds: st.SearchStrategy[Instruction] = _any) -> st.SearchStrategy[Program]:
    thread = st.lists(kinds, min_size=1, max_size=longest).map(tuple)
    return st.lists(thread, min_size=threads, max_size=threads).map(tuple)


#: Two to four threads, the fewer the longer.
programs: st.SearchStrategy[Program] = st.one_of(_programs(2, 2), _programs(2, 3), _programs(3, 1), _programs(4, 1))
#: The same, a little longer, and with all that blocks.
all_programs: st.SearchStrategy[Program] = st.one_of(
    _programs(2, 3, _every), _programs(2, 4, _every), _programs(3, 2, _every), _programs(3, 1, _guarded), _programs(4, 1, _every)
)

_ends = _simple("put", "get", "put", "get", "down", "up", "down", "up", "fill", "take", "store")
_ends_and_more = _simple(
    "put",
    "get",
    "down",
    "up",
    "fill",
    "take",
    "store",
    "look",
    "pass",
    "worked",
    "finished",
    "sleep",
    "late",
    "set",
    "await",
    "hold",
    "free",
)
#: Queues and semaphores, mostly without anything that looks at both of their ends.
ends_programs: st.SearchStrategy[Program] = st.one_of(
    _programs(2, 3, _ends), _programs(2, 4, _ends), _programs(3, 2, _ends), _programs(4, 1, _ends), _programs(4, 2, _ends),
    _programs(2, 4, _ends_and_more), _programs(3, 2, _ends_and_more),
)  # fmt: skip


def build(program: Program, outcomes: dict[Any, int]) -> Callable[[], None]:
    """Return the scenario that runs `program` and counts its final states in `outcomes`; one that deadlocks reaches none."""
    namespace: dict[str, Any] = {"__name__": __name__, "queue": queue, "threading": threading, "increment": increment}
    namespace["choose"], namespace["sleep"] = interleave.choose, time.sleep
    exec(compile(source_of(program), "<generated>", "exec"), namespace)
    bodies = [namespace[f"thread_{me}"] for me in range(len(program))]

    def scenario() -> None:
        shared, locks = Shared(), (threading.Lock(), threading.RLock())
        table: dict[str, int] = {"a": 0}
        items, ready = [0], []  # type: ignore[var-annotated]
        ordered = OrderedDict(a=0, b=0)
        line, members = deque([0]), {0}
        jobs: queue.Queue[int] = queue.Queue()
        event, condition = threading.Event(), threading.Condition()
        turnstile, gate, barrier = threading.Semaphore(1), threading.Lock(), threading.Barrier(2)
        narrow: queue.Queue[int] = queue.Queue(maxsize=1)
        given = shared, table, items, ordered, line, members, locks, jobs, event, condition, ready, turnstile, gate, narrow, barrier
        boxes: list[list[Any]] = [[] for _ in bodies]
        threads = [threading.Thread(target=body, args=(box, *given)) for body, box in zip(bodies, boxes, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        state = (
            (shared.a, shared.b),
            tuple(table.items()),
            tuple(items),
            tuple(ordered.items()),
            tuple(line),
            tuple(sorted(members)),
            tuple(ready),
            tuple(jobs.queue),
            tuple(narrow.queue),
            tuple(tuple(box) for box in boxes),
        )
        outcomes[state] = outcomes.get(state, 0) + 1

    return scenario
