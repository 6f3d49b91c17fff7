"""From a running frame to the line that the user wrote.

The location of an operation on a primitive is the innermost frame that is neither ours nor the standard library's; where there
is none (a test of the standard library itself), the innermost one that is not ours.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType, FrameType

from interleave.model import NOWHERE, Frame, Site

OURS = str(Path(__file__).resolve().parent.parent) + os.sep
_FOLDERS = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
LIBRARY = (*sorted(folder.rstrip(os.sep) + os.sep for folder in _FOLDERS | set(map(os.path.realpath, _FOLDERS))), "<frozen ")
INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")

_OUR, _STDLIB, USER = 0, 1, 2
#: By id of a code object: the object itself, which keeps the id its own, and its rank.
_ranks: dict[int, tuple[CodeType, int]] = {}
#: By id of a code object: None if it is passed over, else its sites by instruction. One look-up a frame: hashing a code
#: object costs as much as running it, so it is never a key.
_sites: dict[int, dict[int, Site] | None] = {}
#: The same by value, of code that `exec` made: in each execution it is made anew, and its places are the same.
_made: dict[tuple[CodeType, str, str], dict[int, Site]] = {}
#: By id of a code object: None if it is ours, else its frames by line.
_frames: dict[int, dict[int, Frame] | None] = {}


def by_code() -> dict[int, dict[int, Site] | None]:
    """Return the sites made so far, by id of the code and by instruction; None for code that is passed over."""
    return _sites


def in_library() -> Iterable[Site]:
    """Return the sites in the standard library made so far."""
    return _library_sites.values()


def is_library(file: str) -> bool:
    """Tell whether a file belongs to the standard library."""
    return file.startswith(LIBRARY) and not any(part in file for part in INSTALLED)


def is_ours(file: str) -> bool:
    """Tell whether a file belongs to this package."""
    return file.startswith(OURS)


def rank(code: CodeType) -> int:
    """Return 0 for code of ours, 1 for the standard library's, 2 for all other code; remembered per code object."""
    known = _ranks.get(id(code))
    if known is None:
        file = code.co_filename
        known = _ranks[id(code)] = (code, _OUR if is_ours(file) else _STDLIB if is_library(file) else USER)
        sites = _made.setdefault((code, file, code.co_qualname), {}) if file.startswith("<") else {}
        _sites[id(code)] = sites if known[1] == USER else None
        _frames[id(code)] = None if known[1] == _OUR else {}
    return known[1]


def site_of(frame: FrameType | None) -> Site:
    """Return the site of the innermost frame, from this one outwards, that the user wrote."""
    start = frame
    while frame is not None:
        try:
            sites = _sites[id(frame.f_code)]
        except KeyError:
            rank(frame.f_code)
            sites = _sites[id(frame.f_code)]
        if sites is not None:
            return sites.get(frame.f_lasti) or _make_site(frame, sites)
        frame = frame.f_back
    return _library_site(start)


def _make_site(frame: FrameType, sites: dict[int, Site]) -> Site:
    code = frame.f_code
    site = sites[frame.f_lasti] = Site(
        code.co_filename, frame.f_lineno or code.co_firstlineno, code.co_qualname, module=frame.f_globals.get("__name__", ""), code=code
    )
    return site


#: Sites in the standard library, used where no code of the user's is on the stack.
_library_sites: dict[tuple[int, int], Site] = {}


def _library_site(frame: FrameType | None) -> Site:
    while frame is not None and rank(frame.f_code) == _OUR:
        frame = frame.f_back
    if frame is None:
        return NOWHERE
    key = (id(frame.f_code), frame.f_lasti)
    if key not in _library_sites:
        _library_sites[key] = _make_site(frame, {})
    return _library_sites[key]


def current_site() -> Site:
    """Return the site of whoever called into the package: called from the trap, which a stand-in called."""
    start = frame = sys._getframe(3)
    try:
        # As `site_of` does, where everything is known: this happens at nearly every operation on a primitive.
        while (sites := _sites[id(frame.f_code)]) is None:
            frame = frame.f_back  # type: ignore[assignment]
        return sites[frame.f_lasti]
    except (KeyError, AttributeError):
        return site_of(start)


def outwards(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame and those that called it."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def modules_within() -> list[object]:
    """Return the names of the modules whose code is running in this thread, as their globals have them."""
    return [frame.f_globals.get("__name__") for frame in outwards(sys._getframe(1))]


def stack_of(frame: FrameType | None) -> tuple[Frame, ...]:
    """Return the frames from the outermost to `frame`, ours left out."""
    # At every step of a detailed execution: the same few lines again and again.
    frames: list[Frame] = []
    while frame is not None:
        code = frame.f_code
        if id(code) not in _frames:
            rank(code)
        known = _frames[id(code)]
        if known is not None:
            line = frame.f_lineno or code.co_firstlineno
            found = known.get(line)
            if found is None:
                found = known[line] = Frame(code.co_filename, line, code.co_qualname, rank(code) == USER)
            frames.append(found)
        frame = frame.f_back
    return tuple(reversed(frames))
