"""Stand-ins for what reads the clock in `datetime`. Its classes are of C, and stay the classes they are: their methods are exchanged.

`today` needs none: it asks `time.time`, which has one. Where the interpreter does not let us at its types, the clock stays the real one,
and a call is entered into the ledger (`instrument.uncontrolled`).
"""

from __future__ import annotations

import datetime
import sys
import warnings
from typing import Any

from interleave.primitives.clocks import present
from interleave.primitives.holders import can_change_types
from interleave.runtime import active

_real_now = vars(datetime.datetime)["now"]
_real_utcnow = vars(datetime.datetime)["utcnow"]
_from_timestamp = vars(datetime.datetime)["fromtimestamp"]


def now(cls: type, tz: datetime.tzinfo | None = None) -> Any:
    """Stand in for `datetime.now`."""
    kernel = active()
    if kernel is None:
        return _real_now.__get__(None, cls)(tz)
    return _from_timestamp.__get__(None, cls)(present(kernel), tz)


def utcnow(cls: type) -> Any:
    """Stand in for `datetime.utcnow`, with the warning that it gives from 3.12 on."""
    kernel = active()
    if kernel is None:
        return _real_utcnow.__get__(None, cls)()
    if sys.version_info >= (3, 12):
        message = "datetime.datetime.utcnow() is deprecated and scheduled for removal in a future version. Use timezone-aware objects to "
        warnings.warn(message + "represent datetimes in UTC: datetime.datetime.now(datetime.UTC).", DeprecationWarning, stacklevel=2)
    return _from_timestamp.__get__(None, cls)(present(kernel), datetime.UTC).replace(tzinfo=None)


#: Empty where they cannot be exchanged, or need not: written in Python, `datetime` asks `time.time` too.
METHODS: dict[tuple[type, str], Any] = {}
if can_change_types and not isinstance(_real_now, classmethod):
    METHODS = {(datetime.datetime, "now"): classmethod(now), (datetime.datetime, "utcnow"): classmethod(utcnow)}
