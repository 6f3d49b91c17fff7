"""Which functions look at the frames of their callers, as far as names tell.

A placeholder passes its call on to the rewritten code, so that call has a frame more than it has without control, and than the next ones
have. Who counts frames (`sys._getframe(2)`, `warnings.warn(..., stacklevel=2)`) would end up elsewhere in the first call. So functions that
may do so have no placeholder, and neither have those of the same module that call them.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import CodeType

from interleave.instrument.analysis import nested_codes

_LOOKS = frozenset({"_getframe", "get_frame", "_getframemodulename", "currentframe", "f_back", "extract_stack", "stacklevel"})


def who_looks(codes: Iterable[CodeType]) -> set[int]:
    """Return the ids of those code objects of one module whose functions may look at frames, or call one that does."""
    names = {id(code): (code.co_name, _names(code)) for code in codes}
    found: set[int] = set()
    looking: frozenset[str] | set[str] = _LOOKS
    while looking:
        more = {key for key, (_, used) in names.items() if key not in found and not used.isdisjoint(looking)}
        found |= more
        looking = {names[key][0] for key in more} - _LOOKS
    return found


def _names(code: CodeType) -> set[str]:
    """Return the names that code uses, those of keywords among them, with what is inside."""
    used = set(code.co_names)
    used.update(name for const in code.co_consts if type(const) is tuple for name in const if type(name) is str)
    return used.union(*map(_names, nested_codes(code)))
