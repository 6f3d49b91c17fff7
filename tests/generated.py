"""Generated programs: small threads over shared objects, as real Python functions.

A program is data (nested tuples), so that Hypothesis can shrink it; `build` makes the scenario that runs it with plain `threading`, and
`Outcomes` collects the final state of every execution. The interpreter of the instructions below is the program under test: its accesses
are
the ones that get instrumented.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Instruction = tuple[Any, ...]
Program = tuple[tuple[Instruction, ...], ...]

#: Names of attributes, keys and locks: few, so that threads meet.
FIELDS = ("a", "b")
LOCKS = (0, 1)


class Shared:
    """The state that the threads of one execution share."""

    def __init__(self) -> None:
        self.a = 0
        self.b = 0
        self.table: dict[str, int] = {"a": 0}
        self.items: list[int] = [0]
        self.ordered: OrderedDict[str, int] = OrderedDict(a=0, b=0)
        self.line: deque[int] = deque([0])
        self.members = {0}
        self.locks = (threading.Lock(), threading.RLock())
        self.seen: tuple[list[Any], ...] = ([], [], [], [])

    def state(self) -> Any:
        """Return all that can be told apart at the end."""
        return (
            self.a,
            self.b,
            tuple(self.table.items()),
            tuple(self.items),
            tuple(self.ordered.items()),
            tuple(self.line),
            tuple(sorted(self.members)),
            tuple(tuple(one) for one in self.seen),
        )


def perform(shared: Shared, me: int, instruction: Instruction) -> None:
    """Perform one instruction in thread `me`."""
    kind, *rest = instruction
    out = shared.seen[me]
    if kind == "read":
        out.append(getattr(shared, rest[0]))
    elif kind == "increment":
        if rest[0] == "a":
            shared.a += 1
        else:
            shared.b += 1
    elif kind == "store":
        shared.a = me + 1
    elif kind == "absent":
        if rest[0] not in shared.table:
            shared.table[rest[0]] = me
    elif kind == "bump":
        shared.table["a"] += 1
    elif kind == "drop":
        out.append(shared.table.pop(rest[0], None))
    elif kind == "keys":
        out.append(tuple(shared.table))
    elif kind == "append":
        shared.items.append(me)
    elif kind == "first":
        shared.items[0] = shared.items[0] + 1
    elif kind == "size":
        out.append(len(shared.items))
    elif kind == "front":
        shared.ordered.move_to_end(rest[0])
    elif kind == "push":
        shared.line.append(me)
    elif kind == "pull":
        out.append(shared.line.popleft() if shared.line else None)
    elif kind == "join":
        shared.members.add(me + 1)
    elif kind == "count":
        out.append(sum(1 for _ in sorted(shared.members)))
    elif kind == "locked":
        with shared.locks[rest[0]]:
            for inner in rest[1]:
                perform(shared, me, inner)
    elif kind == "try":
        if shared.locks[rest[0]].acquire(blocking=False):
            out.append("taken")
            shared.locks[rest[0]].release()
        else:
            out.append("busy")


_plain = st.one_of(
    st.tuples(st.just("read"), st.sampled_from(FIELDS)),
    st.tuples(st.just("increment"), st.sampled_from(FIELDS)),
    st.tuples(st.sampled_from(("store", "bump", "keys", "append", "first", "size", "push", "pull", "join", "count"))),
    st.tuples(st.sampled_from(("absent", "drop", "front")), st.sampled_from(FIELDS)),
    st.tuples(st.just("try"), st.sampled_from(LOCKS)),
)
_locked = st.tuples(st.just("locked"), st.sampled_from(LOCKS), st.lists(_plain, min_size=1, max_size=2).map(tuple))
_thread = st.lists(st.one_of(_plain, _plain, _locked), min_size=1, max_size=3).map(tuple)

#: Two or three threads of at most three instructions.
programs: st.SearchStrategy[Program] = st.one_of(
    st.lists(_thread, min_size=2, max_size=2).map(tuple),
    st.lists(st.lists(st.one_of(_plain, _locked), min_size=1, max_size=1).map(tuple), min_size=3, max_size=3).map(tuple),
)


def build(program: Program, outcomes: dict[Any, int]) -> Callable[[], None]:
    """Return the scenario that runs `program` and counts its final states in `outcomes`."""

    def scenario() -> None:
        shared = Shared()

        def body(me: int) -> None:
            try:
                for instruction in program[me]:
                    perform(shared, me, instruction)
            except (KeyError, IndexError, RuntimeError) as error:
                shared.seen[me].append(type(error).__name__)

        threads = [threading.Thread(target=body, args=(index,)) for index in range(len(program))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        state = shared.state()
        outcomes[state] = outcomes.get(state, 0) + 1

    return scenario
