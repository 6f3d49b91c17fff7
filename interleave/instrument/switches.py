"""Where CPython can switch threads while it holds the GIL, and the hooks that tell so.

The interpreter gives up the GIL where it looks at the *eval breaker* (`_Py_HandlePending`, Python/ceval_gil.c, called
`handle_eval_breaker` in ceval.c of 3.11), and nowhere else unless C code blocks. Which instructions look, by the sources of these
versions:

* **3.11**, Python/ceval.c, `_PyEval_EvalFrameDefault`, uses of `CHECK_EVAL_BREAKER`: `RESUME` with an operand below 2 (the start of a
  function, and after `yield`; not after `yield from` and `await`), `JUMP_BACKWARD`, the four `POP_JUMP_BACKWARD_IF_*` where they jump,
  `CALL` and `CALL_FUNCTION_EX` after a call that succeeded.
* **3.12**, Python/bytecodes.c: `RESUME` as before, `JUMP_BACKWARD`, `CALL`, `CALL_FUNCTION_EX`.
* **3.13**, Python/bytecodes.c: the same with `CALL_KW`; `RESUME_CHECK`, its specialised form, goes back to `RESUME` when the breaker is
  set.

`JUMP_BACKWARD_NO_INTERRUPT`, `SEND`, `FOR_ITER`, `YIELD_VALUE`, `BEFORE_WITH`, returns and all operators do not look.

**Calls.** A function written in Python is called without leaving the interpreter's loop (`DISPATCH_INLINED`), and nothing looks when it
returns: its `RESUME` did. That goes for functions and bound methods in `CALL`; in `CALL_FUNCTION_EX` for none on 3.11, and for functions
alone since; and for comprehensions. Everything else returns to the instruction, which looks. Some specialised forms do not (of `len`,
`isinstance`, `type(x)`, `list.append`; of classes on 3.13). Instructions are specialised only when they have run a few times, so a switch
is possible there, and is taken to be. So it is after decorators, and a call of what a call has returned, which look like one.

**Code that is not instrumented.** Operators, attributes, iteration and conversion run methods that types define. If these are Python code
in scope, their own `RESUME` tells. If not, they are taken to switch before and after what they do. That is judged by types, and by the
elements of containers that are compared or printed. Not seen are finalisers out of scope, run by whatever drops the last reference, and
keys of equal hash whose comparison is Python code out of scope.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Set
from functools import cache, partial
from types import FunctionType, GeneratorType, MethodType, ModuleType
from typing import Any

from bytecode import Instr, Label

from interleave.instrument.announce import gate
from interleave.instrument.context import Context, Plan
from interleave.instrument.kinds import (
    C_FUNCTIONS,
    MISSING,
    find,
    is_instrumented,
    module_namespace,
    mro_of,
    namespace_of,
    peek,
    root_module,
)
from interleave.instrument.plans import CALLS, TRUTH_TESTS
from interleave.instrument.registry import Kinds, registry

_VERSION = sys.version_info[:2]
#: Of the operand of RESUME, where the function goes on: at its start, after `yield`, after `yield from`, after `await`.
_WHERE, _AFTER_YIELD_FROM = 3, 2
#: Of the operand of FORMAT_VALUE: a format lies above the value.
_HAS_SPEC = 4
_LEAVING = frozenset({"RETURN_VALUE", "RETURN_CONST", "YIELD_VALUE"})
_LAZY = (map, filter)
#: How many elements of a container are looked at.
_MOST_ELEMENTS = 200


def pass_point() -> None:
    """Note that the interpreter could switch here."""
    gate.may_switch = True


_POINT = Plan(pass_point, ())

# --- calls ------------------------------------------------------------------------------------------------------------


def enter_call(*, is_unpacked: bool, can_inline: bool) -> Callable[..., None]:
    """Make the hook for a call that is about to be made, given the callee and what is seen of its arguments."""

    def hook(function: Any, *arguments: Any) -> None:
        # Also while one thread is alone: the call may start others.
        if not gate.is_naming:
            return
        frame = id(sys._getframe(1))
        if can_inline and is_in_scope(function.__func__ if type(function) is MethodType and not is_unpacked else function):
            registry.inlined.add(frame)
        else:
            registry.inlined.discard(frame)
            if is_foreign(function, arguments):
                gate.may_switch = True

    return hook


def enter_comprehension(*_: Any) -> None:
    """Note that the function of a comprehension is about to be called."""
    registry.inlined.add(id(sys._getframe(1)))


#: What a call without arguments follows if the compiler made it, for a decorator or a comprehension: callee and operand lie where callee
#: and NULL lie otherwise. It may be a call of what a call has returned, too.
_MADE = frozenset({"MAKE_FUNCTION", "SET_FUNCTION_ATTRIBUTE", "CALL", "CALL_KW", "CALL_FUNCTION_EX"})
_ITERATED = frozenset({"GET_ITER", "GET_AITER"})


def _call_plan(context: Context, instr: Instr, position: int, plan: Plan) -> Plan:
    """Plan the hook for a call, whose other hook gets callee and arguments."""
    if instr.name == "CALL_FUNCTION_EX":
        # Its arguments are one iterable, which tells nothing.
        return Plan(enter_call(is_unpacked=True, can_inline=_VERSION >= (3, 12)), plan.operands[:1])
    before = [one for one in context.instructions[max(0, position - 8) : position] if isinstance(one, Instr)][-3:]
    last = before[-1].name if before else ""
    if instr.arg == 0 and last in _ITERATED:
        return Plan(enter_comprehension, ())
    # The end of a `with` block calls a bound method as if it were a function with `self`.
    is_exit = instr.arg == 2 and len(before) == 3 and all(one.name == "LOAD_CONST" and one.arg is None for one in before)
    is_made = instr.arg == 0 and last in _MADE
    return Plan(enter_call(is_unpacked=False, can_inline=not (is_exit or is_made)), plan.operands)


def leave_call() -> None:
    """Note that a call has returned."""
    if id(sys._getframe(1)) not in registry.inlined:
        gate.may_switch = True


def leave_function() -> None:
    """Note that a function in scope returns, or yields: what was not instrumented goes on in ways that are not seen."""
    caller = sys._getframe(1).f_back
    if caller is None or id(caller.f_code) not in registry.instrumented:
        gate.may_switch = True


_RETURNED = Plan(leave_call, ())
_LEAVES = Plan(leave_function, ())


def is_in_scope(function: Any) -> bool:
    """Tell whether something that is called is an instrumented function."""
    return type(function) is FunctionType and is_instrumented(function)


def is_foreign(function: Any, arguments: tuple[Any, ...]) -> bool:
    """Tell whether a call may run Python code that is not instrumented before it does what is announced for it."""
    tp = type(function)
    if tp is MethodType:
        return is_foreign(function.__func__, arguments)
    if tp is FunctionType:
        return not is_instrumented(function)
    if tp is partial:
        return is_foreign(function.func, (*function.args, *arguments))
    if issubclass(tp, type):
        return any(_is_foreign_function(_found(function, name)) for name in ("__new__", "__init__")) or any(map(_is_lazy, arguments))
    if tp in C_FUNCTIONS or root_module(tp) == "functools":
        return any(map(_is_lazy, arguments))
    return _is_foreign_function(_found(tp, "__call__"))


def _is_lazy(argument: Any) -> bool:
    """Tell whether an argument of a function of C may have it run Python code that is not instrumented."""
    tp = type(argument)
    if tp is FunctionType or tp is MethodType:
        return is_foreign(argument, ())
    return _iterates_foreign(argument) or bool(_noisy(None)[tp])


# --- operators, attributes, iteration ---------------------------------------------------------------------------------


def _found(tp: type, name: str) -> Any:
    found = find(tp, name)
    return None if found is None else found[1]


def _is_foreign_function(value: Any) -> bool:
    if type(value) in (staticmethod, classmethod):
        value = value.__func__
    return type(value) is FunctionType and not is_instrumented(value)


_KEY = frozenset({"__hash__", "__eq__", "__index__"})
_ORDER = frozenset({"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"})
_TRUTH = frozenset({"__bool__", "__len__"})
_ITEMS = frozenset({"__getitem__", "__setitem__", "__delitem__", "__missing__", "__contains__", "__iter__"})
_MANAGER = frozenset({"__enter__", "__exit__"})
_TEXT = frozenset({"__format__", "__str__", "__repr__"})
#: Special methods that no operator runs.
_SILENT = frozenset({
    "__init__", "__new__", "__del__", "__init_subclass__", "__class_getitem__", "__subclasshook__", "__set_name__", "__reduce__",
    "__reduce_ex__", "__getstate__", "__setstate__", "__copy__", "__deepcopy__", "__dir__", "__sizeof__", "__enter__", "__exit__",
    "__call__", "__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__get__", "__set__", "__delete__",
})  # fmt: skip


@cache
def _noisy(names: Set[str] | None) -> Kinds:
    """Return which types have one of some special methods, None for all, as Python code that is not instrumented."""
    return registry.new_cache(lambda tp: _judge(tp, names))


def _judge(tp: type, names: Set[str] | None) -> bool:
    if names is None:
        names = {name for cls in mro_of(tp) for name in namespace_of(cls) if name.startswith("__") and name not in _SILENT}
    return any(_is_foreign_function(_found(tp, name)) for name in names)


def _iterates_foreign(obj: Any) -> bool:
    """Tell whether iterating may run Python code that is not instrumented."""
    tp = type(obj)
    if tp is GeneratorType:
        return id(obj.gi_code) not in registry.instrumented
    return tp in _LAZY or root_module(tp) == "itertools"


def _has_noisy_parts(obj: Any, names: Set[str] | None) -> bool:
    """Tell whether a container has elements with such methods, at any depth."""
    pending, seen = [obj], 0
    while pending:
        one = pending.pop()
        seen += 1
        if seen > _MOST_ELEMENTS:
            return True
        tp = type(one)
        if _noisy(names)[tp]:
            return True
        if tp in (list, tuple, set, frozenset):
            pending += list(one)[:_MOST_ELEMENTS]
        elif tp is dict:
            pending += [*one, *one.values()][: 2 * _MOST_ELEMENTS]
    return False


def _by_type(*groups: Set[str] | None) -> Callable[..., None]:
    """Make the hook for an instruction whose operands, in this order, may run such methods."""

    def hook(*operands: Any) -> None:
        if gate.is_open and not gate.may_switch:
            for operand, names in zip(operands, groups, strict=True):
                if _noisy(names)[type(operand)] or (type(operand) is tuple and names is _KEY and _has_noisy_parts(operand, names)):
                    gate.may_switch = True

    return hook


def _by_parts(names: Set[str] | None) -> Callable[..., None]:
    """Make the hook for an instruction that looks into its operands."""

    def hook(*operands: Any) -> None:
        if gate.is_open and not gate.may_switch and any(_has_noisy_parts(operand, names) for operand in operands):
            gate.may_switch = True

    return hook


def _iterate(obj: Any) -> None:
    if gate.is_open and (_iterates_foreign(obj) or _noisy(None)[type(obj)]):
        gate.may_switch = True


def _raise(error: Any) -> None:
    if gate.is_open and issubclass(type(error), type) and is_foreign(error, ()):
        gate.may_switch = True


def _load_attribute(name: str) -> Callable[[Any], None]:
    def hook(obj: Any) -> None:
        if gate.is_open and not gate.may_switch and _loads_by_code(obj, name):
            gate.may_switch = True

    return hook


def _loads_by_code(obj: Any, name: str) -> bool:
    """Tell whether reading an attribute runs Python code that is not instrumented."""
    tp = type(obj)
    if _is_foreign_function(_found(tp, "__getattribute__")):
        return True
    found = _found(tp, name)
    if type(found) is property:
        return _is_foreign_function(found.fget)
    if found is not None:
        return _is_foreign_function(_found(type(found), "__get__"))
    if issubclass(tp, ModuleType):
        return name not in module_namespace(obj)
    return _is_foreign_function(_found(tp, "__getattr__")) and peek(obj, name, MISSING) is MISSING


def _change_attribute(name: str, method: str, accessor: str, dunder: str) -> Callable[[Any], None]:
    def hook(obj: Any) -> None:
        if gate.is_open and not gate.may_switch:
            found = _found(type(obj), name)
            code = getattr(found, accessor) if type(found) is property else _found(type(found), dunder)
            if _is_foreign_function(_found(type(obj), method)) or _is_foreign_function(code):
                gate.may_switch = True

    return hook


#: Instructions that may run methods of their operands: where these are on the stack, and the hook.
_NOISY: dict[str, tuple[Callable[..., None], tuple[int, ...]]] = {
    name: (hook, depths)
    for names, hook, depths in (
        ("BINARY_SUBSCR STORE_SUBSCR DELETE_SUBSCR", _by_type(_ITEMS, _KEY), (2, 1)),
        ("BINARY_SLICE", _by_type(_ITEMS), (3,)),
        ("STORE_SLICE", _by_type(_ITEMS), (3,)),
        ("CONTAINS_OP", _by_parts(_ITEMS | _KEY), (1, 2)),
        ("COMPARE_OP", _by_parts(_ORDER), (2, 1)),
        ("BINARY_OP", _by_type(None, None), (2, 1)),
        ("BEFORE_WITH", _by_type(_MANAGER), (1,)),
        ("UNARY_NEGATIVE UNARY_INVERT UNARY_POSITIVE", _by_type(None), (1,)),
        ("FORMAT_VALUE FORMAT_SIMPLE CONVERT_VALUE", _by_parts(_TEXT), (1,)),
        ("FORMAT_WITH_SPEC", _by_parts(_TEXT), (2,)),
        (" ".join(("TO_BOOL", *TRUTH_TESTS)), _by_type(_TRUTH), (1,)),
        ("GET_ITER GET_YIELD_FROM_ITER FOR_ITER UNPACK_SEQUENCE UNPACK_EX LIST_EXTEND", _iterate, (1,)),
        ("SET_UPDATE DICT_UPDATE DICT_MERGE", _iterate, (1,)),
        ("SEND", _iterate, (2,)),
        ("IMPORT_NAME WITH_EXCEPT_START MATCH_CLASS MATCH_KEYS LOAD_SUPER_ATTR", pass_point, ()),
        ("BEFORE_ASYNC_WITH GET_AWAITABLE GET_AITER GET_ANEXT CHECK_EG_MATCH", pass_point, ()),
    )
    for name in names.split()
}

# --- what is inserted -------------------------------------------------------------------------------------------------


def around(context: Context, instr: Instr, position: int, plan: Plan | None) -> tuple[Plan | None, Plan | None, Plan | None]:
    """Return what is to be called before the hook of an instruction, between that and the instruction, and after the instruction.

    `plan` is that of the hook, if there is one.
    """
    name: str = instr.name
    arg: Any = instr.arg
    if name in CALLS:
        entered = _call_plan(context, instr, position, plan) if plan is not None else None
        return entered, None, _RETURNED if name.startswith("CALL") else None
    if name == "RESUME":
        return None, None, _POINT if arg & _WHERE < _AFTER_YIELD_FROM else None
    if name == "JUMP_BACKWARD":
        return _POINT, None, None
    if name in _LEAVING:
        return None if name == "YIELD_VALUE" and context.follows(frozenset({"SEND"})) else _LEAVES, None, None
    noise = _noise(name, arg)
    return noise, noise, None


def _noise(name: str, arg: Any) -> Plan | None:
    if name in ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"):
        return Plan(_load_attribute(arg[-1] if isinstance(arg, tuple) else arg), (1,))
    if name == "STORE_ATTR":
        return Plan(_change_attribute(arg, "__setattr__", "fset", "__set__"), (1,))
    if name == "DELETE_ATTR":
        return Plan(_change_attribute(arg, "__delattr__", "fdel", "__delete__"), (1,))
    if name == "RAISE_VARARGS":
        return Plan(_raise, (arg,)) if arg else None
    if name == "FORMAT_VALUE" and arg & _HAS_SPEC:
        name = "FORMAT_WITH_SPEC"
    found = _NOISY.get(name)
    return Plan(*found) if found is not None else None


_OPPOSITES = {
    "POP_JUMP_BACKWARD_IF_TRUE": "POP_JUMP_FORWARD_IF_FALSE",
    "POP_JUMP_BACKWARD_IF_FALSE": "POP_JUMP_FORWARD_IF_TRUE",
    "POP_JUMP_BACKWARD_IF_NONE": "POP_JUMP_FORWARD_IF_NOT_NONE",
    "POP_JUMP_BACKWARD_IF_NOT_NONE": "POP_JUMP_FORWARD_IF_NONE",
}


def unfolded(instr: Instr) -> list[Any]:
    """Return an instruction so that where it looks at the eval breaker is seen: a conditional jump back (3.11) looks if it jumps."""
    opposite = _OPPOSITES.get(instr.name)
    if opposite is None:
        return [instr]
    go_on = Label()
    jump = Instr("JUMP_BACKWARD", instr.arg, location=instr.location)
    return [Instr(opposite, go_on, location=instr.location), jump, go_on]
