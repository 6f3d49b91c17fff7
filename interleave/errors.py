"""Every exception that the package raises, under one base.

A message has up to three parts, each on its own line: what happened, with the values and the step; the
likely cause; the next command to type. Failures of the program under test are not errors: they are values
(`result.Failure`); only `CheckFailed` carries one to a caller who asked for an exception.
"""

from __future__ import annotations

from functools import partial
from typing import Any


class InterleaveError(Exception):
    """Be the base of every error of this package."""


class UsageError(InterleaveError, ValueError):
    """Report an argument that cannot be used.

    Common causes: a misspelt strategy or option, a budget of zero, a scenario that takes arguments (pass a
    closure or `functools.partial`), a target that cannot be imported (check the path and the current folder).
    """


class SeedError(InterleaveError, ValueError):
    """Report a seed that is damaged, of another format version, or of another scenario.

    Common causes: part of the seed was not copied (copy it again, whole); it was made by another release
    (explore again to get a new one); it belongs to another function (the message names both).
    """


class ReplayMismatch(InterleaveError):
    """Report a replay in which the program did not do what the seed recorded.

    Common causes: the code or a library changed since the seed was made (explore again); the program depends
    on something that is not controlled, such as a set order, the wall clock, or a global kept between runs.
    """

    def __init__(self, message: str, *, step: int, where: str) -> None:
        super().__init__(message)
        #: Index of the first step that differs, counted from 0.
        self.step = step
        #: `file:line` of that step in the code as it is now.
        self.where = where

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(ReplayMismatch, step=self.step, where=self.where), self.args


class CheckFailed(InterleaveError, AssertionError):
    """Carry the first failure of an exploration out of `interleave.check`.

    The text of the exception is the whole report; `failure` is the value it was made from.
    """

    def __init__(self, report: str, failure: object) -> None:
        super().__init__(report)
        self.failure = failure


class NotControlled(InterleaveError):
    """Report an operation that would block the process for real instead of being scheduled.

    Common causes: a lock that a thread outside the exploration holds; a primitive made by a C extension; a socket, subprocess or signal
    asked of an event loop (the message says what to do instead).
    """


class ExecutionDied(NotControlled):
    """Report that the process of an execution ended before the execution did (`isolate="fork"`).

    Common causes: the program calls `os._exit` or a C extension crashes; the system ran out of memory.
    """


class InternalError(InterleaveError):
    """Report a bug of this package, with the schedule that leads to it. Please file it."""
