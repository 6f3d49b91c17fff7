"""A machine that runs tiny programs under a strategy, to test search and shrinking without a kernel.

A thread is a generator. What it yields is announced; what it does until the next yield is the effect. A program is
made anew for each execution: a list of threads, and a check of the final state that raises `AssertionError`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import cast

from interleave.model import STATE, WRITE, Access, Deviation, Operation, Outcome, Point, Site, Strategy, ThreadInfo, Trace

Thread = Generator["Announcement", int, None]
MEMORY = ("read", "write")


@dataclass(frozen=True, slots=True)
class Announcement:
    """An operation with its guard; with `values` it asks for one of that many."""

    kind: str
    place: str = ""
    values: int = 0
    guard: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True)
class Program:
    threads: list[Thread]
    check: Callable[[], None] = lambda: None


def operation_of(announcement: Announcement, tid: int) -> Operation:
    field_name = announcement.place if announcement.kind in MEMORY else STATE
    accesses = (Access((announcement.place,), field_name, WRITE),) if announcement.place else ()
    return Operation(announcement.kind, accesses, Site("program.py", 10 * (tid + 1), f"thread{tid}", name=announcement.place))


@dataclass(slots=True)
class Execution:
    """One execution, which is also the point that the strategy sees."""

    strategy: Strategy
    program: Program
    points: dict[str, bool]
    trace: Trace
    limit: int
    enabled: int = 0
    current: int = 0
    default: int = 0
    moment: int = 0
    values: int = 0
    pending: list[Operation | None] = field(default_factory=list)
    waiting: list[Announcement | None] = field(default_factory=list)
    touched: dict[str, int] = field(default_factory=dict)

    @property
    def threads(self) -> list[ThreadInfo]:
        return self.trace.threads

    @property
    def events(self) -> list[tuple[int, Operation]]:
        return self.trace.events

    def run(self) -> None:
        for tid, thread in enumerate(self.program.threads):
            self.threads.append(ThreadInfo(tid, (tid,), f"thread{tid}", -1))
            self.pending.append(None)
            self.waiting.append(None)
            self.advance(tid, thread, None)
        try:
            while any(self.waiting):
                if self.moment > self.limit:
                    self.trace.outcome = Outcome("livelock", "too long", ("livelock",))
                    return
                self.enabled = sum(1 << tid for tid, one in enumerate(self.waiting) if one and (one.guard is None or one.guard()))
                if not self.enabled:
                    self.trace.outcome = Outcome("deadlock", "nobody can go on", ("deadlock",))
                    return
                self.execute(self.pick())
            self.program.check()
        except AssertionError as error:
            # pytest adds a line with the values compared.
            message = str(error).split("\n")[0]
            self.trace.outcome = Outcome("assertion", message, ("assertion", message))
        finally:
            self.trace.moments = self.moment

    def pick(self) -> int:
        able = self.enabled >> self.current & 1
        self.default = self.current if able else (self.enabled & -self.enabled).bit_length() - 1
        announced = self.waiting[self.current]
        is_hidden = able and announced is not None and announced.kind in MEMORY and not self.points.get(announced.place)
        pick = self.default
        if self.strategy.every_access or (self.enabled & (self.enabled - 1) and not is_hidden):
            pick = self.ask()
            assert self.enabled >> pick & 1
        if pick != self.current:
            self.trace.switches += 1
            self.trace.preemptions += able
        self.current = pick
        return pick

    def ask(self) -> int:
        pick = self.strategy.choose(cast(Point, self))
        if pick != self.default:
            self.trace.deviations.append(Deviation(self.moment, pick))
        return pick

    def execute(self, tid: int) -> None:
        announced, operation = self.waiting[tid], self.pending[tid]
        assert announced is not None
        assert operation is not None
        self.events.append((tid, operation))
        if announced.kind in MEMORY and self.touched.setdefault(announced.place, tid) != tid and not self.points.get(announced.place):
            self.points[announced.place] = self.trace.has_new_points = True
        value = 0
        if announced.values:
            self.moment += 1
            self.values, self.default = announced.values, 0
            value = self.ask()
            self.values = 0
        self.advance(tid, self.program.threads[tid], value)

    def advance(self, tid: int, thread: Thread, value: int | None) -> None:
        self.moment += 1
        try:
            announced = next(thread) if value is None else thread.send(value)
        except StopIteration:
            self.waiting[tid] = self.pending[tid] = None
        else:
            self.waiting[tid], self.pending[tid] = announced, operation_of(announced, tid)


class Machine:
    """Runs one program again and again, and remembers which places are scheduling points."""

    def __init__(self, make: Callable[[], Program], *, limit: int = 20_000) -> None:
        self.make = make
        self.limit = limit
        self.points: dict[str, bool] = {}

    def execute(self, strategy: Strategy) -> Trace:
        trace = Trace()
        Execution(strategy, self.make(), self.points, trace, self.limit).run()
        strategy.end(trace)
        return trace

    def explore(self, strategy: Strategy, limit: int = 10_000) -> list[Trace]:
        traces: list[Trace] = []
        while len(traces) < limit and strategy.begin():
            traces.append(self.execute(strategy))
        return traces


def acquire(held: dict[str, bool], name: str) -> Thread:
    """Wait for a lock; use with `yield from`."""
    yield Announcement("acquire", name, guard=lambda: not held.get(name))
    held[name] = True


def release(held: dict[str, bool], name: str) -> Thread:
    """Give a lock back; use with `yield from`."""
    yield Announcement("release", name)
    held[name] = False


def steps(count: int) -> Thread:
    """Take steps that nobody can tell apart."""
    for _ in range(count):
        yield Announcement("step")


def independent(*counts: int) -> Callable[[], Program]:
    return lambda: Program([steps(count) for count in counts])


def increments(threads: int, times: int = 1, *, padding: int = 0) -> Callable[[], Program]:
    """Make a program whose threads increment a counter without a lock."""

    def make() -> Program:
        state = {"n": 0}

        def increment() -> Thread:
            for _ in range(times):
                for _ in range(padding):
                    yield Announcement("step")
                yield Announcement("read", "n")
                seen = state["n"]
                yield Announcement("write", "n")
                state["n"] = seen + 1

        def check() -> None:
            assert state["n"] == threads * times, "lost update"

        return Program([increment() for _ in range(threads)], check)

    return make


def path_of(trace: Trace) -> tuple[int, ...]:
    """Return the order in which the threads took their steps."""
    return tuple(tid for tid, _ in trace.events)
