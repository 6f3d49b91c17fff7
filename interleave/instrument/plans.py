"""Which instruction gets which hook, with which operands: a table from opcode names to plan makers.

A plan maker sees one instruction in its context and returns the hook and where the operands are, or None if nothing visible happens.
An operand is a depth in the value stack (1 is the top) or an instruction that loads something else. Where the instruction before
shows that nothing mutable is involved (a membership test of a constant, a truth test of a comparison), no hook is made.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from bytecode import BinaryOp, Instr
from bytecode.instr import CellVar, FreeVar

from interleave.instrument import attributes, callees, calls, foreign, items, iterators, operators
from interleave.instrument.context import Context, Plan
from interleave.model import Site

_VERSION = sys.version_info[:2]
_GENERATOR = 0x20


Hook = Callable[..., None]
PlanMaker = Callable[[Context, Instr, int], Plan | None]
PLANS: dict[str, PlanMaker] = {}


def _register(*names: str) -> Callable[[PlanMaker], PlanMaker]:
    def register(maker: PlanMaker) -> PlanMaker:
        for name in names:
            PLANS[name] = maker
        return maker

    return register


def _name_of(instr: Instr) -> str:
    arg: Any = instr.arg
    return arg[-1] if isinstance(arg, tuple) else arg.name if isinstance(arg, (CellVar, FreeVar)) else arg


# --- attributes, globals, cells ---------------------------------------------------------------------------------------


def _by_name(make: Callable[[Site, str], Hook], *depths: int) -> PlanMaker:
    """Return the plan maker of an instruction whose hook knows the site and the name."""

    def plan(context: Context, instr: Instr, position: int) -> Plan:
        name = _name_of(instr)
        return Plan(make(context.site(instr, name), name), depths)

    return plan


_register("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM")(_by_name(attributes.load, 1))
_register("LOAD_SUPER_ATTR")(_by_name(attributes.load_super, 1, 2))
_register("STORE_ATTR")(_by_name(attributes.store, 1, 2))
_register("DELETE_ATTR")(_by_name(attributes.delete, 1))


@_register("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
def _load_global(context: Context, instr: Instr, position: int) -> Plan | None:
    name = _name_of(instr)
    if name not in context.stored:
        context.unhooked.add(name)
        return None
    context.hooked.add(name)
    return Plan(attributes.load_global(context.site(instr, name), name, context.namespace), ())


@_register("STORE_GLOBAL", "DELETE_GLOBAL")
def _change_global(context: Context, instr: Instr, position: int) -> Plan:
    name = _name_of(instr)
    if instr.name == "STORE_GLOBAL":
        return Plan(attributes.store_global(context.site(instr, name), name, context.namespace), (1,))
    return Plan(partial(attributes.delete_variable(context.site(instr, name), name), context.namespace), ())


@_register("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF", "STORE_DEREF", "DELETE_DEREF")
def _cell(context: Context, instr: Instr, position: int) -> Plan | None:
    name = _name_of(instr)
    if name in context.constant:
        return None
    site = context.site(instr, name)
    cell = _load_cell(context, instr.arg)
    if instr.name == "STORE_DEREF":
        return Plan(attributes.store_cell(site, name), (cell, 1))
    return Plan((attributes.delete_variable if instr.name == "DELETE_DEREF" else attributes.load_cell)(site, name), (cell,))


def _load_cell(context: Context, arg: Any) -> Instr:
    """Return the instruction that loads the cell itself, not its content."""
    if _VERSION < (3, 13):
        return Instr("LOAD_CLOSURE", arg)
    # Cells are locals like others to the interpreter; the library knows one that is also a parameter by its plain name.
    return Instr("LOAD_FAST", arg.name if isinstance(arg, CellVar) and arg.name in context.code.co_varnames else arg)


# --- items ------------------------------------------------------------------------------------------------------------


@_register("BINARY_SUBSCR")
def _load_item(context: Context, instr: Instr, position: int) -> Plan | None:
    return None if position in context.private else Plan(items.load_item(context.site(instr)), (2, 1))


@_register("CONTAINS_OP")
def _contains(context: Context, instr: Instr, position: int) -> Plan | None:
    # `buffer in b"ab"` reads the buffer.
    if context.follows_scalar() and not isinstance(context.previous.arg, bytes):  # type: ignore[union-attr]
        return Plan(operators.with_constant(context.site(instr), "look up"), (2,))
    return Plan(items.contains(context.site(instr)), (1, 2))


def _by_site(make: Callable[[Site], Hook], *depths: int) -> PlanMaker:
    """Return the plan maker of an instruction whose hook knows the site only."""
    return lambda context, instr, position: Plan(make(context.site(instr)), depths)


_register("STORE_SUBSCR")(_by_site(items.store_item, 2, 1, 3))
_register("DELETE_SUBSCR")(_by_site(items.delete_item, 2, 1))
_register("BINARY_SLICE")(_by_site(items.load_slice, 3, 2, 1))
_register("STORE_SLICE")(_by_site(items.store_slice, 3, 4, 2, 1))
_register("GET_LEN")(_by_site(items.size, 1))
_register("MATCH_KEYS")(_by_site(operators.merge, 2, 1))
_register("MATCH_CLASS")(lambda context, instr, position: Plan(attributes.match(context.site(instr), instr.arg), (3, 2, 1)))  # type: ignore[arg-type]


@_register("BUILD_SET", "SET_ADD", "BUILD_MAP", "MAP_ADD")
def _keys(context: Context, instr: Instr, position: int) -> Plan | None:
    """Plan for what hashes keys and compares them, in a set or dictionary that is new."""
    count: Any = instr.arg if instr.name.startswith("BUILD") else 1
    depths = range(1, count + 1) if "SET" in instr.name else range(2, 2 * count + 1, 2)
    return Plan(operators.keys(context.site(instr)), tuple(depths)) if depths else None


# --- iteration --------------------------------------------------------------------------------------------------------


@_register("GET_ITER", "GET_YIELD_FROM_ITER")
def _get_iter(context: Context, instr: Instr, position: int) -> Plan | None:
    return None if context.follows_scalar() or position in context.private else Plan(iterators.start(context.site(instr)), (1,))


@_register("FOR_ITER")
def _for_iter(context: Context, instr: Instr, position: int) -> Plan | None:
    # The first loop of a comprehension that is a function of its own goes over an iterator which its caller made.
    is_argument = not context.has_iterated and context.code.co_varnames[:1] == (".0",)
    context.has_iterated = True
    return None if position in context.private else Plan(iterators.step(context.site(instr), is_argument), (1,))


_register("SEND")(_by_site(iterators.step, 2))


@_register("GET_ANEXT")
def _get_anext(context: Context, instr: Instr, position: int) -> Plan:
    return Plan(iterators.step_asynchronously(context.site(instr)), (1,))


@_register("YIELD_VALUE", "RETURN_VALUE", "RETURN_CONST")
def _leave(context: Context, instr: Instr, position: int) -> Plan | None:
    if context.has_exit and instr.name != "YIELD_VALUE":
        return Plan(callees.leave_cached(context.site(instr)), ())
    # CPython 3.11 finds the SEND of `yield from` by looking at the instruction before the yield: nothing may come in between.
    if not context.code.co_flags & _GENERATOR or context.follows(_SEND):
        return None
    if instr.name == "YIELD_VALUE":
        return Plan(iterators.give(context.site(instr)), (1,))
    return Plan(iterators.leave(context.site(instr)), ())


_SEND = frozenset({"SEND"})


@_register("UNPACK_SEQUENCE", "UNPACK_EX", "LIST_EXTEND", "SET_UPDATE")
def _consume(context: Context, instr: Instr, position: int) -> Plan | None:
    if context.follows_scalar() or context.follows(_FRESH):
        return None
    return Plan(operators.consume(context.site(instr)), (1,))


@_register("DICT_UPDATE", "DICT_MERGE")
def _merge(context: Context, instr: Instr, position: int) -> Plan | None:
    return None if context.follows(_FRESH) else Plan(operators.merge(context.site(instr)), (1,))


_FRESH = frozenset({"BUILD_TUPLE", "BUILD_LIST", "BUILD_MAP", "BUILD_CONST_KEY_MAP", "BUILD_SET"})

# --- calls ------------------------------------------------------------------------------------------------------------


@_register("KW_NAMES", "PRECALL", "CALL")
def _call(context: Context, instr: Instr, position: int) -> Plan | None:
    """Plan for a call of 3.11 or 3.12, where keywords, announcement and call are up to three instructions, or of 3.13.

    The hook comes before the first of them: `KW_NAMES` belongs to the next call, whichever that is.
    """
    if context.follows(_CALL_PREFIX):
        return None
    call = context.instructions[position + 1] if instr.name == "KW_NAMES" else instr
    total: int = call.arg  # type: ignore[assignment]
    if _has_no_null(context, position, total):
        return _call_plan(context, instr, total + 2, tuple(range(total + 1, 0, -1)))
    # The NULL of a plain call lies below the callable up to 3.12, above it since.
    callee = total + (2 if _VERSION >= (3, 13) else 1)
    return _call_plan(context, instr, callee, tuple(range(total, 0, -1)))


def _has_no_null(context: Context, position: int, total: int) -> bool:
    """Tell whether a call has no NULL beside its callee, but one argument more: at the end of a `with` block, and of decorators."""
    before = context.instructions[:position]
    if total == 2 and len(before) >= 3 and all(isinstance(one, Instr) and (one.name, one.arg) == _NONE for one in before[-3:]):
        return True
    if total or not before or not isinstance(before[-1], Instr) or before[-1].name not in _MADE:
        return False
    if _VERSION >= (3, 13):
        # The NULL would have been pushed last.
        return True
    # Look for what made the entry below what was made.
    depth = 2
    while before and isinstance(before[-1], Instr) and not before[-1].has_jump():
        one = before.pop()
        effect, added = one.pre_and_post_stack_effect()
        given = added + max(effect, 0)
        if depth <= given:
            return bool(one.name != "PUSH_NULL" and given == 1)
        depth += max(-effect, 0) - given
    return False


_NONE = ("LOAD_CONST", None)
#: What makes what is decorated, a class or a function. A call may also have returned what is called.
_MADE = frozenset({"MAKE_FUNCTION", "SET_FUNCTION_ATTRIBUTE", "CALL"})
_CALL_PREFIX = frozenset({"KW_NAMES", "PRECALL"})
#: The instructions that call.
CALLS = _CALL_PREFIX | {"CALL", "CALL_KW", "CALL_FUNCTION_EX"}


@_register("CALL_KW")
def _call_kw(context: Context, instr: Instr, position: int) -> Plan:
    total: int = instr.arg  # type: ignore[assignment]
    # On top lies the tuple of keywords.
    return _call_plan(context, instr, total + 3, tuple(range(total + 1, 1, -1)))


def _call_plan(context: Context, instr: Instr, callee: int, arguments: tuple[int, ...]) -> Plan:
    return Plan(calls.call(context.site(instr), len(arguments)), (callee, *arguments))


@_register("WITH_EXCEPT_START")
def _call_exit(context: Context, instr: Instr, position: int) -> Plan:
    return _call_plan(context, instr, 4, ())


@_register("CALL_FUNCTION_EX")
def _call_unpacked(context: Context, instr: Instr, position: int) -> Plan:
    arguments = 2 if instr.arg else 1
    callee = arguments + (2 if _VERSION >= (3, 13) else 1)
    return Plan(calls.call_unpacked(context.site(instr)), (callee, *range(arguments, 0, -1)))


@_register("BEFORE_WITH", "BEFORE_ASYNC_WITH", "GET_AWAITABLE", "GET_AITER")
def _enter(context: Context, instr: Instr, position: int) -> Plan:
    return Plan(foreign.enter(context.site(instr), _ENTERING[instr.name]), (1,))


_ENTERING = {
    "BEFORE_WITH": "enter", "BEFORE_ASYNC_WITH": "enter asynchronously", "GET_AWAITABLE": "await", "GET_AITER": "iterate asynchronously",
}  # fmt: skip


# --- operators --------------------------------------------------------------------------------------------------------

_IN_PLACE = {
    BinaryOp.INPLACE_ADD: "__iadd__", BinaryOp.INPLACE_AND: "__iand__", BinaryOp.INPLACE_FLOOR_DIVIDE: "__ifloordiv__",
    BinaryOp.INPLACE_LSHIFT: "__ilshift__", BinaryOp.INPLACE_MATRIX_MULTIPLY: "__imatmul__", BinaryOp.INPLACE_MULTIPLY: "__imul__",
    BinaryOp.INPLACE_REMAINDER: "__imod__", BinaryOp.INPLACE_OR: "__ior__", BinaryOp.INPLACE_POWER: "__ipow__",
    BinaryOp.INPLACE_RSHIFT: "__irshift__", BinaryOp.INPLACE_SUBTRACT: "__isub__", BinaryOp.INPLACE_TRUE_DIVIDE: "__itruediv__",
    BinaryOp.INPLACE_XOR: "__ixor__",
}  # fmt: skip


@_register("BINARY_OP")
def _binary(context: Context, instr: Instr, position: int) -> Plan | None:
    operator: Any = instr.arg
    in_place = _IN_PLACE.get(operator, "")
    # Apart from multiplying, no container can be combined with a number.
    if not in_place and operator is not BinaryOp.MULTIPLY and context.follows_number():
        return Plan(operators.with_constant(context.site(instr), "combine"), (2,))
    return Plan(operators.binary(context.site(instr), in_place), (2, 1))


@_register("COMPARE_OP")
def _compare(context: Context, instr: Instr, position: int) -> Plan:
    if context.follows_scalar():
        return Plan(operators.with_constant(context.site(instr), "compare"), (2,))
    return Plan(operators.compare(context.site(instr)), (2, 1))


@_register("RAISE_VARARGS")
def _raise(context: Context, instr: Instr, position: int) -> Plan | None:
    depth: Any = instr.arg
    return Plan(attributes.throw(context.site(instr), has_cause=depth == 2), (depth,)) if depth else None


@_register("UNARY_NEGATIVE", "UNARY_INVERT", "UNARY_POSITIVE", "CALL_INTRINSIC_1")
def _unary(context: Context, instr: Instr, position: int) -> Plan | None:
    if instr.name == "CALL_INTRINSIC_1" and instr.arg.name != "INTRINSIC_UNARY_POSITIVE":  # type: ignore[union-attr]
        return None
    return Plan(operators.with_constant(context.site(instr), "convert"), (1,))


_BOOLEANS = frozenset({"COMPARE_OP", "CONTAINS_OP", "IS_OP", "UNARY_NOT", "TO_BOOL", "CHECK_EXC_MATCH", "WITH_EXCEPT_START", "LOAD_CONST"})


def _truth(context: Context, instr: Instr, position: int) -> Plan | None:
    return None if context.follows(_BOOLEANS) else Plan(items.size(context.site(instr)), (1,))


#: Up to 3.12; since then every truth test is an instruction of its own.
TRUTH_TESTS = (
    "UNARY_NOT", "POP_JUMP_IF_FALSE", "POP_JUMP_IF_TRUE", "JUMP_IF_FALSE_OR_POP", "JUMP_IF_TRUE_OR_POP", "POP_JUMP_FORWARD_IF_FALSE",
    "POP_JUMP_FORWARD_IF_TRUE", "POP_JUMP_BACKWARD_IF_FALSE", "POP_JUMP_BACKWARD_IF_TRUE",
)  # fmt: skip
_register(*(TRUTH_TESTS if _VERSION < (3, 13) else ("TO_BOOL",)))(_truth)


@_register("FORMAT_VALUE", "FORMAT_SIMPLE", "FORMAT_WITH_SPEC", "CONVERT_VALUE")
def _format(context: Context, instr: Instr, position: int) -> Plan | None:
    has_spec = instr.name == "FORMAT_WITH_SPEC" or (instr.name == "FORMAT_VALUE" and isinstance(instr.arg, int) and instr.arg & 4)
    if context.follows(frozenset({"CONVERT_VALUE"})):
        return None
    return Plan(operators.show(context.site(instr)), (2 if has_spec else 1,))
