"""The seeds found so far, in `.interleave/`: one text file for each scenario, fit for reading and for committing.

    # Seeds with which targets.cache:scenario_put failed. They are tried first when it is explored again; commit them or delete them.
    il2-h59psByoeCgCAbQBJ8UfcIPisqOd # assertion: size over the limit
    il2-7YOCgCAbQBJ8UfcIPisqOdX2 --timeouts any # deadlock: ...

A line is a seed, the options that it depends on, and what it showed. The newest is last and tried first. Only those are tried, and dropped
when they do not fail any more, that were found under the options of the exploration at hand.
"""

from __future__ import annotations

import os
import re
import warnings
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from interleave.arguments import of_seeds, seed_options

if TYPE_CHECKING:
    from interleave.result import Failure, Result

FOLDER: Final = ".interleave"
#: Seeds kept of one scenario, and characters of what is said of one.
_MOST: Final = 20
_LONGEST: Final = 80


class Entry(NamedTuple):
    """One line of a file."""

    seed: str
    options: str
    note: str


class Database:
    """The seeds of one scenario, found under certain options."""

    def __init__(self, folder: Path, scenario: str, options: str) -> None:
        self.file = folder / FOLDER / _file_name(scenario)
        self._scenario = scenario
        self._options = options
        self._entries = _read(self.file)

    @property
    def seeds(self) -> list[str]:
        """Return the seeds to try, the newest first."""
        return [entry.seed for entry in reversed(self._entries) if entry.options == self._options]

    def update(self, failures: Iterable[Failure], tried: Iterable[str] = ()) -> None:
        """Drop the seeds that were tried and keep those of the failures; leave the file alone if nothing changes.

        Raises OSError where it cannot be written.
        """
        new = {failure.seed: Entry(failure.seed, self._options, _note(failure)) for failure in failures if failure.kind != "nondeterminism"}
        kept = [entry for entry in self._entries if entry.seed not in {*tried, *new} or entry.options != self._options]
        entries = [*kept, *new.values()][-_MOST:]
        if entries != self._entries:
            self._write(entries)

    def _write(self, entries: Sequence[Entry]) -> None:
        self._entries = list(entries)
        if not entries:
            self.file.unlink(missing_ok=True)
            return
        head = f"# Seeds with which {self._scenario} failed. They are tried first when it is explored again; commit them or delete them.\n"
        lines = [" ".join(part for part in (one.seed, one.options, f"# {one.note}") if part) + "\n" for one in entries]
        self.file.parent.mkdir(exist_ok=True)
        # At once or not at all: several workers may write the seeds of one scenario.
        partial = self.file.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(head + "".join(lines), encoding="utf-8", errors="backslashreplace")
        partial.replace(self.file)


def _file_name(scenario: str) -> str:
    """Return a name that every file system takes, with a checksum where it does not hold the whole of the scenario's."""
    name = re.sub(r"[^\w.-]", "_", scenario.replace("::", ".").replace(":", "."), flags=re.ASCII)
    whole = name == scenario.replace(":", ".", 1) and len(name) <= 100
    return f"{name}.txt" if whole else f"{name[:80]}.{zlib.crc32(scenario.encode('utf-8', 'surrogatepass')):08x}.txt"


def _read(file: Path) -> list[Entry]:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    entries = []
    for line in lines:
        code, _, note = line.partition("#")
        seed, _, options = code.strip().partition(" ")
        if seed:
            entries.append(Entry(seed, options.strip(), note.strip()))
    return entries


def _note(failure: Failure) -> str:
    first = (failure.message.splitlines() or [""])[0]
    return f"{failure.kind}: {first[:_LONGEST]}"


def explore_remembering(scenario: Callable[[], object], folder: Path | None, called: str, **options: Any) -> Result:
    """Explore a scenario after trying the seeds kept of it below a folder, and keep what is found; None explores only.

    `called` names the scenario among all of the folder; `options` are those of `explore`. Warns where seeds cannot be kept.
    """
    from interleave.explore import explore
    from interleave.recall import recall

    if folder is None:
        return explore(scenario, **options)
    database = Database(folder, called, " ".join(seed_options(options)))
    stops = options.get("stop_on_failure", True)
    shared = of_seeds(options) | {name: options[name] for name in ("name", "replay_command", "gil_label") if name in options}
    # What is kept of an exploration that is continued has its failures already.
    seeds = database.seeds if options.get("state") is None else []
    recalled = recall(scenario, seeds, stop_on_failure=stops, **shared)
    result = recalled.result() if recalled.failures and stops else recalled.merged(explore(scenario, **options))
    try:
        database.update(result.failures, recalled.tried)
    except OSError as error:
        warnings.warn(f"seeds are not kept: {error}", stacklevel=2)
    return result
