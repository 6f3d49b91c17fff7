"""Tasks that only sleep, again and again: a livelock that is known long before the bound on steps.

Each time that time passes because nothing else can go on, the sleeping tasks are looked at. If no other timer is set, each of them stands
in a loop that changes nothing, as its source tells, and everybody else waits for somebody, then nothing will ever change: the program is
what it was a round ago. That is told from where tasks stand alone, so it is the same whatever the strategy asks for.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import inspect
from asyncio import futures
from types import BuiltinFunctionType, CoroutineType, FrameType, FunctionType, MemberDescriptorType, MethodDescriptorType
from typing import Any
from weakref import ref

from interleave.event_loop.actors import awaited_by
from interleave.runtime.counting import loops_around
from interleave.runtime.sites import USER, rank

#: How often in a row the same tasks have to be found asleep, at the same places: there may be a state that nobody sees.
_ROUNDS = 50
#: What sets the future on which a task sleeps.
WAKE_UP: Any = vars(futures)["_set_result_unless_cancelled"]
_LOOKING = frozenset({"bool", "cancelled", "done", "empty", "full", "is_alive", "is_set", "isinstance", "len", "locked", "qsize", "sleep"})
_PARTS = (
    ast.While, ast.If, ast.Try, ast.ExceptHandler, ast.Expr, ast.Pass, ast.Continue, ast.Await, ast.Name, ast.Constant, ast.Compare,
    ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Tuple, ast.expr_context, ast.cmpop, ast.boolop, ast.unaryop, ast.operator,
)  # fmt: skip


class Sleepers:
    """The tasks of one loop that were asleep when time last passed."""

    __slots__ = ("_last", "_rounds")

    def __init__(self) -> None:
        #: By tid: the coroutine that called `sleep`, and the instruction at which it stands.
        self._last: dict[int, tuple[ref[Any], int]] = {}
        self._rounds = 0

    def are_all(self, timers: list[Any], actors: dict[int, Any]) -> list[int]:
        """Return the tids of the tasks that are asleep if it is known that nothing else will ever happen."""
        found: dict[int, tuple[ref[Any], int]] = {}
        last, self._last = self._last, found
        by_future = {id(getattr(one.task, "_fut_waiter", None)): one for one in actors.values()}
        for timer in [one for one in timers if not one._cancelled]:
            actor = by_future.get(id(timer._args[0])) if timer._callback is WAKE_UP else None
            # What `sleep` awaits comes last.
            caller, sleep, *_ = [*([None] * 3), *awaited_by(actor and actor.task)][-3:]
            if actor is None or type(caller) is not CoroutineType or getattr(sleep, "cr_code", None) is not asyncio.sleep.__code__:
                found.clear()
                return []
            found[actor.thread.tid] = ref(caller), caller.cr_frame.f_lasti  # type: ignore[union-attr]
        self._rounds = self._rounds + 1 if found == last else 0
        is_all = self._rounds == _ROUNDS and all(_only_looks(one().cr_frame) for one, _ in found.values())  # type: ignore[union-attr]
        return sorted(found) if is_all else []


def _only_looks(frame: FrameType) -> bool:
    """Tell whether the outermost loop that a frame stands in does nothing but look at something, as far as its source tells."""
    loops = loops_around(frame)
    try:
        return bool(loops) and isinstance(loops[0], ast.While) and _is_quiet(loops[0], frame)
    except (LookupError, AttributeError, ValueError):
        return False


def _is_quiet(node: ast.AST, frame: FrameType) -> bool:
    if isinstance(node, ast.Return | ast.Raise | ast.Break):
        # Then the loop is over.
        return True
    if isinstance(node, ast.Attribute):
        _value(node, frame)
        return True
    if isinstance(node, ast.Call):
        called = _value(node.func, frame)
        is_known = type(called) in (BuiltinFunctionType, MethodDescriptorType, type)
        is_known |= type(called) is FunctionType and rank(called.__code__) != USER
        return is_known and ast.unparse(node.func).rpartition(".")[2] in _LOOKING and all(_is_quiet(one, frame) for one in node.args)
    return isinstance(node, _PARTS) and all(_is_quiet(one, frame) for one in ast.iter_child_nodes(node))


def _value(node: ast.AST, frame: FrameType) -> Any:
    """Return the value of a variable or an attribute without running code of the program's; raise if that cannot be done."""
    if isinstance(node, ast.Name):
        return {**vars(builtins), **frame.f_globals, **frame.f_locals}[node.id]
    if not isinstance(node, ast.Attribute):
        raise LookupError
    owner = _value(node.value, frame)
    found = inspect.getattr_static(owner, node.attr)
    if type(found) is MemberDescriptorType:
        return found.__get__(owner)
    if hasattr(type(found), "__set__"):
        raise LookupError
    return getattr(found, "__func__", found) if isinstance(found, staticmethod) else found
