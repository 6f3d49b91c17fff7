"""Loops that may wait for another thread by looking again and again: `while not flag: pass`.

Such a loop changes nothing as it goes round, unless what it reads is changed; then there is no use in exploring how often it went round.
The runtime decides that from what happened during a turn (`runtime.spinning`); here the loops are found for which its evidence is
complete: nothing in them but loads, comparisons, jumps, stores of local variables, and calls of methods and functions that only look, or
announce it if they do more.

The iterator of a `for` loop around them is state that nobody sees. So where that goes on, a turn before is not compared with one after.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bytecode import Instr, Label

from interleave import runtime
from interleave.instrument.announce import gate
from interleave.model import Site

#: Methods and functions that look at something, and those that let others go first.
_LOOKING = frozenset({
    "acquire", "bool", "cancelled", "count", "done", "empty", "full", "get", "getattr", "hasattr", "is_alive", "is_set", "isinstance",
    "len", "locked", "max", "min", "qsize", "running", "sleep", "yield_point",
})  # fmt: skip
_QUIET = frozenset({
    "BINARY_OP", "BINARY_SUBSCR", "BUILD_TUPLE", "CALL", "CALL_KW", "COMPARE_OP", "CONTAINS_OP", "COPY", "IS_OP", "KW_NAMES", "NOP",
    "POP_TOP", "PRECALL", "PUSH_NULL", "RETURN_CONST", "RETURN_VALUE", "STORE_FAST", "SWAP", "TO_BOOL", "UNARY_NEGATIVE", "UNARY_NOT",
})  # fmt: skip
_CALLS = ("CALL", "CALL_KW")
_READS = ("BINARY_SUBSCR", "CONTAINS_OP", "LOAD_ATTR", "LOAD_DEREF", "LOAD_GLOBAL", "LOAD_METHOD", *_CALLS)


def turn(site: Site) -> Callable[[], None]:
    """Make the hook for the beginning of a turn."""

    def hook() -> None:
        if gate.is_open:
            runtime.turn(site, sys._getframe(1))

    return hook


def go_on() -> None:
    """Note that a loop goes on around one that may wait: the hook for that."""
    if gate.is_open:
        runtime.turn(None, None)


def quiet_loops(instructions: Sequence[Any]) -> tuple[frozenset[int], frozenset[int]]:
    """Return the positions of the first instructions of the loops in question, and where `for` loops around them go on."""
    labels = {id(one): position for position, one in enumerate(instructions) if isinstance(one, Label)}
    back_jumps = [
        (labels[id(one.arg)], position)
        for position, one in enumerate(instructions)
        if isinstance(one, Instr) and isinstance(one.arg, Label) and labels[id(one.arg)] < position
    ]
    found, outer = set(), set()
    for start, end in back_jumps:
        # Several jumps back to one place, by `continue`, are one loop, which ends with the last of them.
        end = max(last for first, last in back_jumps if first == start)
        if all(_is_quiet(one) for one in instructions[start:end] if isinstance(one, Instr)) and _only_looks(instructions[start:end]):
            found.add(next(at for at in range(start, end + 1) if isinstance(instructions[at], Instr)))
            around = [first for first, last in back_jumps if first <= start and end <= last]
            outer |= {at for first in around for at in range(first, first + 3) if _advances(instructions[at])}
    return frozenset(found), frozenset(outer)


def _advances(instr: Any) -> bool:
    return isinstance(instr, Instr) and instr.name == "FOR_ITER"


def _is_quiet(instr: Instr) -> bool:
    name = instr.name
    return name in _QUIET or name.startswith(("LOAD_", "POP_JUMP_", "JUMP_"))


def _only_looks(loop: Sequence[Any]) -> bool:
    """Tell whether a loop reads something that others may write, and everything that is called in it is a method that only looks."""
    if not any(isinstance(one, Instr) and one.name in _READS for one in loop):
        return False
    names = list(_called(loop))
    calls = sum(isinstance(one, Instr) and one.name in _CALLS for one in loop)
    return len(names) == calls and _LOOKING.issuperset(names)


def _called(loop: Sequence[Any]) -> Iterator[str]:
    """Yield the names of what is loaded to be called, as far as the instructions show it."""
    code = [one for one in loop if isinstance(one, Instr)]
    for index, one in enumerate(code):
        if one.name == "LOAD_METHOD" or (one.name == "LOAD_ATTR" and _marks_call(one)):
            yield _name(one)
        elif one.name == "LOAD_GLOBAL" and _marks_call(one):
            # The NULL of the call is pushed first, and then perhaps an attribute is loaded: `time.sleep`.
            while code[index + 1].name == "LOAD_ATTR" and not _marks_call(code[index + 1]):
                index += 1
            yield _name(code[index])
        elif one.name == "PUSH_NULL":
            yield _name(code[index - 1]) if code[index - 1].name in ("LOAD_ATTR", "LOAD_GLOBAL") else ""


def _marks_call(instr: Instr) -> bool:
    return isinstance(instr.arg, tuple) and instr.arg[0] is True


def _name(instr: Instr) -> str:
    arg: Any = instr.arg
    return str(arg[-1] if isinstance(arg, tuple) else arg)
