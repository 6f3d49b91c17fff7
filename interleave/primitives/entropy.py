"""Randomness that a program reads is the same in every execution.

`random`'s hidden generator is seeded before each execution and gets its state back after the exploration; `os.urandom`, on
which `secrets`, `uuid.uuid4` and `random.SystemRandom` draw, gives bytes from a generator seeded likewise.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import threading
from typing import Any

from interleave.runtime import active

_real_urandom = os.urandom
_SEED = 0


def urandom(size: int) -> bytes:
    """Stand in for `os.urandom`."""
    kernel = active()
    if kernel is None:
        return _real_urandom(size)
    generator = kernel.side.get("entropy")
    if generator is None:
        generator = kernel.side["entropy"] = random.Random(_SEED)
    return bytes(generator.randbytes(size))


def renew() -> None:
    """Start an execution: the same random numbers, thread names and pool names as in every other."""
    random.seed(_SEED)
    threading._counter = itertools.count(1).__next__  # type: ignore[attr-defined]
    pools = sys.modules.get("concurrent.futures.thread")
    if pools is not None:
        pools.ThreadPoolExecutor._counter = itertools.count().__next__


class Saved:
    """The state to give back after an exploration."""

    def __init__(self) -> None:
        self._random = random.getstate()
        self._counter: Any = threading._counter  # type: ignore[attr-defined]
        pools = sys.modules.get("concurrent.futures.thread")
        self._pools: Any = pools.ThreadPoolExecutor._counter if pools is not None else None

    def restore(self) -> None:
        """Give it back."""
        random.setstate(self._random)
        threading._counter = self._counter  # type: ignore[attr-defined]
        pools = sys.modules.get("concurrent.futures.thread")
        if pools is not None and self._pools is not None:
            pools.ThreadPoolExecutor._counter = self._pools


FUNCTIONS: dict[Any, Any] = {os.urandom: urandom}
