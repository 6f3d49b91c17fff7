"""What a program prints while it is explored, by which it would bury what is said of it: it runs hundreds of times."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import Any, TextIO


class Muffler:
    """Stands before the standard output and error. What is written to them while it is `on` is left out, and noted.

    A program may keep the streams when it is imported, as handlers of `logging` do, so they are to be `before` it by then. What it does
    with them are steps, so they are for replays as well.
    """

    def __init__(self) -> None:
        self.is_on = False
        self.has_left_out = False
        #: The streams themselves.
        self.out, self.err = sys.stdout, sys.stderr

    @contextlib.contextmanager
    def before(self) -> Iterator[None]:
        """Put streams that can be muffled in the place of the standard ones."""
        with contextlib.redirect_stdout(_stream(self, self.out)), contextlib.redirect_stderr(_stream(self, self.err)):
            yield

    @contextlib.contextmanager
    def on(self) -> Iterator[None]:
        """Leave out what is written."""
        self.is_on = True
        try:
            yield
        finally:
            self.is_on = False

    def tell(self, *, is_quiet: bool) -> None:
        """Say so if anything was left out."""
        if self.has_left_out and not is_quiet:
            self.out.write("What the program prints is left out: --show-output shows it, and so does a replay.\n")


class _Passage(io.RawIOBase):
    """What stands behind a stream, and passes on what it gets, or leaves it out."""

    def __init__(self, muffler: Muffler, stream: TextIO) -> None:
        self._muffler = muffler
        self._stream = stream

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, data: Any) -> int:
        data = bytes(data)
        if self._muffler.is_on:
            self._muffler.has_left_out = True
        else:
            self._stream.write(data.decode(errors="surrogateescape"))
            self._stream.flush()
        return len(data)


def _stream(muffler: Muffler, stream: TextIO) -> TextIO:
    """Return a stream of the type that the standard ones have: which steps a program takes depends on it."""
    passage: Any = _Passage(muffler, stream)
    return io.TextIOWrapper(passage, encoding="utf-8", errors="surrogateescape", newline="\n", write_through=True)
