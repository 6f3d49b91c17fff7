"""Which failures are one and the same: those that end alike because of accesses to one place on common lines.

Executions that end alike (`Outcome.signature`: the kind, and the line of the exception or those where threads wait) need not do so for
one reason: an assertion on a sum fails by a lost update in one method, or by one in another. What tells those apart is what explains
them (`culprit`), and that is a matter of judgement; so two are taken for different only where nothing that explains them is common.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from interleave.detectors.culprit import find
from interleave.model import Trace

#: What depends on the values at hand in the name of a place: the key, and the number of the object among those called alike. Its size is
#: no place of its own.
_PARTICULAR = re.compile(r"\[.*\]| #\d+| \(size\)")


class Identity(NamedTuple):
    """What makes a failure what it is: how it ends, and the place and the lines of the accesses that explain it, if any do."""

    signature: tuple[str, ...]
    place: str = ""
    lines: tuple[str, ...] = ()

    def is_like(self, other: Identity) -> bool:
        """Tell whether two failures are the same, as far as is known."""
        if self.signature != other.signature:
            return False
        if not self.lines or not other.lines:
            return True
        return self.place == other.place and not set(self.lines).isdisjoint(other.lines)


def identity_of(trace: Trace) -> Identity:
    """Return what makes an execution that failed what it is; without lines where it was not run in detail."""
    outcome = trace.outcome
    assert outcome is not None
    if outcome.kind not in ("assertion", "exception"):
        # The signature of all others names the lines already.
        return Identity(outcome.signature)
    culprit = find(trace, outcome)
    if culprit is None:
        return Identity(outcome.signature)
    lines = sorted({f"{access.file}:{access.line}" for access in culprit.accesses})
    return Identity(outcome.signature, _PARTICULAR.sub("", culprit.place), tuple(lines))
