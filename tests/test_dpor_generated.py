"""Optimal DPOR against brute force, on generated programs: the same classes, and one execution of each."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from interleave.model import NOWHERE, READ, SHAPE, STATE, WHOLE, WRITE, Access, Operation, Strategy, conflict
from interleave.strategies._footprint import Footprints, is_conflict
from interleave.strategies.dpor import Dpor
from interleave.vector_clock import NEVER, happened_before, join, start, widen
from tests.brute_force import Canon, enumerate_classes
from tests.simulation import Body, Machine, Program, Run, explore

#: More for a long run.
EXAMPLES = int(os.environ.get("INTERLEAVE_EXAMPLES", "25"))
#: Executions that brute force may take for one program.
LARGEST = 250

VARIABLES = st.sampled_from("xy")
LOCKS = st.sampled_from("lm")

Block = list[tuple[Any, ...]]

MEMORY = (
    st.tuples(st.just("read"), VARIABLES)
    | st.tuples(st.just("write"), VARIABLES, st.integers(0, 1))
    | st.tuples(st.just("increment"), VARIABLES)
)
FIELDS = st.tuples(st.sampled_from(["read", "write"]), st.sampled_from(["d.a", "d.b", "d.*"]), st.just(1))
#: Guards on which a thread may come to wait late: whether they were open before is found out afterwards.
GUARDED = (
    st.sampled_from([("put", "q", 1), ("get", "q"), ("down", "s"), ("up", "s")])
    # Locks that are released by threads that do not hold them can be free while their last user holds them.
    | st.tuples(st.sampled_from(["acquire", "release"]), LOCKS)
)
WAITING = st.sampled_from(
    [("set", "e"), ("clear", "e"), ("await", "e"), ("acquire", "l"), ("wait a bit",), ("wait for it",), ("tell",), ("decide", 2)]
)


def blocks(plain: st.SearchStrategy[Any], size: int) -> st.SearchStrategy[Block]:
    """Generate code of up to `size` instructions, some of which contain more."""

    def nest(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        code = st.lists(inner, max_size=2)
        return (
            st.tuples(st.just("locked"), LOCKS, code)
            | st.tuples(st.just("tried"), LOCKS, code)
            | st.tuples(st.just("if"), VARIABLES, code)
            | st.tuples(st.just("start"), code, st.booleans())
        )

    return st.lists(st.recursive(plain, nest, max_leaves=3), min_size=1, max_size=size)


def run_block(block: Block, answers: list[Any]) -> Body:
    """Do what a generated block says, and note what was answered."""
    for kind, *operands in block:
        match kind:
            case "increment":
                value = yield "read", operands[0]
                yield "write", operands[0], value + 1
                answers.append(value)
            case "locked":
                yield "acquire", operands[0]
                yield from run_block(operands[1], answers)
                yield "release", operands[0]
            case "tried":
                answers.append((yield "try", operands[0]))
                if answers[-1]:
                    yield from run_block(operands[1], answers)
                    yield "release", operands[0]
            case "if":
                answers.append((yield "read", operands[0]))
                if answers[-1]:
                    yield from run_block(operands[1], answers)
            case "start":
                child = yield "spawn", run_thread, operands[0]
                if operands[1]:
                    yield "join", child
            case "wait a bit":
                yield "sleep", 1
            case "wait for it" | "tell":
                yield "acquire", "l"
                yield ("wait", "c", "l") if kind == "wait for it" else ("notify", "c")
                yield "release", "l"
            case "decide":
                if (yield "choose", operands[0]):
                    yield "write", "x", 5
            case _:
                answers.append((yield (kind, *operands)))


def run_thread(block: Block) -> Body:
    answers: list[Any] = []
    yield from run_block(block, answers)
    return tuple(answers)


def build(threads: list[Block], own: Block) -> Program:
    """Make the program that runs some threads beside the scenario, and joins them."""

    def main() -> Body:
        tids = []
        for block in threads:
            tids.append((yield "spawn", run_thread, block))
        answers: list[Any] = []
        yield from run_block(own, answers)
        for tid in tids:
            yield "join", tid
        return tuple(answers)

    return Program(main, capacities={"q": 1}, permits={"s": 1})


def programs(plain: st.SearchStrategy[Any]) -> st.SearchStrategy[Program]:
    """Generate programs of two to four threads, shorter where there are more of them."""
    threads = st.integers(2, 4).flatmap(lambda count: st.lists(blocks(plain, 5 - count), min_size=count, max_size=count))
    return st.builds(build, threads, st.lists(plain, max_size=1))


def compare(program: Program) -> tuple[list[Run], Dpor]:
    """Check that the search runs every class of the program and no class twice, other than redundantly."""
    classes = enumerate_classes(program, limit=LARGEST)
    assume(classes is not None)
    assert classes is not None
    strategy = Dpor()
    runs = explore(program, strategy, limit=20 * LARGEST)
    canon = Canon()
    found = [canon.of(run.trace) for run in runs]
    assert len(set(found)) == len(classes)
    assert {run.outcome for run in runs} == {run.outcome for run in classes.values()}
    assert len(found) == len(set(found)) + strategy.redundant
    return runs, strategy


run_many = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@run_many
@given(programs(MEMORY))
def test_memory_and_locks(program: Program) -> None:
    _, strategy = compare(program)
    assert strategy.redundant == 0


@run_many
@given(programs(MEMORY | FIELDS))
def test_fields_and_whole_objects(program: Program) -> None:
    _, strategy = compare(program)
    assert strategy.redundant == 0


@run_many
@given(programs(MEMORY | WAITING))
def test_waiting(program: Program) -> None:
    _, strategy = compare(program)
    assert strategy.redundant == 0


@run_many
@given(programs(MEMORY | GUARDED | WAITING))
def test_everything(program: Program) -> None:
    _, strategy = compare(program)
    assert strategy.redundant == 0


@run_many
@given(st.lists(blocks(MEMORY | GUARDED, 2), min_size=1, max_size=2), st.lists(blocks(MEMORY, 3), min_size=1, max_size=2))
def test_daemons(others: list[Block], daemons: list[Block]) -> None:
    """What daemons do is cut off by the end of the program, anywhere; what the others see must not be cut with it."""

    def main() -> Body:
        for block in daemons:
            yield "daemon", run_thread, block
        tids = []
        for block in others:
            tids.append((yield "spawn", run_thread, block))
        for tid in tids:
            yield "join", tid
        return (yield "read", "x"), (yield "read", "y")

    def seen(run: Run) -> tuple[Any, ...]:
        lasting = {info.path for info in run.trace.threads if not info.is_daemon}
        return tuple(result for result in run.outcome[0] if result[0] in lasting)

    program = Program(main, capacities={"q": 1}, permits={"s": 1})
    classes = enumerate_classes(program, limit=LARGEST)
    assume(classes is not None)
    assert classes is not None
    strategy = Dpor()
    assert {seen(run) for run in explore(program, strategy)} == {seen(run) for run in classes.values()}
    assert strategy.scope == "every schedule"


class Renaming(Machine):
    """Names objects in the order in which they are first seen, which depends on the schedule."""

    def __init__(self, program: Program, strategy: Strategy) -> None:
        super().__init__(program, strategy)
        self.seen: dict[Any, Any] = {}

    def announce(self, thread: Any, instruction: tuple[Any, ...]) -> None:
        super().announce(thread, instruction)
        operation = self.pending[thread.info.tid]
        assert operation is not None
        accesses = operation.accesses or ()
        renamed = [one._replace(owner=self.seen.setdefault(one.owner, ((), len(self.seen), one.owner[-1]))) for one in accesses]
        self.pending[thread.info.tid] = operation._replace(accesses=tuple(renamed))


@run_many
@given(programs(MEMORY))
def test_objects_that_nobody_published(program: Program) -> None:
    """Their names say nothing: the search is not optimal then, and still reaches every outcome."""
    expected = {run.outcome for run in compare(program)[0]}
    strategy = Dpor()
    outcomes = set()
    executions = 0
    while strategy.begin():
        outcomes.add(Renaming(program, strategy).run().outcome)
        executions += 1
        assume(executions < 10 * LARGEST)
    assert outcomes == expected


ACCESSES = st.builds(
    Access, st.sampled_from([("o",), ("p",)]), st.sampled_from(["a", "b", 0, SHAPE, STATE, WHOLE]), st.sampled_from([READ, WRITE])
)
OPERATIONS = st.builds(Operation, st.just("any"), st.none() | st.lists(ACCESSES, max_size=3).map(tuple), st.just(NOWHERE))


@given(st.lists(OPERATIONS, min_size=2, max_size=6))
def test_footprints_conflict_where_operations_do(operations: list[Operation]) -> None:
    footprints = Footprints()
    made = [footprints.of(operation) for operation in operations]
    for one, its in zip(operations, made, strict=True):
        for other, others in zip(operations, made, strict=True):
            assert is_conflict(its, others) == conflict(one, other)


@given(st.lists(OPERATIONS, min_size=1, max_size=8))
def test_history_by_place_holds_every_conflict(operations: list[Operation]) -> None:
    footprints = Footprints()
    for position, operation in enumerate(operations):
        footprint = footprints.of(operation)
        listed = {entry >> 1 for history in footprints.dependencies(footprint, position) for entry in history}
        assert listed == {before for before in range(position) if conflict(operations[before], operation)}
        footprints.record(footprint, position)
    for operation in reversed(operations):
        footprints.erase(footprints.of(operation))
    assert not any(footprints.dependencies(footprints.of(operation), 0) for operation in operations)


@given(st.lists(st.lists(st.integers(NEVER, 9), min_size=3, max_size=3), min_size=3, max_size=3))
def test_clocks_form_a_lattice(clocks: list[list[int]]) -> None:
    one, two, three = clocks
    assert join(one, start(3)) == one == join(one, one)
    assert join(one, two) == join(two, one)
    assert join(join(one, two), three) == join(one, join(two, three))
    for tid, position in enumerate(one):
        assert happened_before(position, tid, join(one, two))
        assert not happened_before(max(position, two[tid]) + 1, tid, join(one, two))
    widen([one], 5)
    assert one[3:] == [NEVER, NEVER]
