"""Facts about code objects that are known before they run.

Both analyses read the raw bytes of a code object, because they visit every function in scope and mostly find nothing.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator, Mapping
from types import CodeType
from typing import Any, NamedTuple

_EXTENDED = dis.opmap["EXTENDED_ARG"]
_ATTRIBUTE_STORES = frozenset({dis.opmap["STORE_ATTR"], dis.opmap["DELETE_ATTR"]})
_GLOBAL_STORES = frozenset({dis.opmap["STORE_GLOBAL"], dis.opmap["DELETE_GLOBAL"]})
_NAME_STORES = _ATTRIBUTE_STORES | _GLOBAL_STORES
_LOAD_GLOBAL, _LOAD_ATTR, _LOAD_DEREF, _COPY = (dis.opmap[name] for name in ("LOAD_GLOBAL", "LOAD_ATTR", "LOAD_DEREF", "COPY"))
# From 3.12 on the lowest bit of the argument says that a method is loaded.
_HAS_METHOD_BIT = sys.version_info >= (3, 12)
_CELL_STORES = frozenset(dis.opmap[name] for name in ("STORE_DEREF", "DELETE_DEREF"))
_BACKWARD = frozenset(opcode for name, opcode in dis.opmap.items() if "JUMP_BACKWARD" in name)
# From 3.13 on a closure is made of cells fetched by LOAD_FAST, of which two may be fused into one instruction.
_CELL_LOADS = frozenset(
    dis.opmap[name] for name in ("LOAD_CLOSURE", "LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_AND_CLEAR") if dis.opmap.get(name, 256) < 256
)
_FUSED_LOADS = frozenset(dis.opmap[name] for name in ("LOAD_FAST_LOAD_FAST", "STORE_FAST_LOAD_FAST") if name in dis.opmap)

_LOCAL_LOADS = _FUSED_LOADS | {dis.opmap["LOAD_FAST"]}
_LOAD_CONST = dis.opmap["LOAD_CONST"]
_MAKES_FUNCTION = frozenset(dis.opmap[name] for name in ("MAKE_FUNCTION", "SET_FUNCTION_ATTRIBUTE") if name in dis.opmap)
_CALLS = frozenset(dis.opmap[name] for name in ("PRECALL", "CALL") if name in dis.opmap)
_FILLERS = frozenset({_EXTENDED, dis.opmap["CACHE"]})

#: Cells that `type` fills once, before anybody can look.
IMPLICIT_CELLS = frozenset({"__class__", "__classdict__"})


def instructions(code: CodeType) -> Iterator[tuple[int, int, int]]:
    """Yield (index, opcode, argument) of each instruction; the index counts code units of two bytes."""
    raw = code.co_code
    extended = 0
    for index in range(len(raw) // 2):
        opcode = raw[2 * index]
        argument = raw[2 * index + 1] | extended
        extended = argument << 8 if opcode == _EXTENDED else 0
        yield index, opcode, argument


def nested_codes(code: CodeType) -> Iterator[CodeType]:
    """Yield the code objects directly inside a code object."""
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield const


def decorated_codes(code: CodeType) -> frozenset[int]:
    """Return the ids of the code objects in a code object whose functions go straight into a call: those with decorators."""
    found = set()
    current: CodeType | None = None
    is_function = False
    for _, opcode, argument in instructions(code):
        if opcode == _LOAD_CONST:
            const = code.co_consts[argument]
            current, is_function = (const, False) if isinstance(const, CodeType) else (None, False)
        elif opcode in _MAKES_FUNCTION:
            is_function = current is not None
        elif opcode in _CALLS and is_function and current is not None:
            found.add(id(current))
            is_function = False
        elif opcode not in _FILLERS:
            is_function = False
    return frozenset(found)


class Stores(NamedTuple):
    """Names that a code object, or one inside it, stores or deletes."""

    variables: set[str]
    attributes: set[str]
    #: Attributes of what is, or may be, a class.
    class_attributes: set[str]


class StoresOfCode(NamedTuple):
    """The same, as far as it can be told from the code alone."""

    stores: Stores
    #: Attributes of what a global variable has, which may be a class: name of the variable, name of the attribute.
    of_globals: list[tuple[str, str]]

    def given(self, namespace: Mapping[str, Any]) -> Stores:
        """Return what is stored, given the globals that the code runs with."""
        found, of_globals = self
        if not of_globals:
            return found
        more = {name for variable, name in of_globals if issubclass(type(namespace.get(variable)), type)}
        return found if more <= found.class_attributes else found._replace(class_attributes=found.class_attributes | more)

    def add(self, more: StoresOfCode) -> None:
        """Add what other code stores."""
        for names, further in zip(self.stores, more.stores, strict=True):
            names |= further
        self.of_globals.extend(more.of_globals)


#: By id: the code, which keeps the id its own, and what it stores. Looked at for every exploration.
_stores: dict[int, tuple[CodeType, StoresOfCode]] = {}


def stores(code: CodeType) -> StoresOfCode:
    """Return the global variables and attributes that a code object stores."""
    known = _stores.get(id(code))
    if known is None:
        known = _stores[id(code)] = (code, _find_stores(code))
    return known[1]


def no_stores() -> StoresOfCode:
    """Return what code stores that stores nothing, to be added to."""
    return StoresOfCode(Stores(set(), set(), set()), [])


def _find_stores(code: CodeType) -> StoresOfCode:
    result, of_globals = found = no_stores()
    if not _NAME_STORES.isdisjoint(code.co_code[::2]):
        slots = _slots(code)
        # Attributes looked at right after something that may be a class was loaded: `Cls.n = 1`, and `cls.n += 1` which reads first.
        of_classes: list[tuple[str, str]] = []
        source: str | None = None
        for _, opcode, argument in instructions(code):
            if opcode in _FILLERS or opcode == _COPY:
                continue
            name = code.co_names[argument] if opcode in _NAME_STORES else ""
            if opcode in _GLOBAL_STORES:
                result.variables.add(name)
            elif opcode in _ATTRIBUTE_STORES:
                result.attributes.add(name)
            elif opcode == _LOAD_ATTR:
                name = code.co_names[argument >> 1 if _HAS_METHOD_BIT else argument]
            if source is not None and name:
                of_classes.append((source, name))
            source = _source_of_class(code, slots, opcode, argument)
        result.class_attributes.update(name for source, name in of_classes if not source and name in result.attributes)
        of_globals += [pair for pair in dict.fromkeys(of_classes) if pair[0] and pair[1] in result.attributes]
    for inner in nested_codes(code):
        found.add(_find_stores(inner))
    return found


def _source_of_class(code: CodeType, slots: list[str], opcode: int, argument: int) -> str | None:
    """Tell whether an instruction may leave a class on top of the stack: by name, by `type(obj)`, by `obj.__class__`, from a closure.

    Return the name of the global variable on which that depends, "" if it may in any case, None if it cannot.
    """
    if opcode == _LOAD_GLOBAL:
        return code.co_names[argument >> 1]
    if opcode in _LOCAL_LOADS:
        may_be = slots[argument & 15 if opcode in _FUSED_LOADS else argument] == "cls"
    elif opcode == _LOAD_ATTR:
        may_be = code.co_names[argument >> 1 if _HAS_METHOD_BIT else argument] == "__class__"
    else:
        may_be = opcode in _CALLS or opcode == _LOAD_DEREF
    return "" if may_be else None


def constant_cells(code: CodeType) -> frozenset[str]:
    """Return the cell variables of a code object that no two threads can see change.

    A cell is constant if its only store, should there be one, comes before anybody else can have the cell. That holds for

    * a parameter that nobody stores: its cell is filled when the frame is made;
    * any other variable that is stored by exactly one instruction of the whole nest, that instruction being in the code which owns
      the cell, outside any loop, and before every instruction which fetches the cell for a closure.

    "Before" is by position. Without a jump backwards over the store, a lower position can only run earlier; a store between the
    target of a backward jump and the jump counts as inside a loop. That also rules out exception handlers, which
    stand at the end and jump back. A deletion counts as a store. Code that stores through frames is not considered.
    """
    if not code.co_cellvars:
        return frozenset()
    stored_inside: set[str] = set()
    for inner in nested_codes(code):
        stored_inside |= _stored_cells(inner)
    slots = _slots(code)
    stores: dict[str, list[int]] = {}
    first_closure: dict[str, int] = {}
    loops: list[tuple[int, int]] = []
    for index, opcode, argument in instructions(code):
        if opcode in _CELL_STORES:
            stores.setdefault(slots[argument], []).append(index)
        elif opcode in _CELL_LOADS:
            first_closure.setdefault(slots[argument], index)
        elif opcode in _FUSED_LOADS:
            first_closure.setdefault(slots[argument >> 4], index)
            first_closure.setdefault(slots[argument & 15], index)
        elif opcode in _BACKWARD:
            # The cache entries of the jump are left out, which makes the loop seem longer, never shorter.
            loops.append((index + 1 - argument, index))
    parameters = code.co_varnames[: parameter_count(code)]
    constant = set()
    for name in code.co_cellvars:
        at = stores.get(name, [])
        if name in stored_inside or len(at) > (0 if name in parameters else 1):
            continue
        if all(index < first_closure.get(name, index + 1) and not _is_inside(index, loops) for index in at):
            constant.add(name)
    return frozenset(constant)


def _is_inside(index: int, loops: list[tuple[int, int]]) -> bool:
    return any(first <= index <= last for first, last in loops)


def parameter_count(code: CodeType) -> int:
    """Return how many of a code object's variables are parameters."""
    has_rest = bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)
    return code.co_argcount + code.co_kwonlyargcount + has_rest


def _slots(code: CodeType) -> list[str]:
    """Return the names of a frame's storage in order: locals, cells that are no locals, free variables."""
    return [*code.co_varnames, *(name for name in code.co_cellvars if name not in code.co_varnames), *code.co_freevars]


def _stored_cells(code: CodeType) -> set[str]:
    """Return the variables of outer code that a nested code object, or one inside it, stores."""
    names: set[str] = set()
    if code.co_freevars and not _CELL_STORES.isdisjoint(code.co_code[::2]):
        slots = _slots(code)
        names.update(slots[argument] for _, opcode, argument in instructions(code) if opcode in _CELL_STORES)
    for inner in nested_codes(code):
        names |= _stored_cells(inner)
    return names.intersection(code.co_freevars)
