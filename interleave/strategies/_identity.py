"""Which logical thread is which, from execution to execution.

A tid says in what order threads were spawned in one execution, and that may depend on the schedule. What a search remembers beyond
an execution names threads by number instead: one for each path (`model.ThreadInfo.path`), in order of first sight.
"""

from __future__ import annotations

from collections.abc import Sequence

from interleave.model import Operation, ThreadInfo


class Identity:
    """Numbers of the threads of the current execution."""

    __slots__ = ("_numbers", "daemons", "number_of", "tid_of")

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, ...], int] = {}
        #: By tid.
        self.number_of: list[int] = []
        #: By number.
        self.tid_of: dict[int, int] = {}
        #: Mask of the tids of daemon threads.
        self.daemons = 0

    def learn(self, threads: Sequence[ThreadInfo]) -> None:
        """Take over the threads of the current execution."""
        numbers = self._numbers
        self.number_of = [numbers.setdefault(info.path, len(numbers)) for info in threads]
        self.tid_of = {number: tid for tid, number in enumerate(self.number_of)}
        self.daemons = sum(1 << info.tid for info in threads if info.is_daemon)

    def forget(self) -> None:
        """Expect another execution; what is known of the threads of the last one stays valid for those it shares."""
        self.number_of = []

    def unfinished(self, pending: Sequence[Operation | None]) -> list[Operation]:
        """Return what the threads that are not daemons have announced."""
        return [one for tid, one in enumerate(pending) if one is not None and not self.daemons >> tid & 1]
