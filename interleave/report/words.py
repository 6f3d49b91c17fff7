"""Numbers with their nouns, and whether what is written to a stream may have colours."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TextIO


def count_of(number: int, noun: str) -> str:
    """Return `1 step`, `2 steps`, `1,000 steps`, `3 switches`, `2 classes`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun}{'es' if noun.endswith(('s', 'x', 'ch', 'sh')) else 's'}"


def listed(words: Sequence[str], most: int) -> str:
    """Return `a, b, c and 2 more`, with `most` of the words."""
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")


def wants_color(out: TextIO) -> bool:
    """Tell whether to write in colour: on a terminal that can, unless NO_COLOR is set to something (no-color.org)."""
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def is_live(out: TextIO) -> bool:
    """Tell whether lines may be rewritten: on a terminal that somebody watches, which in continuous integration (CI is set) nobody does."""
    return out.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"
