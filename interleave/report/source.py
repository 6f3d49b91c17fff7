"""Paths and source lines as a reader wants to see them."""

from __future__ import annotations

import linecache
import os
from collections.abc import Iterable
from typing import Final

from interleave.model import Frame

#: Characters shown of a source line.
_LONGEST: Final = 100


def short_path(file: str) -> str:
    """Return a path as seen from the current folder, or unchanged where it is not below it."""
    if not os.path.isabs(file):
        return file
    root = os.path.join(os.getcwd(), "")
    return file[len(root) :] if file.startswith(root) else file


def short_name(file: str) -> str:
    """Return the last part of a path, of `__init__.py` and the like the last two."""
    folder, name = os.path.split(file)
    return os.path.join(os.path.basename(folder), name) if name.startswith("__") else name


def shortest_names(files: Iterable[str]) -> dict[str, str]:
    """Return for each path its last part, or the path itself where two end alike."""
    unique = list(dict.fromkeys(files))
    ends = [short_name(file) for file in unique]
    return {file: end if ends.count(end) == 1 else short_path(file) for file, end in zip(unique, ends, strict=True)}


def source_lines(file: str) -> list[str]:
    """Return the lines of a file; none where there is no source, nor for what `exec` made: from 3.13 on `-c` goes by the same name."""
    return linecache.getlines(file) if file != "<string>" else []


def source_line(file: str, line: int) -> str:
    """Return the text of a source line without its indentation, empty where there is no source."""
    lines = source_lines(file)
    text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def location(frame: Frame) -> str:
    """Return `file:line in function`."""
    where = f"{short_path(frame.file)}:{frame.line}"
    return f"{where} in {frame.function}" if frame.function else where


def located_source(frame: Frame) -> str:
    """Return `file:line in function: source text`, without the last part where there is no source."""
    text = source_line(frame.file, frame.line)
    return f"{location(frame)}: {text}" if text else location(frame)
