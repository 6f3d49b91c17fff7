"""One pass over all objects of the process, for everything that taking control has to find.

Such a pass costs as much as dozens of small executions, because it has to fetch every object from memory; so all that is sought is
sought at once, and as little as possible, for every reference is compared with all of it. The garbage collector tells who refers to given
objects (`gc.get_referrers`). Every function refers to the dictionary of the built-in functions, and every cache of `functools` to its
type, so both are found by the same question. (A function that was given built-ins of its own, as sandboxes do, is not.)
"""

from __future__ import annotations

import builtins
import functools
import gc
from dataclasses import dataclass
from types import FunctionType
from typing import Any

CACHE = type(functools.lru_cache(len))
_BUILTINS = vars(builtins)


@dataclass(slots=True)
class Heap:
    """What was found. The lists are holders themselves: empty them before the next pass."""

    functions: list[FunctionType]
    #: Caches made by `functools.lru_cache`.
    caches: list[Any]
    #: What refers to one of the objects sought, and the dictionaries of modules.
    holders: list[Any]


def survey(*sought: object) -> Heap:
    """Find all functions and caches, and everything that refers to one of the objects `sought`, in the order of the garbage collector."""
    # Most of it are functions: passes over lists in C instead of one over all of it here.
    found = gc.get_referrers(*sought, _BUILTINS, CACHE)
    functions = [one for one in found if type(one) is FunctionType]
    others = [one for one in found if type(one) is not FunctionType]
    caches = [one for one in others if type(one) is CACHE]
    holders = [one for one in others if type(one) is not CACHE and one is not sought]
    return Heap(functions, caches, holders)
