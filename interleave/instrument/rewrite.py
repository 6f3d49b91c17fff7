"""Rewrite code objects so that hooks are called before accesses.

**What is inserted.** Before an instruction that accesses memory, the operands it is about to use are copied from the value stack and
given to a hook, a Python callable that sits among the constants of the code object:

    ... obj value            the operands, as the compiler left them
    LOAD_CONST hook          with a NULL below (3.11, 3.12) or above (3.13): what a call expects
    COPY ... COPY            one for each operand that the hook wants
    (PRECALL) CALL n
    POP_TOP                  the stack is as it was
    STORE_ATTR name          the original instruction

A hook is made for one instruction and knows its `Site`. The inserted instructions have the location of the access, so that
tracebacks, coverage and debuggers see no difference. They come after the label of the access: a jump to it runs the hook, at every
turn of a loop. They lie inside the `try` block of the access, so that what a hook raises goes where the access would have raised. The
stack below is not touched and is deeper only in between, hence the exception table stays valid as it is, and is not computed again.

**Calls of methods.** The compiler loads a method as a pair, function and `self`, and makes no bound method. Then neither the receiver
nor the name can be found when the call is made, and which of the pair is there differs from run to run. The rewriter loads the bound
method with a NULL instead, which is what the compiler does for all other calls; that costs about 30 ns, and the callee shows itself
in one place.

**Which globals.** A global that no function of its module stores is constant; reads of it get no hook. Which ones are stored is
collected first, see `registry`.

**Cache.** Rewriting takes about two milliseconds a function. Results are kept for the process, and made again if they hook other
globals than are stored now.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Set, ValuesView
from dataclasses import dataclass
from types import CodeType
from typing import Any

from bytecode import Bytecode, Instr, Label
from bytecode.instr import InstrLocation

from interleave.instrument.analysis import IMPLICIT_CELLS, constant_cells, decorated_codes, nested_codes
from interleave.instrument.context import SUSPENDING, Context, Plan
from interleave.instrument.loops import go_on, is_quiet, looking, quiet_loops, turn
from interleave.instrument.plans import CALLS, PLANS
from interleave.instrument.private import private_accesses
from interleave.instrument.registry import registry
from interleave.instrument.switches import around, pass_point, unfolded
from interleave.model import Site

_VERSION = sys.version_info[:2]
_PUSH_NULL = Instr("PUSH_NULL")
_POP_TOP = Instr("POP_TOP")
_SWAP = Instr("SWAP", 2)
_COPIES = [Instr("COPY", depth) for depth in range(1, 32)]

#: Entries of the value stack that a hook call needs besides its arguments.
_CALL_OVERHEAD = 2


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A code object and its instrumented copy, with all that is inside."""

    original: CodeType
    code: CodeType
    #: Kept so that its id, a part of the cache key, stays its own.
    namespace: dict[str, Any]
    sites: tuple[Site, ...]
    #: Names of globals that are read, here or in nested code, with a hook and without.
    hooked: frozenset[str]
    unhooked: frozenset[str]
    #: Whether the end of the function is announced, see `calls`.
    has_exit: bool
    nested: tuple[Rewritten, ...]

    def walk(self) -> Iterator[Rewritten]:
        """Yield this and everything inside."""
        yield self
        for inner in self.nested:
            yield from inner.walk()


# Code objects are equal by value, also across files; identity is what counts here. The entries keep both parts of the key alive.
_cache: dict[tuple[int, int, bool], Rewritten] = {}
#: Results that were replaced. Functions may still use them, and `registry.instrumented` holds their ids.
_retired: list[Rewritten] = []


def rewrite(code: CodeType, namespace: dict[str, Any]) -> Rewritten:
    """Return the instrumented copy of a code object whose functions use `namespace` as their globals.

    Nested code objects are rewritten too. Raises whatever the bytecode library raises for code that it does not understand.
    """
    return _rewrite(code, namespace, IMPLICIT_CELLS, is_decorated=False)


def results() -> ValuesView[Rewritten]:
    """Return everything that was rewritten so far and is up to date."""
    return _cache.values()


def known_copy(code: CodeType, namespace: dict[str, Any], *, is_decorated: bool = False) -> Rewritten | None:
    """Return the instrumented copy made before, if it hooks what has to be hooked now."""
    found = _cache.get((id(code), id(namespace), registry.has_gil))
    if found is None or found.has_exit < (is_decorated or id(code) in registry.cached):
        return None
    stored: Set[str] = registry.variables.get(id(namespace), frozenset())
    return found if found.hooked <= stored and found.unhooked.isdisjoint(stored) else None


