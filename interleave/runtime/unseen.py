"""Code out of scope runs as one step, whatever it does inside: here it is found out where that may make a difference.

What such code is given is announced when it is called, and for real another thread could come in between while it runs. Here that never
happens. So where others use the same, every order of the steps is not every order that there is, and the ledger says so: nothing is
proven. It makes no difference where all who use it hold a common lock. As in `places` the locks are looked at, and not what happened before
what: of threads that hand things over by other means it is assumed that they may meet.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from interleave.runtime.ledger import AS_ONE_STEP, Ledger
from interleave.runtime.places import Places
from interleave.runtime.threads import LogicalThread


class Unseen:
    """What code out of scope has come to in one execution."""

    __slots__ = ("_ledger", "_packages", "_places", "made")

    def __init__(self, places: Places, ledger: Ledger) -> None:
        self._places = places
        self._ledger = ledger
        #: By package: the bits of the threads that were in its code, and the locks held by all of them.
        self._packages: dict[str, tuple[int, int]] = {}
        #: Modules in scope for which a library has made the code, as attrs does the methods of a class.
        self.made: set[str] = set()

    def enter(self, package: str, thread: LogicalThread, *, is_held: bool) -> bool:
        """Note that a thread runs code of a package, which may use what is the package's own; tell whether it may meet another there.

        `is_held` says that it does so under the locks that it holds.
        """
        bits, locks = self._packages.get(package, (0, -1))
        bits, locks = bits | thread.bit, locks & thread.held if is_held else 0
        self._packages[package] = bits, locks
        may_meet = bits != thread.bit and not locks
        if may_meet:
            self._ledger.note(f"code of {package} (not in scope) {AS_ONE_STEP} in several threads{self._hint(package)}")
        return may_meet

    def use(self, accesses: Iterable[tuple[object, Hashable, int]], thread: LogicalThread, who: str, module: str) -> None:
        """Note what code of a module out of scope has just touched, or code of C if `module` is empty."""
        for owner, field, mode in accesses:
            entry = self._places.entries.get(id(owner))
            if entry is not None and self._places.is_contended(entry, field, mode, thread):
                self._ledger.note(f"{who} {AS_ONE_STEP} on a {type(owner).__name__} that other threads use{self._hint(module)}")
                return

    def _hint(self, module: str) -> str:
        if module in self.made:
            return ": a library made it while the scenario ran; of classes that are there before, its steps are explored"
        return f': include=["{module}"] (--include {module}) has its steps explored' if module else ""


def unseen_of(trap: Any) -> Unseen:
    """Return what is noted for the execution that `trap` leads to."""
    if trap.unseen is None:
        trap.unseen = Unseen(trap.places, trap.ledger)
    unseen: Unseen = trap.unseen
    return unseen
