"""The form of the tables of stand-ins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One real thing and what stands in for it.

    A row is an object of this package, so that the search for holders leaves it alone; a pair or a dictionary would be exchanged itself.
    A stand-in for a function of C must not become a method where a class holds it (`wait = time.sleep`): it is a `staticmethod` object, a
    class, or an instance.
    """

    original: Any
    stand_in: Any
