"""Which files and folders functions of the standard library use: a table.

Files are outside the program, and stay as an execution leaves them. Who comes to one first is a choice all the same, so that to look for a
file, to open, make, rename and remove it are steps. One that is open for writing is written whenever its buffer is full, and when it is
closed: where others use it meanwhile, and under no common lock, nothing is proven. Names that lead to one file are not seen to.
"""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

from interleave.instrument.announce import Divisible
from interleave.instrument.families import item
from interleave.instrument.registry import AccessList
from interleave.model import READ, WRITE
from interleave.runtime.suspension import aside

Arguments = tuple[Any, ...]


class File:
    """What has all files for its items."""


_FILES = File()


def _looked_for(arguments: Arguments) -> AccessList:
    return [(_FILES, item(path), READ) for path in _paths(arguments[:1])]


def _listed(arguments: Arguments) -> AccessList:
    """Return what listing a folder touches: said to be a write, so that those who make files are in conflict with that only."""
    return [(_FILES, item(f"{path}/*"), WRITE) for path in _paths(arguments[:1] or (".",))]


def _changed(arguments: Arguments) -> AccessList:
    paths = _paths(arguments[:2])
    made: AccessList = [(_FILES, item(f"{os.path.dirname(path)}/*"), READ) for path in paths]
    return [(_FILES, item(path), WRITE) for path in paths] + made


def _written(arguments: Arguments) -> AccessList:
    return Divisible(_changed(arguments), "writing")


def opened(arguments: Arguments) -> AccessList:
    """Return what `open` touches, given the arguments, those with keywords last."""
    modes = [set(value) for value in arguments[1:] if type(value) is str and set(value) <= set("rwxabt+")]
    return _written(arguments[:1]) if modes and modes[0] & set("wxa+") else _looked_for(arguments)


@aside
def _paths(values: Arguments) -> list[str]:
    return [os.path.abspath(os.fsdecode(value)) for value in values if isinstance(value, (str, bytes, PurePath)) and value != ":memory:"]


#: By module and qualified name.
FILES: dict[tuple[str | None, str], Callable[[Arguments], AccessList]] = {}
for _owner, _entry, _names in (
    (os, _looked_for, "stat lstat access readlink"), (os, _listed, "listdir scandir walk"), (glob, _listed, "glob iglob"),
    (os, _changed, "open mkdir makedirs remove unlink rename renames replace rmdir removedirs link symlink utime chmod truncate"),
    (os.path, _looked_for, "exists lexists isfile isdir islink getsize getmtime getatime getctime"),
    (shutil, _written, "copyfile copy copy2 copytree move rmtree"),
    (Path, _looked_for, "exists is_file is_dir is_symlink stat lstat read_text read_bytes"), (Path, _listed, "iterdir glob rglob"),
    (Path, _changed, "touch mkdir unlink rmdir rename replace symlink_to hardlink_to chmod"), (Path, _written, "write_text write_bytes"),
    (Path, opened, "open"),
):  # fmt: skip
    _functions = [getattr(_owner, name) for name in _names.split() if hasattr(_owner, name)]
    FILES |= {(function.__module__, function.__qualname__): _entry for function in _functions}
FILES |= dict.fromkeys((("sqlite3", "connect"), ("_sqlite3", "connect"), ("shelve", "open"), ("dbm", "open")), _written)
