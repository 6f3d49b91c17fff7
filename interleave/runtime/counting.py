"""Whether a thread is in a loop that ends by itself: one over something (`for`), as against one that ends when something happens (`while`).

An execution that has made very many steps is a livelock if no end is in sight. A loop over a range or a list has one, however long it is,
and so has one that counts, as its source tells: what it does not go on without it changes in each round (`while n < limit: n += 1`).
"""

from __future__ import annotations

import ast
import dis
import linecache
from collections.abc import Iterable, Iterator
from functools import lru_cache
from types import CodeType, FrameType

from interleave.runtime.sites import USER, rank

Loop = ast.For | ast.AsyncFor | ast.While
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_counting(frames: Iterable[FrameType]) -> bool:
    """Tell whether the innermost loop of the program's own code that frames stand in, the innermost first, is one over something."""
    for frame in frames:
        if rank(frame.f_code) == USER:
            around = [loop for loop in _loops(frame.f_code) if loop[0] <= frame.f_lasti <= loop[1]]
            if around:
                return min(around, key=lambda loop: loop[1] - loop[0])[2] or _counts(frame)
    return False


def _counts(frame: FrameType) -> bool:
    """Tell whether the innermost `while` of the source that a frame stands in counts towards what ends it."""
    loop = next((one for one in reversed(loops_around(frame)) if isinstance(one, ast.While)), None)
    if loop is None:
        return False
    changed: set[tuple[str, int]] = set()
    for one in ast.walk(loop):
        if isinstance(one, ast.AugAssign):
            changed.add((ast.unparse(one.target), _way(one.op)))
        elif isinstance(one, ast.Assign) and isinstance(one.value, ast.BinOp):
            parts = {ast.unparse(part) for part in ast.walk(one.value) if isinstance(part, ast.expr)}
            changed |= {(part, _way(one.value.op)) for part in parts.intersection(map(ast.unparse, one.targets))}
    return any((ast.unparse(part), way) in changed for part, ways in _limits(loop.test) for way in ways)


def _way(operator: ast.operator) -> int:
    """Tell which way a number goes by a calculation: up or down."""
    return 1 if isinstance(operator, (ast.Add, ast.Mult, ast.LShift, ast.Pow)) else -1


def _limits(test: ast.expr) -> Iterator[tuple[ast.expr, tuple[int, ...]]]:
    """Yield what a condition compares, with the ways in which it comes to an end."""
    if isinstance(test, ast.BoolOp):
        for one in test.values:
            yield from _limits(one)
    elif isinstance(test, ast.Compare):
        for left, operator, right in zip([test.left, *test.comparators], test.ops, test.comparators, strict=False):
            up = isinstance(operator, (ast.Lt, ast.LtE)) or -isinstance(operator, (ast.Gt, ast.GtE))
            yield left, (up,) if up else (1, -1)
            yield right, (-up,) if up else (1, -1)
    else:
        yield test, (-1,)


def loops_around(frame: FrameType) -> list[Loop]:
    """Return the loops in the source of the function that a frame runs, around the line where it stands, the outermost first."""
    loops: list[Loop] = []
    for one in _blocks("".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals))):
        if one.lineno <= frame.f_lineno <= (one.end_lineno or 0):
            loops = [] if isinstance(one, _Function) else [*loops, one]
    return loops


@lru_cache(maxsize=16)
def _blocks(source: str) -> tuple[Loop | _Function, ...]:
    """Return the functions and the loops of a file, whatever is around another before that."""
    try:
        return tuple(one for one in ast.walk(ast.parse(source)) if isinstance(one, Loop | _Function))
    except (SyntaxError, ValueError):
        return ()


@lru_cache(maxsize=64)
def _loops(code: CodeType) -> tuple[tuple[int, int, bool], ...]:
    """Return the loops of a code object: the offsets of the first and the last instruction, and whether it is one over something."""
    instructions = list(dis.get_instructions(code))
    ends: dict[int, int] = {}
    for one in instructions:
        if "JUMP" in one.opname and isinstance(one.argval, int) and one.argval <= one.offset and one.opcode in dis.hasjrel:
            # Several jumps back to one place, by `continue`, are one loop.
            ends[one.argval] = one.offset
    advances = [(one.offset, one.argval) for one in instructions if one.opname == "FOR_ITER"]
    return tuple((start, end, any(start <= at <= end < leads_to for at, leads_to in advances)) for start, end in ends.items())