def _rewrite(code: CodeType, namespace: dict[str, Any], constant: frozenset[str], *, is_decorated: bool) -> Rewritten:
    found = known_copy(code, namespace, is_decorated=is_decorated)
    if found is not None:
        return found
    key = (id(code), id(namespace), registry.has_gil)
    has_exit = is_decorated or id(code) in registry.cached
    constant = (constant & frozenset(code.co_freevars)) | constant_cells(code) | IMPLICIT_CELLS
    decorated = decorated_codes(code)
    nested = tuple(_rewrite(inner, namespace, constant, is_decorated=id(inner) in decorated) for inner in nested_codes(code))
    context = Context(code, namespace, constant, has_exit)
    replacements = {id(inner.original): inner.code for inner in nested}
    result = Rewritten(
        original=code,
        code=_assemble(code, context, replacements),
        namespace=namespace,
        sites=tuple(context.sites),
        hooked=frozenset(context.hooked).union(*(inner.hooked for inner in nested)),
        unhooked=frozenset(context.unhooked).union(*(inner.unhooked for inner in nested)),
        has_exit=has_exit,
        nested=nested,
    )
    if key in _cache:
        _retired.append(_cache[key])
    _cache[key] = result
    registry.instrumented.add(id(result.code))
    if is_quiet(code):
        registry.quiet.add(id(result.code))
    registry.changing[id(result.code)] = tuple([index for index, name in enumerate(code.co_freevars) if name not in constant])
    return result


def _assemble(code: CodeType, context: Context, replacements: dict[int, CodeType]) -> CodeType:
    source = Bytecode.from_code(code, conserve_exception_block_stackdepth=True)
    # All variables in their order, not only parameters: `locals()` and debuggers list them in this order.
    source.argnames = list(code.co_varnames)
    context.instructions = list(source)
    context.private = private_accesses(code, context.instructions)
    none: frozenset[int] = frozenset()
    is_looked_at = not context.is_caller and not code.co_flags & SUSPENDING
    inside, loops, outer = quiet_loops(context.instructions) if is_looked_at else (none, none, none)
    is_all_quiet = is_looked_at and is_quiet(code)
    result: list[Any] = []
    for position, instr in enumerate(context.instructions):
        if not isinstance(instr, Instr):
            result.append(instr)
            if isinstance(instr, Label):
                context.previous = None
            continue
        if position in loops:
            _insert(result, Plan(turn(context.site(instr)), ()), instr.location)
        if position in outer:
            _insert(result, Plan(go_on, ()), instr.location)
        make_plan = PLANS.get(instr.name) if not context.is_caller or instr.name in CALLS else None
        plan = make_plan(context, instr, position) if make_plan is not None else None
        if plan is not None and instr.name in CALLS and (is_all_quiet or position in inside):
            plan = plan._replace(hook=looking(plan.hook))
        before, between, after = around(context, instr, position, plan) if registry.has_gil else (None, None, None)
        for one in (before, plan, between):
            if one is not None:
                _insert(result, one, instr.location)
                context.deepest = max(context.deepest, len(one.operands))
        arg = instr.arg
        if isinstance(arg, CodeType):
            result.append(Instr("LOAD_CONST", replacements[id(arg)], location=instr.location))
        elif _loads_method(instr):
            _load_bound(result, instr)
        elif registry.has_gil:
            _append_unfolded(result, instr)
        else:
            result.append(instr)
        if after is not None:
            _insert(result, after, context.location_after(position))
        context.previous = instr
    source[:] = result
    return source.to_code(stacksize=code.co_stacksize + _CALL_OVERHEAD + context.deepest + 1, compute_exception_stack_depths=False)


def _insert(result: list[Any], plan: Plan, location: InstrLocation | None) -> None:
    """Append the call of a hook. Instructions without a location take that of the one before."""
    if _VERSION >= (3, 13):
        result += (Instr("LOAD_CONST", plan.hook, location=location), _PUSH_NULL)
    else:
        result += (Instr("PUSH_NULL", location=location), Instr("LOAD_CONST", plan.hook, location=location))
    pushed = _CALL_OVERHEAD
    for operand in plan.operands:
        if isinstance(operand, Instr):
            result.append(operand)
        else:
            depth = operand + pushed
            result.append(_COPIES[depth - 1] if depth <= len(_COPIES) else Instr("COPY", depth))
        pushed += 1
    count = len(plan.operands)
    if _VERSION < (3, 12):
        result.append(Instr("PRECALL", count))
    result += (Instr("CALL", count), _POP_TOP)


def _append_unfolded(result: list[Any], instr: Instr) -> None:
    """Append an instruction; if it jumps back, with the point that is passed where it does."""
    for one in unfolded(instr):
        if one is not instr and isinstance(one, Instr) and one.name == "JUMP_BACKWARD":
            _insert(result, Plan(pass_point, ()), instr.location)
        result.append(one)


def _loads_method(instr: Instr) -> bool:
    if _VERSION < (3, 12):
        return instr.name == "LOAD_METHOD"
    return instr.name in ("LOAD_ATTR", "LOAD_SUPER_ATTR") and isinstance(instr.arg, tuple) and instr.arg[0] is True


def _load_bound(result: list[Any], instr: Instr) -> None:
    """Append the load of a bound method, and the NULL that a call of it expects."""
    arg: Any = instr.arg
    name = "LOAD_ATTR" if instr.name == "LOAD_METHOD" else instr.name
    result.append(Instr(name, (False, *arg[1:]) if isinstance(arg, tuple) else arg, location=instr.location))
    result.append(_PUSH_NULL)
    if _VERSION < (3, 13):
        result.append(_SWAP)
