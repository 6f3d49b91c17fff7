"""Functions that run at the same time, as one scenario: what the fixture `run_concurrent` explores.

Plain functions become threads. Where one is `async def`, there is an event loop: those become its tasks, and the plain ones threads beside
it. The scenario is a `functools.partial` of one of two functions, so that what the functions hold is found by a snapshot
(`isolation.snapshot`) and put back before each execution; what is kept here for whoever called is not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from interleave.event_loop import is_asynchronous

Functions = tuple[Callable[[], Any], ...]


class Wanted:
    """What is asked of the functions, and what came of it."""

    __slots__ = ("check", "results", "timeout")

    def __init__(self, timeout: float, check: Callable[[list[Any]], object] | None) -> None:
        #: Seconds of virtual time within which all must have ended.
        self.timeout = timeout
        #: Called with the results when all have ended.
        self.check = check
        #: The results in order, of the first execution in which all have ended; None before.
        self.results: list[Any] | None = None

    def take(self, results: list[Any]) -> None:
        """Take in the results of an execution, and have them checked."""
        if self.results is None:
            self.results = results
        if self.check is not None:
            self.check(results)

    def late(self, names: Sequence[str]) -> TimeoutError:
        """Return what is raised where functions have not ended in time."""
        said = " and ".join(map(repr, names))
        return TimeoutError(f"{said} {'has' if len(names) == 1 else 'have'} not ended after {self.timeout:g} s of virtual time")


def together(functions: Functions, wanted: Wanted) -> Callable[[], Any]:
    """Return the scenario that runs all the functions at the same time."""
    return partial(_as_tasks if any(map(is_asynchronous, functions)) else _as_threads, functions, wanted)


def _as_threads(functions: Functions, wanted: Wanted) -> None:
    results: list[Any] = [None] * len(functions)

    def run(number: int) -> None:
        results[number] = functions[number]()

    threads = [threading.Thread(target=run, args=(number,), name=_name_of(one)) for number, one in enumerate(functions)]
    for thread in threads:
        thread.start()
    # Through the module: its functions are the virtual clock's for the time of an exploration.
    end = time.monotonic() + wanted.timeout
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    late = [thread.name for thread in threads if thread.is_alive()]
    if late:
        raise wanted.late(late)
    wanted.take(results)


async def _as_tasks(functions: Functions, wanted: Wanted) -> None:
    import asyncio

    loop = asyncio.get_running_loop()

    async def beside(function: Callable[[], Any]) -> Any:
        ended = loop.create_future()

        def run() -> None:
            # What it raises ends the execution.
            loop.call_soon_threadsafe(ended.set_result, function())

        thread = threading.Thread(target=run, name=_name_of(function))
        thread.start()
        result = await ended
        thread.join()
        return result

    tasks = [loop.create_task(one() if is_asynchronous(one) else beside(one), name=_name_of(one)) for one in functions]
    _, pending = await asyncio.wait(tasks, timeout=wanted.timeout, return_when=asyncio.FIRST_EXCEPTION)
    failed = [task for task in tasks if task.done() and task.exception() is not None]
    if pending and not failed:
        raise wanted.late([task.get_name() for task in tasks if task in pending])
    wanted.take([task.result() for task in failed or tasks])


def _name_of(function: Callable[[], Any]) -> str:
    inner = function.func if isinstance(function, partial) else function
    return str(getattr(inner, "__name__", type(inner).__name__))
