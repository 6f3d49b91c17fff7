"""Many generated programs against brute force on the real kernel, under one control: a few hundredths of a second for each.

Taking control of the process costs more than all executions of a small program. So programs are made in batches, and each is run by the
search and by the reference (`brute_force.Script`, with all that it may leave out) one after the other, without giving the process back in
between. A batch is a function of its number: any part of a long run can be made alone, or again.

    python -m tests.exhaustion 0 200          # batches 0 to 199, one line each
    python -m tests.exhaustion ends 0 50      # queues and semaphores, by outcomes, with a reference that does not tell their ends apart
    python -m tests.exhaustion tasks 0 50     # the same with programs of asyncio tasks
    python -m tests.exhaustion leaving 0 50   # and with a main task that does not wait for the others

That conflicts are what they are said to be is not looked at here, since the reference relies on them too: see `test_soundness`, which
looks at where neighbours called independent lead, and `test_conflicts`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy

from interleave.model import Strategy, Trace
from interleave.runner import Runner, make_controls
from interleave.strategies.dpor import Dpor
from tests import generated_tasks
from tests.brute_force import Canon, Class, KnownError, Locality, Script
from tests.generated import Program, all_programs, build, ends_programs
from tests.generated_tasks import generate, leaving, scenario_of

#: Programs with more classes, or for which the reference makes more executions, are left out.
MOST_CLASSES = 300
MOST_EXECUTIONS = 3_000
#: How many programs are generated for one batch.
SIZE = 100


class Reference(Script):
    """Everything that brute force reaches, with the classes."""

    def __init__(self, canon: Canon, locality: Locality | None, parted: frozenset[str] = frozenset()) -> None:
        super().__init__(canon, set(), foresees=locality is not None, locality=locality)
        #: What `dpor` has told apart: nothing, for a reference that relies on none of it.
        self.parted = parted
        self.classes: set[Class] = set()

    def end(self, trace: Trace) -> None:
        super().end(trace)
        self.classes.add(self.canon.of(trace))


class Classified(Dpor):
    """DPOR, with the classes of its executions noted."""

    def __init__(self, canon: Canon) -> None:
        super().__init__()
        self._canon = canon
        self.classes: list[Class] = []

    def end(self, trace: Trace) -> None:
        parted = self.parted
        super().end(trace)
        if self.parted == parted:
            self.classes.append(self._canon.of(trace))
        else:
            # It begins anew.
            self.classes.clear()


@dataclass(slots=True)
class Tally:
    """What came of some programs: how many were compared and left out, and what `dpor` and the reference did with the former."""

    programs: int = 0
    too_large: int = 0
    executions: int = 0
    classes: int = 0
    reference: int = 0
    redundant: int = 0

    def __iadd__(self, other: Tally) -> Tally:
        for field in self.__slots__:
            setattr(self, field, getattr(self, field) + getattr(other, field))
        return self

    def __str__(self) -> str:
        return (
            f"{self.programs:,} programs ({self.too_large:,} too large), {self.classes:,} classes, {self.executions:,} executions of dpor, "
            f"{self.redundant} redundant, {self.reference:,} executions of the reference"
        )


def batch(number: int, size: int = SIZE, kinds: SearchStrategy[Program] = all_programs) -> list[Program]:
    """Return the programs of a batch, each once."""
    found: dict[Program, None] = {}

    @seed(number)
    @settings(max_examples=size, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(kinds)
    def gather(program: Program) -> None:
        found[program] = None

    gather()
    return list(found)


def looks_at_presence(program: Any) -> bool:
    """Tell whether an instruction touches more if a key is there, or is not.

    It is announced again if that has changed meanwhile; these announcements tell classes apart that are none (see `strategies.dpor`).
    """
    if isinstance(program, tuple):
        return any(map(looks_at_presence, program))
    return program in ("absent", "add", "default", "drop")


def compare(programs: Iterable[Program]) -> Tally:
    """Check of each program that `dpor` makes one execution of each class, reaches what brute force reaches, and nothing else."""
    tally = Tally()
    for program, searcher in _controlled(programs):
        tally += _compare(program, searcher)
    return tally


class _Searcher:
    """Runs searches of one program after another under one control."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.outcomes: dict[Any, int] | set[Any] = {}

    def ends(self, strategy: Strategy, limit: int) -> tuple[set[Any], int] | None:
        """Return the final states and failures reached, and the number of executions; None if that are more than `limit`."""
        self.outcomes.clear()
        failures: set[Any] = set()
        executions = 0
        while strategy.begin():
            executions += 1
            if executions > limit:
                return None
            try:
                trace = self._runner.execute(strategy)
            except KnownError:
                continue
            if trace.outcome is not None:
                assert trace.outcome.kind in ("deadlock", "stuck"), trace.outcome.message
                failures.add(trace.outcome.signature)
            strategy.end(trace)
        assert not self._runner.uncontrolled
        return {*self.outcomes, *failures}, executions

    def collect(self) -> None:
        self._runner.control.collect()


def _controlled(programs: Iterable[Program]) -> Iterator[tuple[Program, _Searcher]]:
    """Yield each program with what runs it."""
    # All is there before control is taken: what is made later comes into scope after an execution only.
    made: list[tuple[Program, dict[Any, int], Callable[[], None]]] = []
    for program in programs:
        outcomes: dict[Any, int] = {}
        made.append((program, outcomes, build(program, outcomes)))
    scenarios: list[Callable[[], None]] = [list]

    def scenario() -> None:
        scenarios[0]()

    runner = Runner(scenario, "generated", make_controls(20_000, "idle", "any", "free-threaded", "off"))
    searcher = _Searcher(runner)
    with runner.control:
        for program, searcher.outcomes, scenarios[0] in made:
            yield program, searcher
            searcher.collect()


