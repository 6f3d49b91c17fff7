"""What CPython keeps per OS thread and a logical thread must have for itself.

All logical threads share one OS thread, so `threading.local` objects (made before the exploration or during it, of
subclasses too, of C extensions too) would be shared by them. No stand-in class could change objects that exist, and
none is needed: where the interpreter keeps the values is exchanged at each switch.

* 3.11 and 3.12: the values hang in the dictionary of the thread state (`PyThreadState_GetDict`), one key per object. Its
  contents are exchanged.
* 3.13 and newer: they are found through two pointers in the thread state, a key object and a sentinel whose death
  clears the values. Both pointers are exchanged; the interpreter makes new ones where it finds NULL, so that each logical
  thread gets its own and `__init__` of a subclass runs once per thread, as documented. Their offset is looked for once, among
  the first words of the structure, and trusted only if both objects are what they must be.

The scenario itself (tid 0) goes on with the values of the OS thread that explores.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import weakref
from functools import lru_cache
from typing import Any, Protocol

_api = ctypes.pythonapi
_api.PyThreadState_GetDict.restype = ctypes.c_void_p
_api.PyThreadState_Get.restype = ctypes.c_void_p
_api.Py_DecRef.argtypes = [ctypes.c_void_p]

#: How many words of the thread state are looked at; the structure is larger on every version that has the pointers.
_WORDS = 64


class Locals(Protocol):
    """Exchanges the thread-local values of the OS thread."""

    def swap(self, theirs: Any) -> Any:
        """Put `theirs` in place (None: those of a new thread) and return what was there."""
        ...

    def drop(self, saved: Any) -> None:
        """Destroy the values of a logical thread that has ended."""
        ...


class DictLocals:
    """Exchange the contents of the thread state's dictionary (3.11, 3.12)."""

    __slots__ = ("_dict",)

    def __init__(self) -> None:
        address = _api.PyThreadState_GetDict()
        self._dict: dict[Any, Any] = ctypes.cast(address, ctypes.py_object).value

    def swap(self, theirs: Any) -> Any:
        """Exchange contents; empty on both sides costs two tests."""
        current = self._dict
        saved = None
        if current:
            saved = dict(current)
            current.clear()
        if theirs:
            current.update(theirs)
        return saved

    def drop(self, saved: Any) -> None:
        """Forget the values: the last reference to them goes."""


class PointerLocals:
    """Exchange the key and the sentinel in the thread state (3.13 and newer)."""

    __slots__ = ("_words",)

    def __init__(self, offset: int) -> None:
        size = ctypes.sizeof(ctypes.c_size_t)
        words = (ctypes.c_size_t * 2).from_address(_api.PyThreadState_Get() + offset * size)
        # Reading and writing through a memoryview is three times as fast as through ctypes.
        self._words = memoryview(words).cast("B").cast("Q" if size == 8 else "I")

    def swap(self, theirs: Any) -> Any:
        """Exchange both pointers; ownership of the objects goes with them."""
        words = self._words
        saved = (words[0], words[1]) if words[0] else None
        if saved is not theirs:
            words[0], words[1] = theirs or (0, 0)
        return saved

    def drop(self, saved: Any) -> None:
        """Give up the references; the sentinel's death clears the values in every local object."""
        if saved:
            for address in reversed(saved):
                if address:
                    _api.Py_DecRef(address)


def _find_offset() -> int | None:
    """Return the index of the word that points to this thread's key, followed by its sentinel."""
    probe = threading.local()
    probe.x = 1
    keys: dict[int, object] = {}
    sentinels: dict[int, object] = {}
    for referent in gc.get_referents(probe):
        if type(referent) is dict:
            keys.update((id(key), key) for key in referent)
        elif type(referent) is set:
            alive = (ref() for ref in referent if isinstance(ref, weakref.ref))
            sentinels.update((id(target), target) for target in alive)
    words = (ctypes.c_void_p * _WORDS).from_address(_api.PyThreadState_Get())
    for index in range(_WORDS - 1):
        if words[index] in keys and words[index + 1] in sentinels:
            return index
    return None


_offset = _find_offset() if sys.version_info >= (3, 13) else None


@lru_cache(maxsize=8)
def make_locals(ident: int) -> Locals | None:
    """Return what exchanges thread-local values in the OS thread `ident`, which must be the caller's; None if nothing can."""
    if sys.version_info < (3, 13):
        return DictLocals()
    return PointerLocals(_offset) if _offset is not None else None
