"""Executions in children of this process, so that nothing that one of them does to memory reaches another.

A child has everything as it was when the process was forked: it runs one execution with its copy of the strategy, and sends back the
trace, the state of the strategy, and what is learnt by running and must outlast an execution:

* which functions were rewritten, and which modules were imported. Both are done again here, as far as they were new, and the execution is
  repeated in another child, so that sites and modules are the same in all of them;
* which sites are points, what locks older than the execution are called, what was stored in spite of what the code says.

**Identity.** Sites are compared by identity. Those that exist here are sent by number, others by value, and are made here once. Other
objects in a trace are keys of dictionaries and the like; if one of those is equal to itself only, its copy would be equal to nothing, and
two accesses to one place be taken for independent. Such a trace is refused.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import pickle
import select
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, ClassVar, Final, NoReturn

from interleave.errors import ExecutionDied, InterleaveError, InternalError, UsageError
from interleave.execution import Controls, execute
from interleave.instrument import Instrumentation
from interleave.instrument.registry import registry
from interleave.isolation.sites import SiteTable
from interleave.model import Site, Strategy, Trace
from interleave.primitives.takeover import Takeover
from interleave.runtime import state
from interleave.watchdog import Watchdog

#: How often an execution is repeated because it called what was never called before, or imported what was not there.
_ROUNDS: Final = 20
#: Seconds between two looks whether the child is still there.
_LOOK: Final = 0.5
#: Bytes that say how many follow.
_HEAD: Final = 8
_OURS: Final = __name__.partition(".")[0] + "."


@dataclass(slots=True)
class _Learnt:
    """What outlasts an execution, in terms that mean the same here and in the child."""

    imports: list[str]
    demanded: list[tuple[int, int]]
    patched: list[str]
    variables: list[tuple[str, str]]
    numbers: list[tuple[int, int]]
    is_holding_visible: bool


def check_available() -> None:
    """Raise UsageError where processes cannot be forked."""
    if not hasattr(os, "fork"):
        raise UsageError("isolate='fork' needs a system that can fork a process.\nUse isolate='globals'.")


class Forks:
    """Runs executions in children, one after the other."""

    def __init__(self, instrumentation: Instrumentation, controls: Controls) -> None:
        check_available()
        self._instrumentation = instrumentation
        self._controls = controls
        self._sites = SiteTable()
        #: Locks and queues that exist here: their names are learnt.
        self._stand_ins: list[Any] = Takeover.current.stand_ins() if Takeover.current is not None else []

    def execute(
        self, scenario: Callable[[], object], strategy: Strategy, controls: Controls, *, detailed: bool = False, watched: bool = False
    ) -> Trace:
        """Run the scenario once in a child, see `execution.execute`. Raises ExecutionDied if the child does not live to tell."""
        run = partial(execute, scenario, strategy, controls, detailed=detailed, watched=watched)
        for _ in range(_ROUNDS):
            self._sites.renew()
            learnt, content = pickle.loads(self._run_in_child(run, strategy))
            if not self._learn(learnt):
                break
        controls.executions += 1
        return self._take_over(content, strategy)

    def _run_in_child(self, run: Callable[[], Trace], strategy: Strategy) -> bytes:
        """Fork, run, and return what the child has to say."""
        _flush()
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            # Said of every process with more than one thread. Ours have no lock that the child needs.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if not child:
            self._be_child(writer, run, strategy)
        os.close(writer)
        try:
            return _receive(reader, child)
        finally:
            os.close(reader)
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)

    def _be_child(self, writer: int, run: Callable[[], Trace], strategy: Strategy) -> NoReturn:
        """Run an execution, tell, and end without whatever else the process would do at its end."""
        status = 1
        try:
            watchdog = Watchdog(self._controls)
            watchdog.start()
            content = self._tell(run, strategy)
            watchdog.stop()
            _flush()
            _send(writer, content)
            status = 0
        finally:
            os._exit(status)

    def _tell(self, run: Callable[[], Trace], strategy: Strategy) -> bytes:
        modules, demanded = set(sys.modules), len(self._instrumentation.demanded)
        patched, variables = set(registry.patched), {key: set(names) for key, names in registry.variables.items()}
        numbers = [one.number for one in self._stand_ins]
        try:
            trace = run()
            content = self._pack(trace, strategy)
        except BaseException as error:
            known = isinstance(error, (InterleaveError, KeyboardInterrupt))
            content = pickle.dumps(error if known else InternalError(f"{type(error).__name__}: {error} (in the process of an execution)"))
        learnt = _Learnt(
            imports=[name for name in sys.modules if name not in modules],
            demanded=self._instrumentation.demanded[demanded:],
            patched=sorted(registry.patched - patched),
            variables=sorted(_stored_since(variables)),
            numbers=[(place, one.number) for place, one in enumerate(self._stand_ins) if one.number != numbers[place]],
            is_holding_visible=self._controls.is_holding_visible,
        )
        return pickle.dumps((learnt, content))

    def _pack(self, trace: Trace, strategy: Strategy) -> bytes:
        """Return the trace and the strategy as they are after an execution; without the exception, which may hold anything."""
        error = None
        if trace.outcome is not None and trace.outcome.error is not None:
            error = _packed_error(trace.outcome.error)
            trace.outcome = replace(trace.outcome, error=None)
        out = io.BytesIO()
        try:
            _Pickler(out, self._sites, strategy).dump((trace, strategy, error, self._sites.news()))
        except (InterleaveError, RecursionError):
            raise
        except Exception as failure:
            raise UsageError(
                f"isolate='fork' cannot carry an execution from one process to another: {failure}.\nUse isolate='globals'."
            ) from failure
        return out.getvalue()

    def _learn(self, learnt: _Learnt) -> bool:
        """Do here what the child had to do; tell whether the next child will start from something else."""
        before = registry.version
        for place, number in learnt.numbers:
            Takeover.give_number(self._stand_ins[place], number)
        self._controls.is_holding_visible |= learnt.is_holding_visible
        has_imported = [_import(name) for name in learnt.imports if name not in sys.modules]
        if any(has_imported):
            known = {id(one) for one in self._stand_ins}
            self._stand_ins += [one for one in Takeover.made_since(gc.get_objects()) if id(one) not in known]
            self._instrumentation.update()
        for name in learnt.patched:
            registry.note_patch(name)
        for module, name in learnt.variables:
            if module in sys.modules:
                registry.note_variable(vars(sys.modules[module]), name)
        is_met = self._instrumentation.meet(learnt.demanded)
        return is_met or any(has_imported) or registry.version != before

    def _take_over(self, content: bytes, strategy: Strategy) -> Trace:
        """Give the strategy the state that its copy has, and return the trace."""
        _Here.strategy = strategy
        trace: Trace
        found = self._sites.load(content)
        if isinstance(found, BaseException):
            raise found
        trace, _, error, news = found
        if error is not None and trace.outcome is not None:
            trace.outcome = replace(trace.outcome, error=_unpacked_error(error))
        self._sites.learn(news)
        return trace


class _Pickler(pickle.Pickler):
    """Sends sites by number, and refuses what would not be the same object at the other end."""

    def __init__(self, file: io.BytesIO, sites: SiteTable, strategy: Strategy) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._sites = sites
        #: What comes with it and did not come with the trace is its own.
        self._strategy: Strategy | None = strategy
        self._kinds: dict[type, bool] = {}

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is Site:
            return self._sites.reduced(obj)
        if obj is self._strategy:
            if any(getattr(kind, name) is not getattr(object, name) for name in ("__reduce__", "__reduce_ex__")):
                raise UsageError(
                    f"isolate='fork' cannot carry a strategy of type {kind.__qualname__!r}: it is pickled in a way of its own."
                )
            self._strategy = None
            state, *rest = tuple(obj.__reduce_ex__(2))[2:]
            if type(state) is dict:
                # What it calls to ask whoever made it stays where that is.
                state = {name: value for name, value in state.items() if not isinstance(value, (FunctionType, MethodType))}
            # Whatever refers to it shall refer to the one that is there.
            return (_strategy_here, (), state, *rest)
        if self._strategy is None:
            return NotImplemented
        may_pass = self._kinds.get(kind)
        if may_pass is None:
            may_pass = self._kinds[kind] = _is_comparable(kind)
        if not may_pass:
            raise UsageError(
                f"isolate='fork' cannot compare objects of type {kind.__qualname__!r}, which the program uses as keys, with those of "
                "another process: they are equal to themselves only.\nUse isolate='globals'."
            )
        return NotImplemented


def _is_comparable(kind: type) -> bool:
    """Tell whether a copy of an object of this type is as good as the object: it is ours, pickled by name, or compared by value."""
    if kind.__module__.startswith(_OURS) or issubclass(kind, (Enum, type, FunctionType, BuiltinFunctionType)):
        return True
    return kind.__eq__ is not object.__eq__ or kind in (type(None), type(NotImplemented), type(...))


def _stored_since(before: dict[int, set[str]]) -> Iterator[tuple[str, str]]:
    """Yield the global variables that were found to be stored, each with its module."""
    if all(len(names) == len(before.get(key, ())) for key, names in registry.variables.items()):
        return
    for module, loaded in list(sys.modules.items()):
        key = id(getattr(loaded, "__dict__", None))
        for name in registry.variables.get(key, set()) - before.get(key, set()):
            yield module, name


def _import(name: str) -> bool:
    """Import a module that the child has imported; what does not work here is imported by every child anew."""
    try:
        importlib.import_module(name)
    except Exception:
        return False
    if state.on_import is not None:
        state.on_import(name)
    if Takeover.current is not None:
        Takeover.current.exchange_late_methods()
    return True


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()


def _send(writer: int, content: bytes) -> None:
    view = memoryview(len(content).to_bytes(_HEAD, "big") + content)
    while view:
        view = view[os.write(writer, view) :]


def _receive(reader: int, child: int) -> bytes:
    """Return what the child sends; raise ExecutionDied if it is gone before it has."""
    content = bytearray()
    while len(content) < _HEAD or len(content) < _HEAD + int.from_bytes(content[:_HEAD], "big"):
        # Children of the child may hold the other end open when it is gone.
        if not select.select([reader], [], [], _LOOK)[0]:
            gone, status = os.waitpid(child, os.WNOHANG)
            if gone and not select.select([reader], [], [], 0)[0]:
                raise _death(status)
            continue
        part = os.read(reader, 1 << 20)
        if not part:
            raise _death(os.waitpid(child, 0)[1])
        content += part
    return bytes(memoryview(content)[_HEAD:])


def _death(status: int) -> ExecutionDied:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        with suppress(ValueError):
            return ExecutionDied(f"an execution did not live to its end: its process was killed by {signal.Signals(-code).name}")
    return ExecutionDied(f"an execution did not live to its end: its process exited with status {code}")


def _packed_error(error: BaseException) -> bytes | None:
    """Return an exception as bytes if it can be made again from them."""
    try:
        content = pickle.dumps(error)
        pickle.loads(content)
    except Exception:
        return None
    return content


def _unpacked_error(content: bytes) -> BaseException | None:
    with suppress(Exception):
        error = pickle.loads(content)
        return error if isinstance(error, BaseException) else None
    return None


class _Here:
    """The strategy whose copy has been in a child."""

    strategy: ClassVar[Strategy]


def _strategy_here() -> Strategy:
    return _Here.strategy
