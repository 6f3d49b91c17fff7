"""From a running frame to the line that the user wrote.

The location of an operation on a primitive is the innermost frame that is neither ours nor the standard library's; where there
is none (a test of the standard library itself), the innermost one that is not ours.
"""

from __future__ import annotations

import sys
import sysconfig
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType

from interleave.model import NOWHERE, Frame, Site

_OURS = str(Path(__file__).resolve().parent.parent) + "/"
_LIBRARY = tuple({sysconfig.get_path("stdlib") + "/", sysconfig.get_path("platstdlib") + "/", "<frozen "})
_PACKAGES = ("/site-packages/", "/dist-packages/")

_OUR, _STDLIB, _USER = 0, 1, 2
_ranks: dict[CodeType, int] = {}
_sites: dict[tuple[CodeType, int], Site] = {}


def is_library(file: str) -> bool:
    """Tell whether a file belongs to the standard library."""
    return file.startswith(_LIBRARY) and not any(part in file for part in _PACKAGES)


def is_ours(file: str) -> bool:
    """Tell whether a file belongs to this package."""
    return file.startswith(_OURS)


def rank(code: CodeType) -> int:
    """Return 0 for code of ours, 1 for the standard library's, 2 for all other code; remembered per code object."""
    known = _ranks.get(code)
    if known is None:
        file = code.co_filename
        known = _ranks[code] = _OUR if is_ours(file) else _STDLIB if is_library(file) else _USER
    return known


def site_of(frame: FrameType | None) -> Site:
    """Return the site of the innermost frame, from this one outwards, that the user wrote."""
    fallback: FrameType | None = None
    while frame is not None:
        known = _ranks.get(frame.f_code)
        if known is None:
            known = rank(frame.f_code)
        if known == _USER:
            break
        if known == _STDLIB and fallback is None:
            fallback = frame
        frame = frame.f_back
    frame = frame or fallback
    if frame is None:
        return NOWHERE
    key = (frame.f_code, frame.f_lasti)
    site = _sites.get(key)
    if site is None:
        site = _sites[key] = Site(
            frame.f_code.co_filename, frame.f_lineno or frame.f_code.co_firstlineno, frame.f_code.co_qualname,
            module=frame.f_globals.get("__name__", ""), code=frame.f_code,
        )
    return site


def current_site() -> Site:
    """Return the site of whoever called into the package."""
    return site_of(sys._getframe(2))


def stack_of(frame: FrameType | None) -> tuple[Frame, ...]:
    """Return the frames from the outermost to `frame`, ours left out."""
    frames: list[Frame] = []
    while frame is not None:
        if rank(frame.f_code) != _OUR:
            code = frame.f_code
            line = frame.f_lineno or code.co_firstlineno
            frames.append(Frame(code.co_filename, line, code.co_qualname, rank(code) == _USER))
        frame = frame.f_back
    return tuple(reversed(frames))


@lru_cache(maxsize=1)
def roots() -> tuple[str, ...]:
    """Return the folders whose code is never the user's."""
    return (_OURS, *_LIBRARY)
