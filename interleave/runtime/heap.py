"""One pass over all objects of the process, for everything that taking control has to find.

Such a pass costs as much as dozens of small executions, because it has to fetch every object from memory; so all that is sought is
sought at once, and as little as possible, for every reference is compared with all of it. The garbage collector tells who refers to given
objects (`gc.get_referrers`). Every function refers to the dictionary of the built-in functions, and every cache of `functools` to its
type, so both are found by the same question. (A function that was given built-ins of its own, as sandboxes do, is not.)

A process that runs tests is taken control of thousands of times, and hardly anything is made between two of them. So what was found is kept
in mind, by weak references, and the next time only what was made since is looked at (`Past`).
"""

from __future__ import annotations

import builtins
import functools
import gc
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import BuiltinMethodType, FunctionType
from typing import Any
from weakref import ref

CACHE = type(functools.lru_cache(len))
_BUILTINS = vars(builtins)
#: Whether the collector keeps the objects of a generation in the order in which they came to it: one that works in increments does not.
_IS_ORDERED = sys.version_info < (3, 14)


@dataclass(slots=True)
class Heap:
    """What was found. The lists are holders themselves: empty them before the next pass."""

    functions: list[FunctionType]
    #: Caches made by `functools.lru_cache`.
    caches: list[Any]
    #: Instances of the types asked for, and of classes derived from them; methods of C bound to classes asked for.
    instances: list[Any]
    #: What refers to one of the objects sought or to one of these types, besides; None if nobody was asked.
    holders: list[Any] | None


def survey(kinds: tuple[type, ...] = (), sought: Iterable[object] = (), owners: tuple[type, ...] = ()) -> Heap:
    """Find all functions and caches, all instances of `kinds`, and everything that refers to one of the objects `sought`.

    Methods of C that are bound to one of the classes `owners` count as instances.
    """
    # Most of it are functions: passes over lists in C instead of one over all of it here.
    found = gc.get_referrers(*sought, *kinds, *owners, _BUILTINS, CACHE)
    functions = [one for one in found if type(one) is FunctionType]
    others = [one for one in found if type(one) is not FunctionType]
    caches = [one for one in others if type(one) is CACHE]
    instances = _instances(others, kinds, owners)
    # What it was asked with holds what it was asked for.
    known = {id(kinds), id(sought), id(owners), *map(id, caches), *map(id, instances)}
    return Heap(functions, caches, instances, [one for one in others if id(one) not in known])


def _instances(objects: Sequence[Any], kinds: tuple[type, ...], owners: tuple[type, ...]) -> list[Any]:
    """Return the instances of `kinds` among some objects, then the methods of C bound to one of `owners`."""
    ids = set(map(id, owners))
    found = [one for one in objects if issubclass(type(one), kinds)]
    return found + [one for one in objects if type(one) is BuiltinMethodType and id(one.__self__) in ids]


class Past:
    """What there was when the process was given back the last time, of all that a survey for instances of `kinds` finds.

    The collector moves objects from one generation to the next and keeps them in order, as long as it does not go through the oldest
    generation. So what was made after a mark is what comes after it. An old function, cache or lock is the same as before: what became
    of its code is looked at anyway, and who holds it is told by its reference count (`primitives.acquaintance`).
    """

    def __init__(self, kinds: tuple[type, ...], owners: tuple[type, ...] = ()) -> None:
        self._kinds = kinds
        self._owners = owners
        self._mark: list[Any] | None = None
        self._collected = (0, 0)
        self._question: object = None
        self._references: list[ref[Any]] = []

    def recall(self, question: object) -> Heap | None:
        """Return what a survey would find, without holders; None if that has to be made.

        `question` is what was given to `begin`.
        """
        made = self.made_since() if question == self._question else None
        if made is None:
            return None
        old = [one for reference in self._references if (one := reference()) is not None]
        found = list({id(one): one for one in (*old, *self._of_interest(made))}.values())
        functions = [one for one in found if type(one) is FunctionType]
        caches = [one for one in found if type(one) is CACHE]
        return Heap(functions, caches, _instances(found, self._kinds, self._owners), None)

    def made_since(self) -> list[Any] | None:
        """Return all objects made since the process was given back, besides others; None if nobody can tell."""
        mark = self._mark if _IS_ORDERED else None
        if mark is None or self._collected != _collected():
            return None
        # None of the lists made here is in what is returned: each is younger than what it lists.
        made: list[Any] | None = None
        for generation in range(3):
            objects = gc.get_objects(generation)
            for index in reversed(range(len(objects))):
                if objects[index] is mark:
                    return (made or []) + objects[index + 1 :]
            made = objects if made is None else made + objects
        return None

    def remember(self, objects: Iterable[Any]) -> None:
        """Keep objects in mind."""
        self._references += map(ref, objects)

    def remember_kinds(self, objects: list[Any]) -> None:
        """Keep those objects in mind that a survey would find."""
        self.remember(self._of_interest(objects))

    def begin(self, question: object) -> None:
        """Forget what was found; `question` is what the answer depends on that is to be remembered."""
        self._question = question
        self._references.clear()

    def forget(self) -> None:
        """Have the next survey look at everything."""
        self._mark = None

    def end(self) -> None:
        """Note that what is made from now on has yet to be seen."""
        self._mark = []
        self._collected = _collected()

    def _of_interest(self, objects: list[Any]) -> list[Any]:
        return _instances(objects, (FunctionType, CACHE, *self._kinds), self._owners)


def _collected() -> tuple[int, int]:
    """Return how often the oldest generation was gone through, and how many objects are hidden from that."""
    return gc.get_stats()[-1]["collections"], gc.get_freeze_count()
