"""Code objects that wait to be rewritten until they are called.

Rewriting costs two milliseconds and a hundred objects a function, and an exploration calls few of the functions in scope. So a
function in scope first gets a *placeholder*: a code object with its parameters, which asks for the rewritten code when it is called, and
passes the call on to that. From then on the function has the rewritten code itself. The call that finds the placeholder is instrumented
like any other: what an execution announces does not depend on which calls came first.

A placeholder is made by the compiler from a template, one for each shape of parameters, and gets the names and flags of what it stands
for: introspection (`inspect.signature`, `inspect.iscoroutinefunction`) sees no difference, a traceback one frame of ours.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from inspect import CO_VARARGS, CO_VARKEYWORDS
from types import CellType, CodeType, FunctionType
from typing import Any

#: Returns the code to run for a code object and the globals it runs with; set by whoever installs placeholders.
Demand = Callable[[CodeType, dict[str, Any]], CodeType]
#: What the template has in place of the `_Ticket`.
_MARK = "ticket"


def _nothing(*_: Any, **__: Any) -> None:
    """Stand for an audit hook in events of our own doing."""


class _Ticket:
    """Sits among the constants of a placeholder.

    What `sys.addaudithook` was given is called by what we do ourselves: looking at a frame and making a function are events. So a
    placeholder that is called again while it looks at its frame stands for such a hook. It stays what it is and runs as it is, without
    the events that come from here.
    """

    __slots__ = ("demand", "is_hook", "looking", "original")

    def __init__(self, original: CodeType, demand: Demand) -> None:
        self.original = original
        self.demand = demand
        self.looking = False
        self.is_hook = False

    def redeem(self, closure: tuple[CellType, ...] | None) -> Callable[..., Any]:
        """Return a function with the rewritten code and the closure of the one that was called."""
        if self.looking:
            self.is_hook = True
            return _nothing
        self.looking = True
        try:
            namespace = sys._getframe(1).f_globals
            if self.is_hook:
                return FunctionType(self.original, namespace, self.original.co_name, None, closure)
        finally:
            self.looking = False
        return FunctionType(self.demand(self.original, namespace), namespace, self.original.co_name, None, closure)

    def keywords(self, *values: Any) -> dict[str, Any]:
        """Return the keyword-only arguments by name."""
        code = self.original
        return dict(zip(code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount], values, strict=True))


def placeholder(code: CodeType, demand: Demand) -> CodeType:
    """Return a code object that, when called, runs what `demand` returns for `code`."""
    flags = code.co_flags
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount
    template = _template(*counts, bool(flags & CO_VARARGS), bool(flags & CO_VARKEYWORDS), len(code.co_freevars))
    ticket = _Ticket(code, demand)
    return template.replace(
        co_name=code.co_name,
        co_qualname=code.co_qualname,
        co_flags=flags,
        co_varnames=code.co_varnames[: template.co_nlocals],
        co_freevars=code.co_freevars,
        co_consts=tuple([ticket if type(const) is str and const == _MARK else const for const in template.co_consts]),
    )


@cache
def _template(count: int, positional: int, keyword: int, has_rest: bool, has_more: bool, free: int) -> CodeType:
    """Return the code of a function with these parameters and so many variables of its surroundings."""
    names = [f"a{index}" for index in range(count)]
    only = [f"k{index}" for index in range(keyword)]
    # Their order in the code object is that of the alphabet.
    cells = [f"v{index:06}" for index in range(free)]
    parameters = [*names[:positional], *(["/"] if positional else []), *names[positional:]]
    arguments = list(names)
    if has_rest:
        parameters.append("*rest")
        arguments.append("*rest")
    elif keyword:
        parameters.append("*")
    parameters += only
    if keyword:
        arguments.append(f"**{_MARK!r}.keywords({', '.join(only)})")
    if has_more:
        parameters.append("**more")
        arguments.append("**more")
    closure = f"(lambda: ({', '.join(cells)},)).__closure__" if free else ""
    call = f"{_MARK!r}.redeem({closure or None})({', '.join(arguments)})"
    source = f"def outer({', '.join(cells)}):\n def inner({', '.join(parameters)}):\n  return {call}\n"
    module = compile(source, __file__, "exec", dont_inherit=True)
    outer = next(const for const in module.co_consts if isinstance(const, CodeType))
    return next(const for const in outer.co_consts if isinstance(const, CodeType))
