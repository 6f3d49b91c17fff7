"""Randomness that a program reads is the same in every execution, and so are the numbers that threads and pools are named by.

`random`'s hidden generator is seeded before each execution and gets its state back after the exploration; `os.urandom`, on
which `secrets`, `uuid.uuid4` and `random.SystemRandom` draw, gives bytes from a generator seeded likewise, and so do generators that the
program makes without a seed. `tempfile` draws the names of files from one made anew.
"""

from __future__ import annotations

import _random
import itertools
import os
import random
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from interleave.primitives.rows import Row
from interleave.runtime import active
from interleave.runtime.suspension import aside

_real_urandom = os.urandom
_SEED = 0


def urandom(size: int, /) -> bytes:
    """Stand in for `os.urandom`."""
    kernel = active()
    if kernel is None or size < 0:
        return _real_urandom(size)
    return _draw_bytes(kernel, size)


@aside
def _draw_bytes(kernel: Any, size: int) -> bytes:
    return _generator(kernel).randbytes(size)


@aside
def _draw_seed(kernel: Any) -> int:
    return _generator(kernel).getrandbits(256)


def _generator(kernel: Any) -> random.Random:
    """Return what stands for the system's source of randomness in this execution."""
    generator: random.Random | None = kernel.side.get("entropy")
    if generator is None:
        generator = kernel.side["entropy"] = random.Random(_SEED)
    return generator


def _seed(self: Any, a: Any = None, version: int = 2) -> None:
    """Stand in for `random.Random.seed`: a generator that is to take its seed from the system takes it from here."""
    kernel = active()
    if a is None and kernel is not None:
        a = _draw_seed(kernel)
    _originals[random.Random, "seed"](self, a, version)


def _seed_hidden(a: Any = None, version: int = 2) -> None:
    """Stand in for `random.seed`, which is bound to the original method."""
    _seed(random._inst, a, version)


_files: dict[str, Any] = vars(tempfile)
_inst: Any = random._inst
_set_state: Callable[[Any, Any], None] = _random.Random.setstate
_STATE = _random.Random.getstate(random.Random(_SEED))


def renew() -> None:
    """Start an execution: the same random numbers, thread names and pool names as in every other."""
    # What `random.seed(_SEED)` does, in a third of the time.
    _set_state(_inst, _STATE)
    _inst.gauss_next = None
    _files["_name_sequence"] = _draw_names()
    threading._counter = itertools.count(1).__next__  # type: ignore[attr-defined]
    ThreadPoolExecutor._counter = itertools.count().__next__  # type: ignore[attr-defined]


def _draw_names() -> Iterator[str]:
    numbers = random.Random(_SEED)
    while True:
        yield f"{numbers.getrandbits(40):010x}"


class Saved:
    """The state to give back after an exploration."""

    def __init__(self) -> None:
        self._random = random.getstate()
        self._counter: Any = threading._counter  # type: ignore[attr-defined]
        self._pools: Any = ThreadPoolExecutor._counter  # type: ignore[attr-defined]
        self._files = {name: _files[name] for name in ("_name_sequence", "tempdir")}
        with suppress(OSError):
            # The first who asks for it looks for one, under a lock.
            tempfile.gettempdir()

    def restore(self) -> None:
        """Give it back."""
        random.setstate(self._random)
        threading._counter = self._counter  # type: ignore[attr-defined]
        ThreadPoolExecutor._counter = self._pools  # type: ignore[attr-defined]
        _files.update(self._files)


METHODS: dict[tuple[type, str], Callable[..., Any]] = {(random.Random, "seed"): _seed}
OBJECTS: tuple[Row, ...] = (Row(os.urandom, staticmethod(urandom)), Row(random.seed, staticmethod(_seed_hidden)))

_originals: dict[tuple[type, str], Any] = {key: vars(key[0])[key[1]] for key in METHODS}