def compare_ends(programs: Iterable[Program]) -> Tally:
    """Check of each program that `dpor` reaches what brute force reaches which takes every two operations on a queue for a conflict."""
    tally = Tally()
    for program, searcher in _controlled(programs):
        reduced = Classified(Canon())
        found = searcher.ends(reduced, MOST_CLASSES)
        expected = _by_reference(searcher, Canon()) if found is not None else None
        if found is None or expected is None:
            tally += Tally(too_large=1)
            continue
        assert found[0] == expected[0], program
        assert reduced.redundant == 0, program
        tally += Tally(1, 0, len(reduced.classes), len(set(reduced.classes)), expected[1], 0)
    return tally


def _by_reference(searcher: _Searcher, canon: Canon, parted: frozenset[str] = frozenset()) -> tuple[set[Any], int, set[Class]] | None:
    """Return what brute force reaches, how many executions that takes, and the classes; None if they are too many."""
    locality = Locality()
    while True:
        locality.has_grown = False
        reference = Reference(canon, locality, parted)
        expected = searcher.ends(reference, MOST_EXECUTIONS)
        if expected is None:
            return None
        if not locality.has_grown:
            return *expected, reference.classes


def _compare(program: Program, searcher: _Searcher) -> Tally:
    canon = Canon()
    reduced = Classified(canon)
    found = searcher.ends(reduced, MOST_CLASSES)
    expected = _by_reference(searcher, canon, reduced.parted) if found is not None else None
    if found is None or expected is None:
        return Tally(too_large=1)
    assert found[0] == expected[0], program
    assert reduced.redundant == 0, program
    if not looks_at_presence(program):
        assert len(reduced.classes) == len(set(reduced.classes)), program
        assert set(reduced.classes) == expected[2], program
    return Tally(1, 0, len(reduced.classes), len(set(reduced.classes)), expected[1], reduced.redundant)


def compare_tasks(made: Iterable[generated_tasks.Program], make: Callable[..., Callable[[], Any]] = scenario_of) -> Tally:
    """Check of programs of tasks that `dpor` reaches what brute force reaches, and nothing else, and every class, and none of them twice.

    Executions that prove redundant are counted: those in which everything enabled was asleep. `asyncio.wait` makes objects that get their
    names in an order which schedules decide; what uses it, or sleeps, is compared with the classes of brute force by outcomes. So is what
    `dpor` reaches beside those classes: the reference does not know that time passed. Nor does it know that a loop ends after the last step
    that was to be made, whichever it is: what leaves tasks behind is compared by outcomes too.
    """
    # All is there before control is taken: what is made later comes into scope after an execution only.
    programs = [(program, outcomes := set[Any](), make(program, outcomes)) for program in made]
    current: list[Callable[[], Any]] = []

    async def waiting() -> None:
        await current[-1]()

    def scenario() -> None:
        current[-1]()

    is_waiting = make is scenario_of
    runner = Runner(waiting if is_waiting else scenario, "generated", make_controls(20_000, "idle", "any", "free-threaded", "off"))
    searcher = _Searcher(runner)
    total = Tally()
    with runner.control:
        for program, searcher.outcomes, one in programs:
            current.append(one)
            total += _compare_tasks(program, searcher, has_end=not is_waiting)
            searcher.collect()
    return total


def _compare_tasks(program: Any, searcher: _Searcher, *, has_end: bool) -> Tally:
    canon = Canon()
    reduced, reference = Classified(canon), Reference(canon, None)
    found = searcher.ends(reduced, MOST_CLASSES)
    expected = searcher.ends(reference, MOST_EXECUTIONS) if found is not None else None
    if found is None or expected is None:
        return Tally(too_large=1)
    assert found[0] == expected[0], program
    assert len(reduced.classes) == len(set(reduced.classes)), program
    if not has_end and not any(kind in ("join", "sleep") for instructions in program for kind, _ in instructions):
        assert set(reduced.classes) >= reference.classes, program
    return Tally(1, 0, found[1], len(set(reduced.classes)), expected[1], reduced.redundant)


def main(arguments: list[str]) -> None:
    """Compare the programs of some batches, with one line for each and one for all."""
    has_tasks = arguments[0] in ("tasks", "leaving")
    first, last = map(int, arguments[-2:])
    total = Tally()
    seen: set[Program] = set()
    for number in range(first, last):
        started = time.process_time()
        if arguments[0] == "tasks":
            tally = compare_tasks(map(generate, range(number * SIZE, (number + 1) * SIZE)))
        elif has_tasks:
            programs = (generate(one, 2, 2) for one in range(number * SIZE, (number + 1) * SIZE))
            tally = compare_tasks(programs, partial(leaving, waits=number % 3))
        elif arguments[0] == "ends":
            tally = compare_ends(batch(number, kinds=ends_programs))
        else:
            news = [program for program in batch(number) if program not in seen]
            seen.update(news)
            tally = compare(news)
        total += tally
        print(f"batch {number}: {tally}, {time.process_time() - started:.1f} s", flush=True)
    print(f"all: {total}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
