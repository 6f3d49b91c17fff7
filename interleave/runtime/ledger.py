"""The ledger of one execution: what happened in it that was not controlled, one sentence each, in `Trace.uncontrolled`."""

from __future__ import annotations

from interleave.model import Site, Trace
from interleave.runtime import gate

#: By what an import is known: it stands in the way of a proof only.
IMPORTED = "was imported during the run: its code ran as one step"
#: By what code out of scope is known that worked on what others use (see `unseen`). It stands in the way of a proof only, too.
AS_ONE_STEP = "ran as one step"

#: What is noted of sets of objects: not that anything is uncontrolled, but why it is where two executions of a schedule differ.
UNORDERED = "objects was gone through in the order of their addresses, which is another one in every execution"


class Ledger:
    """Takes entries, each once."""

    __slots__ = ("_entries", "imported", "notes_imports")

    def __init__(self, trace: Trace) -> None:
        self._entries = trace.uncontrolled
        #: Whether an import matters: not in the first execution, which fills `sys.modules`.
        self.notes_imports = False
        #: Names of packages of which something was imported.
        self.imported: set[str] = set()

    def note(self, sentence: str) -> None:
        """Enter something that could not be controlled."""
        if sentence not in self._entries:
            self._entries.append(sentence)

    def note_stranger(self, site: Site) -> None:
        """Enter that code in scope ran in an OS thread which is not the execution's."""
        self.note(f"an OS thread that the scenario did not start ran {site.function} at {site} at the same time")

    def note_import(self, name: str) -> None:
        """Enter that a module was imported, which runs as one step, where more than one thread can see it."""
        self.imported.add(name.partition(".")[0])
        if self.notes_imports and gate.is_open:
            self.note(f"module {name} {IMPORTED}")
