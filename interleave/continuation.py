"""An exploration kept in a file, to be continued later: what its strategy has left to do, the statistics, and the failures found.

A file holds one record for each scenario, by name. A record is a pickle of the strategy, with its tree or its generator; failures
are kept as seeds, and run again when the exploration goes on. What is pickled is executed when it is read: continue only what you kept
yourself. Records are replaced when an exploration ends, whatever ended it, between two executions.
"""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from pathlib import Path

from interleave.classes import Classes
from interleave.errors import UsageError
from interleave.model import Statistics, Strategy

#: Raised with every change of what a file contains.
FORMAT = 9


@dataclass(frozen=True, slots=True)
class Continuation:
    """Where an exploration stopped. `options` are those that it has to be continued with."""

    options: tuple[tuple[str, object], ...]
    strategy: Strategy
    executions: int
    statistics: Statistics
    seeds: tuple[str, ...]
    was_cut: bool
    classes: Classes


def load(file: str | os.PathLike[str], name: str, options: tuple[tuple[str, object], ...]) -> Continuation | None:
    """Return what a file has of a scenario, None if there is nothing; UsageError if it cannot be continued with these options."""
    record = _read(file).get(name)
    if record is None:
        return None
    try:
        found: Continuation = pickle.loads(record)
    except Exception as error:
        raise UsageError(f"{file}: what is kept of {name!r} cannot be read ({error}).\nUse another file, or delete this one.") from error
    for (option, kept), (_, given) in zip(found.options, options, strict=True):
        if kept != given:
            raise UsageError(
                f"{file}: the exploration of {name!r} was begun with {option}={kept!r}, and cannot be continued with {given!r}.\n"
                "Give the same options, or use another file."
            )
    return found


def save(file: str | os.PathLike[str], name: str, continuation: Continuation) -> None:
    """Keep an exploration in a file, beside those of other scenarios. Raises UsageError if it holds something that cannot be kept."""
    records = _read(file)
    try:
        records[name] = pickle.dumps(continuation)
    except Exception as error:
        raise UsageError(
            f"{file}: the exploration of {name!r} cannot be kept: {error}.\n"
            "A place in the program has a key that cannot be pickled, or the strategy has something that cannot."
        ) from error
    path = Path(file)
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_bytes(pickle.dumps({"format": FORMAT, "scenarios": records}))
    # Whoever reads finds the old file or the new one, whole.
    temporary.replace(path)


def _read(file: str | os.PathLike[str]) -> dict[str, bytes]:
    try:
        content = pickle.loads(Path(file).read_bytes())
        written, records = content["format"], content["scenarios"]
    except FileNotFoundError:
        return {}
    except (OSError, pickle.UnpicklingError, EOFError, KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise UsageError(f"{file} does not hold explorations: something else wrote it.\nUse another file.") from error
    if written != FORMAT:
        raise UsageError(f"{file} was written by another release (format {written}, this one reads {FORMAT}).\nUse another file.")
    found: dict[str, bytes] = records
    return found
