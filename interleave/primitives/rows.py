"""The form of the tables of stand-ins, and of the classes among them."""

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


class Kind(type):
    """The class of classes that stand in for one of C: by `isinstance`, instances of the real one are instances as well."""

    def __instancecheck__(cls, instance: Any) -> bool:
        real = cls.__dict__.get("stands_for")
        return super().__instancecheck__(instance) or (real is not None and isinstance(instance, real))

    def __subclasscheck__(cls, subclass: type) -> bool:
        real = cls.__dict__.get("stands_for")
        return super().__subclasscheck__(subclass) or (real is not None and issubclass(subclass, real))
