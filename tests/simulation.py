"""An abstract concurrent machine, for testing strategies without a kernel.

A program is a set of logical threads, each a generator that yields instructions: tuples of a kind and its operands. The
machine runs it once under a strategy and keeps the protocol of `model.Strategy` to the letter: an operation is
announced before it happens, `choose` is called at every announcement, and operations that block have guards.

    ("read", "x")  ("write", "x", 1)      a variable; "d.k" is field k of object d, "d.*" the whole object
    ("acquire", "l")  ("release", "l")  ("try", "l")    a mutex; "try" answers whether it was free
    ("down", "s")  ("up", "s")            a semaphore
    ("put", "q", item)  ("get", "q")      a queue; capacities are in `Program.capacities`, default none
    ("set", "e")  ("clear", "e")  ("await", "e")        an event flag; waiting is one operation, or two if it is not set yet
    ("wait", "c", "l")  ("notify", "c")   a condition with its lock; waiting is two operations, "wait" and "wake"
    ("spawn", function, *arguments)  ("join", tid)      threads; spawning answers the tid
    ("daemon", function, *arguments)      the same, of a thread that ends, with all that it spawned, when the others have
    ("choose", n)                         a number below n, chosen by the strategy
    ("yield",)                            nothing
    ("sleep", seconds)                    passes when no other thread can go on

What an instruction answers is sent into the generator. A thread that raises ends with the exception as its result.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from interleave.model import NOWHERE, READ, STATE, WHOLE, WRITE, Access, Event, Late, Operation, Strategy, ThreadInfo, Trace

Instruction = tuple[Any, ...]
Body = Generator[Instruction, Any, Any]

_KINDS = {"daemon": "spawn", "down": "acquire", "up": "release", "await": "wait", "await set": "wake"}


@dataclass(frozen=True, slots=True)
class Program:
    """What is run: the generator function of the scenario, the capacities of queues, the first values of semaphores."""

    main: Callable[..., Body]
    capacities: dict[str, int] = field(default_factory=dict)
    permits: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """One execution: how it ended, and its trace.

    `outcome` holds the results of the threads by path ("blocked" where there is none) and the variables at the end.
    """

    outcome: tuple[Any, ...]
    trace: Trace

    @property
    def is_deadlock(self) -> bool:
        return any(result == "blocked" for _, result in self.outcome[0])


@dataclass(slots=True)
class _Thread:
    info: ThreadInfo
    body: Body
    instruction: Instruction = ("begin",)
    children: int = 0
    is_finished: bool = False
    is_notified: bool = False
    deadline: int = 0
    result: Any = "blocked"


@dataclass(frozen=True, slots=True)
class _Guard:
    """What an instruction waits for, as it was before each event."""

    history: list[dict[tuple[str, str], bool]]
    instruction: Instruction

    def was_open(self, position: int) -> bool:
        kind, name = self.instruction[:2]
        # Nobody had used it.
        return self.history[position].get((kind, name), kind in ("acquire", "put"))


def _place(kind: str, name: str, mode: int) -> Access:
    owner, _, part = name.partition(".")
    return Access(((0,), owner, kind), WHOLE if part == "*" else part, mode)


def _state(kind: str, name: str, mode: int = WRITE) -> Access:
    return Access(((0,), name, kind), STATE, mode)


def _footprint(instruction: Instruction) -> tuple[Access, ...]:
    kind, *operands = instruction
    match kind:
        case "read":
            return (_place("cell", operands[0], READ),)
        case "write":
            return (_place("cell", operands[0], WRITE),)
        case "acquire" | "release" | "try":
            return (_state("lock", operands[0]),)
        case "down" | "up":
            return (_state("Semaphore", operands[0]),)
        case "put" | "get":
            return (_state("Queue", operands[0]),)
        case "set" | "clear":
            return (_state("Event", operands[0]),)
        case "await":
            return (_state("Event", operands[0], READ),)
        case "await set":
            return (_state("Event", operands[0]),)
        case "wait" | "wake":
            return (_state("Condition", operands[0]), _state("lock", operands[1]))
        case "notify":
            return (_state("Condition", operands[0]),)
    return ()


class Machine:
    """One execution of a program; it is also the `model.Point` that the strategy sees."""

    def __init__(self, program: Program, strategy: Strategy) -> None:
        self.program = program
        self.strategy = strategy
        self.trace = Trace()
        self.enabled = self.current = self.default = self.moment = self.values = 0
        self.pending: list[Operation | None] = []
        self.threads: list[ThreadInfo] = self.trace.threads
        self.events: list[Event] = self.trace.events
        self.logical: list[_Thread] = []
        self.variables: dict[str, Any] = {}
        #: Time, and the mask of the threads that it has woken and that have not gone on.
        self.now = 0
        self.late = 0
        self.holders: dict[str, int] = {}
        self.permits = dict(program.permits)
        self.queues: dict[str, list[Any]] = defaultdict(list)
        self.flags: dict[str, bool] = {}
        self.waiters: dict[str, list[int]] = defaultdict(list)
        #: By event: what was open just before it, by kind of instruction and name.
        self.history: list[dict[tuple[str, str], bool]] = []

    def run(self) -> Run:
        """Run the program from its start until nothing can go on."""
        self._add(None, self.program.main())
        while True:
            self.enabled = self._guards()
            if not self.enabled or all(thread.is_finished or thread.info.is_daemon for thread in self.logical):
                break
            self.default = self.current if self.enabled >> self.current & 1 else (self.enabled & -self.enabled).bit_length() - 1
            self.moment += 1
            pick = self.strategy.choose(self)
            assert self.enabled >> pick & 1, f"thread {pick} was chosen, but is not enabled"
            self.current = pick
            self._note_guards(self.logical[pick], len(self.events))
            self._execute(self.logical[pick])
        for thread in self.logical:
            self._note_guards(thread, ~thread.info.tid)
        self.trace.moments = self.moment
        self.strategy.end(self.trace)
        results = tuple(sorted((thread.info.path, thread.result) for thread in self.logical))
        return Run((results, tuple(sorted(self.variables.items()))), self.trace)

    def _add(self, parent: _Thread | None, body: Body, *, is_daemon: bool = False) -> int:
        tid = len(self.logical)
        path = (*parent.info.path, parent.children) if parent else (0,)
        if parent:
            parent.children += 1
        info = ThreadInfo(tid, path, f"thread {tid}", parent.info.tid if parent else -1, is_daemon)
        self.threads.append(info)
        self.pending.append(None)
        self.logical.append(_Thread(info, body))
        self.announce(self.logical[tid], ("begin",))
        return tid

    def announce(self, thread: _Thread, instruction: Instruction) -> None:
        """Let a thread announce what it does next."""
        thread.instruction = instruction
        kind = instruction[0]
        self.late &= ~(1 << thread.info.tid)
        if kind == "sleep":
            thread.deadline = self.now + instruction[1]
        target = instruction[1] if kind == "join" else -1
        self.pending[thread.info.tid] = Operation(_KINDS.get(kind, kind), _footprint(instruction), NOWHERE, target)

    def _guards(self) -> int:
        """Return the mask of the threads that can go on."""
        enabled = 0
        asleep = [thread for thread in self.logical if thread.instruction[0] == "sleep" and not thread.is_finished]
        for thread in self.logical:
            if thread in asleep:
                enabled |= self.late & 1 << thread.info.tid
            elif not thread.is_finished and self._is_enabled(thread):
                enabled |= 1 << thread.info.tid
        if not enabled and asleep:
            self.now = min(thread.deadline for thread in asleep)
            enabled = self.late = sum(1 << thread.info.tid for thread in asleep if thread.deadline == self.now)
            self.trace.late.append(Late(len(self.events), enabled, is_idle=True))
        return enabled

    def _note_guards(self, thread: _Thread, key: int) -> None:
        """Note what is open, and what a thread waits for, if it does."""
        if key >= 0:
            locks = {("acquire", name): False for name in self.holders}
            permits = {("down", name): count > 0 for name, count in self.permits.items()}
            items = {("get", name): bool(queue) for name, queue in self.queues.items()}
            room = {("put", name): len(queue) < self.program.capacities.get(name, 1_000) for name, queue in self.queues.items()}
            self.history.append({**locks, **permits, **items, **room})
        if thread.instruction[0] in ("acquire", "down", "get", "put"):
            self.trace.guards[key] = _Guard(self.history, thread.instruction).was_open, False

    def _is_enabled(self, thread: _Thread) -> bool:
        kind, *operands = thread.instruction
        match kind:
            case "acquire":
                return operands[0] not in self.holders
            case "down":
                return self.permits.get(operands[0], 0) > 0
            case "put":
                return len(self.queues[operands[0]]) < self.program.capacities.get(operands[0], 1_000)
            case "get":
                return bool(self.queues[operands[0]])
            case "await set":
                return thread.is_notified
            case "wake":
                return thread.is_notified and operands[1] not in self.holders
            case "join":
                return self.logical[operands[0]].is_finished
        return True

    def _execute(self, thread: _Thread) -> None:
        """Perform the announced instruction of a thread, and let it announce the next."""
        tid = thread.info.tid
        operation = self.pending[tid]
        assert operation is not None
        kind = thread.instruction[0]
        if kind == "choose":
            self.values = thread.instruction[1]
            self.default = 0
            answer = self.strategy.choose(self)
            assert 0 <= answer < self.values
            self.values = 0
            operation = operation._replace(target=answer)
        elif kind in ("spawn", "daemon"):
            answer = self._add(thread, thread.instruction[1](*thread.instruction[2:]), is_daemon=kind == "daemon" or thread.info.is_daemon)
            operation = operation._replace(target=answer)
        else:
            answer = self._perform(thread)
        self.events.append((tid, operation))
        if kind == "exit":
            thread.is_finished = True
            self.pending[tid] = None
        elif kind == "wait":
            self.announce(thread, ("wake", *thread.instruction[1:]))
        elif kind == "await" and not answer:
            self.announce(thread, ("await set", *thread.instruction[1:]))
        else:
            try:
                self.announce(thread, thread.body.send(None if kind == "begin" else answer))
            except StopIteration as stop:
                thread.result = stop.value
                self.announce(thread, ("exit",))
            except AssertionError as error:
                thread.result = repr(error)
                self.announce(thread, ("exit",))

    def _perform(self, thread: _Thread) -> Any:
        kind, *operands = thread.instruction
        name = operands[0] if operands else ""
        tid = thread.info.tid
        match kind:
            case "read":
                return self.variables.get(name, 0)
            case "write":
                self.variables[name] = operands[1]
            case "acquire" | "try":
                if name in self.holders:
                    return False
                self.holders[name] = tid
                return True
            case "release":
                self.holders.pop(name, None)
            case "down" | "up":
                self.permits[name] = self.permits.get(name, 0) + (1 if kind == "up" else -1)
            case "put":
                self.queues[name].append(operands[1])
            case "get":
                return self.queues[name].pop(0)
            case "set":
                self.flags[name] = True
                while self.waiters[name]:
                    self.logical[self.waiters[name].pop()].is_notified = True
            case "clear":
                self.flags[name] = False
            case "await":
                if not self.flags.get(name):
                    self.waiters[name].append(tid)
                    return False
                return True
            case "await set":
                thread.is_notified = False
            case "wait":
                self.waiters[name].append(tid)
                self.holders.pop(operands[1], None)
            case "wake":
                thread.is_notified = False
                self.holders[operands[1]] = tid
            case "notify":
                if self.waiters[name]:
                    self.logical[self.waiters[name].pop(0)].is_notified = True
        return None


def explore(program: Program, strategy: Strategy, *, limit: int = 100_000) -> list[Run]:
    """Run the program until the strategy has nothing left, and return all executions."""
    runs: list[Run] = []
    while strategy.begin():
        assert len(runs) < limit, f"more than {limit} executions"
        runs.append(Machine(program, strategy).run())
    return runs
