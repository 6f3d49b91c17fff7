"""Which accesses are to lists that nobody but one frame can ever have: loops over `threads` in nearly every scenario.

An access to an object that only one thread will ever reach conflicts with nothing, and need not be announced. For most objects that
cannot be known before it happens. For a local variable that holds nothing but new lists, and that is only looped over, indexed, tested and
called methods of, the code shows it:

* every store is of a list just made there: a display, or a list comprehension;
* every load is followed at once by what takes the list off the stack again and keeps no reference to it beyond the loop;
* it is no cell, so no closure has it; the frame is no generator's, which other threads may resume; and the code does not ask for its
  own variables (`locals()` and the like). Debuggers may; what they do with a list they find is not the program's.

Anything else that is done with the variable makes all accesses through it ordinary ones.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from types import CodeType
from typing import Any, NamedTuple

from bytecode import Instr, Label

from interleave.instrument.analysis import parameter_count
from interleave.instrument.context import SUSPENDING

_LOOKS_AT_FRAMES = frozenset({"locals", "vars", "eval", "exec", "dir", "_getframe", "currentframe"})
_LOADS = ("LOAD_FAST", "LOAD_FAST_CHECK")
_METHODS = frozenset({"append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"})
_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
_END_OF_LOOP = ["END_FOR"] if sys.version_info < (3, 13) else ["END_FOR", "POP_TOP"]
#: What comes between the start of an inlined comprehension and its loop.
_PREPARATION = frozenset({"LOAD_FAST_AND_CLEAR", "SWAP", "BUILD_LIST", "BUILD_SET", "BUILD_MAP"})


class _Step(NamedTuple):
    """One instruction, or half of a fused one, with its position in the list of instructions. Labels have no name."""

    name: str
    arg: Any
    position: int


def private_accesses(code: CodeType, instructions: Sequence[Any]) -> frozenset[int]:
    """Return the positions of the loops (GET_ITER, FOR_ITER) and subscripts that are of private lists only."""
    if code.co_flags & SUSPENDING or not _LOOKS_AT_FRAMES.isdisjoint(code.co_names):
        return frozenset()
    steps = list(_steps(instructions))
    excluded = {*code.co_cellvars, *code.co_varnames[: parameter_count(code)]}
    fresh = _fresh_lists(steps)
    uses: dict[str, list[int]] = {}
    for index, (name, arg, _) in enumerate(steps):
        if type(arg) is not str or not name.endswith(("_FAST", "_FAST_CHECK", "_FAST_AND_CLEAR")):
            continue
        found = uses.setdefault(arg, [])
        if name in _LOADS:
            accesses = _use(steps, index)
            if accesses is None:
                excluded.add(arg)
            else:
                found.extend(accesses)
        elif name not in ("STORE_FAST", "DELETE_FAST") or (name == "STORE_FAST" and index not in fresh):
            excluded.add(arg)
    return frozenset(position for name, positions in uses.items() if name not in excluded for position in positions)


def _steps(instructions: Sequence[Any]) -> Iterator[_Step]:
    """Yield instructions and labels, fused loads and stores one by one; entries of the exception table are left out."""
    for position, instr in enumerate(instructions):
        if isinstance(instr, Label):
            yield _Step("", instr, position)
        elif isinstance(instr, Instr):
            arg: Any = instr.arg
            if "_FAST_" in instr.name and isinstance(arg, tuple):
                first, second = instr.name.split("_FAST_")
                yield _Step(f"{first}_FAST", arg[0], position)
                yield _Step(second, arg[1], position)
            else:
                yield _Step(instr.name, arg, position)


def _fresh_lists(steps: Sequence[_Step]) -> set[int]:
    """Return the indices of the stores of a list that was just made."""
    found = set()
    called: list[str] = []
    starts: dict[Label, int] = {}
    is_list = False
    for index, (name, arg, _) in enumerate(steps):
        before = [step.name for step in steps[max(index - 3, 0) : index]]
        if name == "FOR_ITER":
            starts[arg] = index
        elif name == "MAKE_FUNCTION" and (made := _code_below(steps, index)) is not None:
            called.append(made)
        elif name == "STORE_FAST":
            if (
                before[-1:] == ["BUILD_LIST"]
                or before == ["BUILD_LIST", "LOAD_CONST", "LIST_EXTEND"]
                or (is_list and before[-1:] == ["CALL"])
            ) or _ends_comprehension(steps, index, starts):
                found.add(index)
        elif name == "CALL":
            # Up to 3.11 a comprehension is a function that is called with the iterator.
            is_list = before[-2:] == ["GET_ITER", "PRECALL"] and bool(called) and called.pop() == "<listcomp>"
    return found


def _code_below(steps: Sequence[_Step], index: int) -> str | None:
    """Return the kind of comprehension that a MAKE_FUNCTION makes, None if it makes another function."""
    constant = steps[index - 1].arg
    name = constant.co_name if isinstance(constant, CodeType) else None
    return name if name in _COMPREHENSIONS else None


def _ends_comprehension(steps: Sequence[_Step], index: int, starts: dict[Label, int]) -> bool:
    """Tell whether an inlined list comprehension ends just before a store (3.12 and newer)."""
    at = index - len(_END_OF_LOOP)
    if [step.name for step in steps[at:index]] != _END_OF_LOOP or steps[at - 1].name or steps[at - 1].arg not in starts:
        return False
    made = [step.name for step in steps[: starts[steps[at - 1].arg]] if step.name][-2:]
    return made == ["BUILD_LIST", "SWAP"]


def _use(steps: Sequence[_Step], index: int) -> list[int] | None:
    """Return the accesses that come of a load, None if the list may end up elsewhere."""
    following = steps[index + 1 : index + 3]
    names = [step.name for step in following]
    if names[0] == "GET_ITER":
        loop = _loop_after(steps, index + 1)
        return None if loop is None else [following[0].position, loop]
    if names[0] in (*_LOADS, "LOAD_CONST") and names[1] == "BINARY_SUBSCR" and type(following[0].arg) in (str, int):
        return [following[1].position]
    if names[0] in ("LOAD_METHOD", "LOAD_ATTR") and _method(following[0]) in _METHODS:
        return []
    return [] if names[0] == "TO_BOOL" or names[0].startswith("POP_JUMP") else None


def _method(step: _Step) -> str | None:
    """Return the name of the method that an instruction loads to be called at once."""
    if step.name == "LOAD_METHOD":
        return str(step.arg)
    return step.arg[1] if isinstance(step.arg, tuple) and step.arg[0] is True else None


def _loop_after(steps: Sequence[_Step], index: int) -> int | None:
    """Return the position of the loop that an iterator is made for, None if something else is done with it."""
    at = index + 1
    while not steps[at].name or steps[at].name in _PREPARATION:
        at += 1
    return steps[at].position if steps[at].name == "FOR_ITER" else None
