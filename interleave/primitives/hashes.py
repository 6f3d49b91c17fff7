"""Threads and futures made in an execution hash to a number in the order of their making.

Their hash is their address otherwise, and so is the order in which a set of them is gone through: `concurrent.futures.wait` and
`as_completed` take the locks of futures in the order of addresses, and programs join the threads of a set. The same schedule
would not give the same execution. What is older than the execution keeps its hash, for it may be in a dictionary already.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import Future, _base
from threading import Thread
from typing import Any

from interleave.runtime import active

#: Name of the attribute, and key of the counter in an execution's data.
_NUMBER = "_interleave_number"


def _numbered(cls: type) -> Callable[..., None]:
    """Return a constructor that numbers what it makes."""
    original: Callable[..., None] = vars(cls)["__init__"]

    def init(self: Any, *args: Any, **options: Any) -> None:
        kernel = active()
        if kernel is not None:
            counter = kernel.side.get(_NUMBER)
            if counter is None:
                counter = kernel.side[_NUMBER] = itertools.count(1)
            self.__dict__[_NUMBER] = next(counter)
        original(self, *args, **options)

    return init


def _hash(self: Any) -> int:
    number: int | None = self.__dict__.get(_NUMBER)
    return object.__hash__(self) if number is None else number


def _init_acquiring(self: Any, futures: Any) -> None:
    """Stand in for the constructor of `_AcquireFutures`, which sorts them by address: any order that all threads agree on will do."""
    self.futures = sorted(futures, key=hash)


METHODS: dict[tuple[type, str], Callable[..., Any]] = {
    (Future, "__init__"): _numbered(Future),
    (Future, "__hash__"): _hash,
    (Thread, "__init__"): _numbered(Thread),
    (Thread, "__hash__"): _hash,
    (vars(_base)["_AcquireFutures"], "__init__"): _init_acquiring,
}
