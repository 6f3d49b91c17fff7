"""What the rewriter knows at each instruction, and what is to be done there."""

from __future__ import annotations

from collections.abc import Callable, Set
from types import CodeType
from typing import Any, NamedTuple

from bytecode import Instr
from bytecode.instr import InstrLocation

from interleave.instrument.registry import registry
from interleave.instrument.scope import CALLERS
from interleave.model import Site

#: Generators, coroutines and asynchronous generators: calling them returns at once.
SUSPENDING = 0x20 | 0x80 | 0x200
_SCALARS = (int, float, str, bytes, bool, complex, type(None), tuple, frozenset)


class Plan(NamedTuple):
    """A hook, and what it is called with."""

    hook: Callable[..., None]
    operands: tuple[int | Instr, ...]


class Context:
    """What plan makers know of the code object being rewritten. Changes while the rewriter goes through the instructions."""

    def __init__(self, code: CodeType, namespace: dict[str, Any], constant: frozenset[str], has_exit: bool = False) -> None:
        self.code = code
        self.namespace = namespace
        module = namespace.get("__name__")
        self.module = module if isinstance(module, str) else ""
        #: Whether only calls get hooks.
        self.is_caller = (self.module, code.co_qualname) in CALLERS
        #: Cells that nobody can see change.
        self.constant = constant
        self.instructions: list[Any] = []
        #: Positions of accesses to what only this frame can have (see `private`).
        self.private: frozenset[int] = frozenset()
        #: The instruction before, None if the current one can be reached by a jump.
        self.previous: Instr | None = None
        self.sites: list[Site] = []
        self._site_of: dict[tuple[Any, ...], Site] = {}
        #: Global variables that are stored somewhere; those of them that are read here, and the constant ones.
        self.stored: Set[str] = registry.variables.get(id(namespace), frozenset())
        self.hooked: set[str] = set()
        self.unhooked: set[str] = set()
        #: Whether an `lru_cache` may be waiting for what the function returns.
        self.has_exit = has_exit and not code.co_flags & SUSPENDING
        self.has_iterated = False
        #: Most operands of one hook.
        self.deepest = 0

    def site(self, instr: Instr, name: str = "") -> Site:
        """Make the site of an instruction; the compiler's copies of one (tests of loops, `finally` blocks) have one site."""
        location = instr.location
        line = span = None
        if location is not None:
            line = location.lineno
            if line is not None and location.end_col_offset is not None:
                span = (line, location.end_lineno or line, location.col_offset or 0, location.end_col_offset)
        key = (instr.name, name, span)
        if span is not None and key in self._site_of:
            return self._site_of[key]
        code = self.code
        whole = code.co_filename, line or code.co_firstlineno, code.co_qualname
        site = self._site_of[key] = Site(*whole, module=self.module, name=name, span=span, code=code)
        self.sites.append(site)
        return site

    def location_after(self, position: int) -> InstrLocation | None:
        """Return the location for what is inserted after an instruction: its own, but at the start of a function that of the first line."""
        instr = self.instructions[position]
        if instr.name == "RESUME":
            instr = next((one for one in self.instructions[position + 1 :] if isinstance(one, Instr)), instr)
        location: InstrLocation | None = instr.location
        return location

    def follows(self, names: frozenset[str]) -> bool:
        """Tell whether the top of the stack was certainly made by one of these instructions."""
        return self.previous is not None and self.previous.name in names

    def follows_scalar(self) -> bool:
        """Tell whether the top of the stack is a constant that is no mutable container."""
        previous = self.previous
        return previous is not None and previous.name == "LOAD_CONST" and isinstance(previous.arg, _SCALARS)

    def follows_number(self) -> bool:
        """Tell whether the top of the stack is a constant number."""
        previous = self.previous
        return previous is not None and previous.name == "LOAD_CONST" and isinstance(previous.arg, (int, float, complex))
