"""Loops that may wait for another thread by looking again and again: `while not flag: pass`.

Such a loop changes nothing as it goes round, unless what it reads is changed; then there is no use in exploring how often it went round.
The runtime decides that from what happened during a turn (`runtime.spinning`); here the loops are found for which its evidence is
complete: nothing in them but loads, comparisons, jumps, stores of local variables, and calls. What is called is seen when it is: methods
and functions that only look, or announce it if they do more; and functions in scope of the same kind of code, whose calls are looked at
too. After any other call nothing is known of the turn.

The iterator of a `for` loop around them is state that nobody sees. So where that goes on, a turn before is not compared with one after.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Sequence
from types import BuiltinFunctionType, CodeType, FunctionType, MethodDescriptorType, MethodType
from typing import Any

from bytecode import Instr, Label

from interleave import runtime
from interleave.instrument.announce import gate
from interleave.instrument.registry import registry
from interleave.model import Site

#: Methods and functions that look at something, and those that let others go first.
_LOOKING = frozenset({
    "acquire", "bool", "cancelled", "count", "done", "empty", "full", "get", "getattr", "hasattr", "is_alive", "is_set",
    "isinstance", "len", "locked", "max", "min", "qsize", "running", "sleep", "yield_point",
})  # fmt: skip
_QUIET = frozenset({
    "BINARY_OP", "BINARY_SUBSCR", "BUILD_TUPLE", "CALL", "CALL_KW", "COMPARE_OP", "CONTAINS_OP", "COPY", "IS_OP", "KW_NAMES", "NOP",
    "POP_TOP", "PRECALL", "PUSH_NULL", "RETURN_CONST", "RETURN_VALUE", "STORE_FAST", "SWAP", "TO_BOOL", "UNARY_NEGATIVE", "UNARY_NOT",
})  # fmt: skip
#: What else may be in a function that is called: its frame is new in every turn, the iterators of its loops included.
_QUIET_IN_CALLS = _QUIET | {
    "CACHE", "COPY_FREE_VARS", "END_FOR", "EXTENDED_ARG", "FOR_ITER", "GET_ITER", "RESUME", "STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST",
}  # fmt: skip
_READS = frozenset({"BINARY_SUBSCR", "CONTAINS_OP", "LOAD_ATTR", "LOAD_DEREF", "LOAD_GLOBAL", "LOAD_METHOD", "CALL", "CALL_KW"})


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


def looking(hook: Callable[..., None]) -> Callable[..., None]:
    """Make the hook for a call from a quiet loop, or from what that may call, of the one that announces it."""

    def call(function: Any, *arguments: Any) -> None:
        if gate.is_open and not _only_looks(function):
            runtime.turn(None, None)
        hook(function, *arguments)

    return call


def _only_looks(function: Any) -> bool:
    function = function.__func__ if type(function) is MethodType else function
    is_quiet = type(function) is FunctionType and id(function.__code__) in registry.quiet
    return is_quiet or (type(function) in _NAMED and function.__name__ in _LOOKING)


_NAMED = frozenset({BuiltinFunctionType, FunctionType, MethodDescriptorType, staticmethod, type})


def is_quiet(code: CodeType) -> bool:
    """Tell whether a function does nothing but what a quiet loop may do."""
    return all(_is_quiet(dis.opname[opcode], _QUIET_IN_CALLS) for opcode in set(code.co_code[::2]))


def quiet_loops(instructions: Sequence[Any]) -> tuple[frozenset[int], frozenset[int], frozenset[int]]:
    """Return the positions in the loops in question, of their first instructions, and where `for` loops around them go on."""
    labels = {id(one): position for position, one in enumerate(instructions) if isinstance(one, Label)}
    back_jumps = [
        (labels[id(one.arg)], position)
        for position, one in enumerate(instructions)
        if isinstance(one, Instr) and isinstance(one.arg, Label) and labels[id(one.arg)] < position
    ]
    inside: set[int] = set()
    found, outer = set(), set()
    for start, end in back_jumps:
        # Several jumps back to one place, by `continue`, are one loop, which ends with the last of them.
        end = max(last for first, last in back_jumps if first == start)
        if _may_wait([one for one in instructions[start:end] if isinstance(one, Instr)]):
            inside.update(range(start, end))
            found.add(next(at for at in range(start, end + 1) if isinstance(instructions[at], Instr)))
            around = [first for first, last in back_jumps if first <= start and end <= last]
            outer |= {at for first in around for at in range(first, first + 3) if getattr(instructions[at], "name", "") == "FOR_ITER"}
    return frozenset(inside), frozenset(found), frozenset(outer)


def _may_wait(loop: Sequence[Instr]) -> bool:
    """Tell whether a loop is quiet and reads something that others may write. One that keeps what unknown functions return hardly waits."""
    names = [one.name for one in loop]
    if not all(_is_quiet(name, _QUIET) for name in names) or not _READS.intersection(names):
        return False
    looks = sum(str(one.arg[-1] if isinstance(one.arg, tuple) else one.arg) in _LOOKING for one in loop)
    return "STORE_FAST" not in names or names.count("CALL") + names.count("CALL_KW") <= looks


def _is_quiet(name: str, quiet: frozenset[str]) -> bool:
    return name in quiet or name.startswith(("LOAD_", "POP_JUMP_", "JUMP_"))
