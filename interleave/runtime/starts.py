"""Whether a thread object has been started, which other threads can ask: by `join`, `is_alive`, `ident`, or by starting it as well.

As a rule nobody does who is not ordered with the start anyway: the starter, and those whom it started later. Then it makes no difference
when a start happens, and it is announced as touching nothing. The first time that somebody else asks is a discovery like that of a name
which is stored from elsewhere: the exploration begins anew, with starts and questions as accesses to one place. An execution in which
nobody asks does not show that, so who follows its seed finds out by trying both.
"""

from __future__ import annotations

from typing import Any

from interleave import runtime
from interleave.model import READ, WRITE
from interleave.runtime import gate, state
from interleave.runtime.sites import current_site

#: The attribute that the place goes by.
STARTED = "_started"


def is_asking(trap: Any, thread: object) -> bool:
    """Tell whether an answer about a thread depends on when another thread starts it, and have starts tell from now on."""
    logical, mine = trap.side.get(id(thread)), trap.kernel.me.path
    if not gate.is_open:
        return False
    if logical is not None:
        starter, number = logical.path[:-1], logical.path[-1]
        if mine[: len(starter)] == starter and (len(mine) == len(starter) or mine[len(starter)] >= number):
            return False
    state.learn(STARTED)
    return True


def ask(trap: Any, thread: object) -> None:
    """Announce that a stand-in is about to look whether a thread has been started."""
    if is_asking(trap, thread):
        runtime.touch(current_site(), thread, STARTED, READ)


def are_told_now() -> bool:
    """Have starts tell from now on; return whether they did not before."""
    is_new = STARTED not in state.learnt
    state.learn(STARTED)
    return is_new


def start(thread: object) -> None:
    """Announce that a thread is about to be started, if anybody asks for that."""
    if gate.is_open and STARTED in state.learnt:
        runtime.touch_many(current_site(), [(thread, STARTED, WRITE), (thread, "daemon", READ)])
