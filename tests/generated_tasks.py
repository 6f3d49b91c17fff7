"""Small programs of asyncio tasks, generated, for comparing strategies with each other.

A program is a list of tasks, each a list of instructions on shared state. What it does is written into a log that is part of its outcome,
so that two schedules that differ in anything a program can see differ in the outcome.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

Instruction = tuple[str, int]
Program = tuple[tuple[Instruction, ...], ...]

#: What instructions there are, with how often.
KINDS = (
    "read",
    "write",
    "yield",
    "yield",
    "lock",
    "set",
    "wait",
    "put",
    "get",
    "cancel",
    "join",
    "sleep",
    "result",
    "future",
    "semaphore",
    "notify",
    "done",
)


def generate(seed: int, tasks: int = 3, length: int = 3) -> Program:
    """Return a program."""
    source = random.Random(seed)
    return tuple(
        tuple((source.choice(KINDS), source.randrange(2)) for _ in range(source.randint(1, length)))
        for _ in range(source.randint(2, tasks))
    )


class Shared:
    """What the tasks of one run share."""

    def __init__(self) -> None:
        self.x = [0, 0]
        self.locks = [asyncio.Lock(), asyncio.Lock()]
        self.events = [asyncio.Event(), asyncio.Event()]
        self.queues: list[asyncio.Queue[int]] = [asyncio.Queue(maxsize=1), asyncio.Queue()]
        self.semaphores = [asyncio.Semaphore(1), asyncio.Semaphore(2)]
        self.condition = asyncio.Condition()
        self.futures: list[Any] = [asyncio.get_running_loop().create_future() for _ in range(2)]
        self.tasks: list[asyncio.Task[Any]] = []


async def step(shared: Shared, me: int, seen: list[Any], kind: str, which: int) -> None:
    """Execute one instruction; what the task learns from it goes into `seen`."""
    if kind == "read":
        seen.append(shared.x[which])
    elif kind == "write":
        shared.x[which] = shared.x[which] * 3 + me + 1
    elif kind == "yield":
        await asyncio.sleep(0)
    elif kind == "sleep":
        await asyncio.sleep(which + 1)
    elif kind == "lock":
        async with shared.locks[which]:
            value = shared.x[which]
            await asyncio.sleep(0)
            shared.x[which] = value + 1
    elif kind == "set":
        shared.events[which].set()
    elif kind == "wait":
        async with asyncio.timeout(3):
            await shared.events[which].wait()
    elif kind == "put":
        async with asyncio.timeout(4):
            await shared.queues[which].put(me)
    elif kind == "get":
        seen.append(await asyncio.wait_for(shared.queues[which].get(), 5))
    elif kind == "cancel":
        shared.tasks[which].cancel()
    elif kind == "join":
        await asyncio.wait([shared.tasks[which]], timeout=6)
    elif kind == "done":
        seen.append(shared.tasks[which].done())
    elif kind == "result":
        if not shared.futures[which].done():
            shared.futures[which].set_result(me)
    elif kind == "future":
        seen.append(await asyncio.wait_for(asyncio.shield(shared.futures[which]), 7))
    elif kind == "semaphore":
        async with shared.semaphores[which]:
            await asyncio.sleep(0)
    elif kind == "notify":
        async with shared.condition:
            if which:
                shared.condition.notify()
            else:
                async with asyncio.timeout(8):
                    await shared.condition.wait()


async def act(shared: Shared, me: int, seen: list[Any], instructions: tuple[Instruction, ...]) -> None:
    """Execute the instructions of one task."""
    try:
        for kind, which in instructions:
            await step(shared, me, seen, kind, which)
    except asyncio.CancelledError:
        seen.append("cancelled")
        raise
    except TimeoutError:
        seen.append("late")


def leaving(program: Program, outcomes: set[Any], waits: int) -> Callable[[], Any]:
    """Return a scenario whose main task takes so many steps beside those of a program, and leaves them where they are then."""

    async def main(given: list[Shared], seen: list[list[Any]]) -> None:
        given.append(shared := Shared())
        for me, instructions in enumerate(program):
            shared.tasks.append(asyncio.create_task(act(shared, me, seen[me], instructions)))
        for _ in range(waits):
            await asyncio.sleep(0)

    def scenario() -> None:
        given: list[Shared] = []
        seen: list[list[Any]] = [[] for _ in program]
        asyncio.run(main(given, seen))
        outcomes.add((tuple(given[0].x), tuple(map(tuple, seen)), tuple(task.cancelled() for task in given[0].tasks)))

    return scenario


def scenario_of(program: Program, outcomes: set[Any]) -> Callable[[], Any]:
    """Return a scenario that runs a program and adds what came of it to `outcomes`."""

    async def scenario() -> None:
        shared = Shared()
        seen: list[list[Any]] = [[] for _ in program]
        for me, instructions in enumerate(program):
            shared.tasks.append(asyncio.create_task(act(shared, me, seen[me], instructions)))
        await asyncio.gather(*shared.tasks, return_exceptions=True)
        outcomes.add((tuple(shared.x), tuple(map(tuple, seen))))

    return scenario
