"""What exists before an exploration is controlled for its duration, and is afterwards what it was."""

from __future__ import annotations

import _queue
import _thread
import gc
import importlib
import os
import queue
import random
import signal
import sys
import textwrap
import threading
import time
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import takeover_subject

import interleave
from interleave.errors import UsageError
from interleave.explore import explore
from interleave.model import Point, Strategy
from interleave.primitives import holders, takeover
from interleave.result import Budget
from interleave.runtime import state
from tests.threads import together

BUDGET = Budget(executions=20)
_REAL_TYPES = ("_thread.lock", "_thread.RLock", "_queue.SimpleQueue")


LOCKS, FUNCTIONS = list(takeover_subject.all_locks()), list(takeover_subject.all_functions())
# Its locks have to be found by every exploration in the process while it is there.
del takeover_subject, sys.modules["takeover_subject"]
gc.collect()


class _Subject:
    """The subject, imported when it is first used."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module("takeover_subject"), name)


subject: Any = _Subject()


@pytest.fixture(scope="module", autouse=True)
def _let_go_of_the_subject() -> Iterator[None]:
    yield
    sys.modules.pop("takeover_subject", None)
    gc.collect()


# -- everything is found -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kinds_inside() -> dict[str, dict[str, str]]:
    """Return the types of what the subject holds in the middle of an exploration, by name: a type would be exchanged itself."""
    seen: dict[str, dict[str, str]] = {}

    def kinds(objects: dict[str, Any]) -> dict[str, str]:
        return {name: f"{type(one).__module__}.{type(one).__name__}" for name, one in objects.items()}

    def scenario() -> None:
        seen["locks"], seen["functions"] = kinds(subject.all_locks()), kinds(subject.all_functions())

    explore(scenario, budget=Budget(executions=1))
    return seen


@pytest.mark.parametrize("place", LOCKS)
def test_locks_are_found_wherever_they_are_kept(place: str, kinds_inside: dict[str, dict[str, str]]) -> None:
    assert kinds_inside["locks"][place] not in _REAL_TYPES


@pytest.mark.parametrize("place", FUNCTIONS)
def test_functions_are_found_wherever_they_are_kept(place: str, kinds_inside: dict[str, dict[str, str]]) -> None:
    assert kinds_inside["functions"][place] not in ("builtins.builtin_function_or_method", *_REAL_TYPES)


def test_places_of_one_lock_get_one_stand_in() -> None:
    seen: list[bool] = []

    def scenario() -> None:
        seen.append(subject.ACQUIRE.__self__ is subject.LOCK is subject.RELEASE.__self__ is subject.PLAIN_CONDITION._lock)  # type: ignore[attr-defined]
        seen.append(subject.INSTANCE.lock is subject.INSTANCE.condition._lock)  # type: ignore[attr-defined]
        seen.append(subject.CONDITION.acquire.__self__ is subject.CONDITION._lock)  # type: ignore[attr-defined]

    explore(scenario, budget=Budget(executions=1))
    assert seen
    assert all(seen)


def test_locks_exclude() -> None:
    places = [name for name in subject.all_locks() if name != "simple queue"]

    def scenario() -> None:
        lock = subject.all_locks()[interleave.choose(places)]
        inside: list[int] = []

        def worker() -> None:
            with lock:
                inside.append(1)
                time.sleep(0)
                assert len(inside) == 1
                inside.pop()

        together(worker, worker)

    result = explore(scenario, strategy="random", budget=Budget(executions=300))
    assert result.verdict == "passed", result.failures[0].report()
    assert result.statistics.switches > 300


def test_deadlocks_on_old_locks_are_found() -> None:
    def scenario() -> None:
        def one() -> None:
            with subject.LOCK, subject.SLOTTED.lock:
                pass

        def other() -> None:
            with subject.SLOTTED.lock, subject.LOCK:
                pass

        together(one, other)

    result = explore(scenario, strategy="random", budget=BUDGET)
    assert [failure.kind for failure in result.failures] == ["deadlock"]
    # Whoever held them was unwound.
    assert not subject.LOCK.locked()
    assert subject.SLOTTED.lock.acquire(False)
    subject.SLOTTED.lock.release()


def test_old_conditions_events_queues_and_pools_work() -> None:
    def scenario() -> None:
        got: list[Any] = []
        subject.EVENT.clear()

        def consumer() -> None:
            with subject.CONDITION:
                while not got:
                    subject.CONDITION.wait()
            got.append(subject.QUEUE.get())
            subject.QUEUE.task_done()
            got.append(subject.SIMPLE.get())
            subject.EVENT.set()

        def producer() -> None:
            with subject.CONDITION:
                got.append(0)
                subject.CONDITION.notify()
            subject.QUEUE.put(1)
            subject.SIMPLE.put(2)

        together(consumer, producer, subject.EVENT.wait)
        with subject.SEMAPHORE:
            assert list(subject.POOL.map(abs, [-3, -4])) == [3, 4]
        worker = subject.Worker()
        worker.start()
        worker.join()
        assert worker.seen < 2_000, "virtual time"
        with subject.BY_KEY["key"]:
            assert got == [0, 1, 2]
        subject.BY_KEY.clear()

    result = explore(scenario, strategy="random", budget=BUDGET)
    assert result.verdict == "passed", result.failures[0].report()


def test_an_old_lock_that_is_held_stays_held() -> None:
    def scenario() -> None:
        assert subject.IN_A_LIST[0].locked()
        assert not subject.IN_A_LIST[0].acquire(False)
        assert not subject.IN_A_LIST[0].acquire(timeout=1)

    with subject.IN_A_LIST[0]:
        result = explore(scenario, budget=Budget(executions=2))
    assert result.verdict in ("passed", "proven"), result.failures[0].report()
    assert not subject.IN_A_LIST[0].locked()


def test_waiting_for_a_lock_held_outside_is_said_to_be_that() -> None:
    def scenario() -> None:
        together(subject.IN_A_LIST[0].acquire)

    with subject.IN_A_LIST[0]:
        result = explore(scenario, budget=Budget(executions=2))
    assert result.failures[0].kind == "stuck"
    assert "not part of the exploration" in result.failures[0].message


# -- everything is given back ------------------------------------------------------------------------------------------


def _snapshot() -> dict[str, dict[str, Any]]:
    """Return the attributes of the modules and classes that an exploration touches."""
    modules = [
        threading,
        time,
        queue,
        _thread,
        _queue,
        random,
        os,
        signal,
        importlib.import_module("takeover_subject"),
        importlib._bootstrap,
        sys.modules["concurrent.futures.thread"],
    ]
    classes = [
        threading.Thread,
        threading.Condition,
        threading.Event,
        threading.Semaphore,
        threading.BoundedSemaphore,
        threading.Barrier,
        threading.Timer,
        queue.Queue,
        queue.LifoQueue,
        queue.PriorityQueue,
        ThreadPoolExecutor,
        random.Random,
        subject.Shared,
        subject.Refusing,
        subject.Record,
        subject.Worker,
    ]
    holders = [
        subject.INSTANCE,
        subject.CONDITION,
        subject.PLAIN_CONDITION,
        subject.QUEUE,
        subject.POOL,
        subject.RECORD,
        subject.EVENT,
        subject.SEMAPHORE,
    ]
    found = {repr(one): dict(vars(one)) for one in (*modules, *classes, *holders)}
    found["locks"] = subject.all_locks()
    found["functions"] = subject.all_functions()
    found["threads"] = {str(ident): thread for ident, thread in threading._active.items()}  # type: ignore[attr-defined]
    found["misc"] = {
        "collector": gc.isenabled(),
        "frozen": gc.get_freeze_count() > 1_000,
        "handler": signal.getsignal(signal.SIGINT),
        "profile": threading.getprofile(),
        "random": None,
        "controlled": state.is_controlled,
        "kernel": state.kernel,
    }
    return found


def _differences(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[str]:
    found = []
    for owner, attributes in before.items():
        if attributes.keys() != after[owner].keys():
            found.append(f"{owner}: {attributes.keys() ^ after[owner].keys()}")
        found += [f"{owner}.{name}" for name, value in attributes.items() if not _is_same(after[owner].get(name, ...), value)]
    return found


def _is_same(one: Any, other: Any) -> bool:
    return one == other if type(one) is str else one is other


def _passing() -> None:
    def worker() -> None:
        with subject.LOCK:
            random.random()
        with subject.QUEUE.mutex, subject.CONDITION:
            subject.CONDITION.notify()

    together(worker, worker)
    subject.POOL.submit(abs, -1).result()


def _failing() -> None:
    together(subject.LOCK.acquire, subject.LOCK.acquire)


def _raising() -> None:
    together(lambda: 1 / 0, lambda: subject.RLOCK.acquire())


def _interrupted() -> None:
    together(lambda: signal.raise_signal(signal.SIGINT), lambda: time.sleep(1))


def _interrupting() -> None:
    together(lambda: subject.LOCK.acquire())
    raise KeyboardInterrupt


class _Broken(Strategy):
    """A strategy with a fault."""

    def __init__(self) -> None:
        self.made = 0

    def choose(self, point: Point) -> int:
        self.made += 1
        if self.made > 3:
            raise ZeroDivisionError
        return point.default


@pytest.mark.parametrize("scenario", [_passing, _failing, _raising, _interrupted, _interrupting], ids=lambda one: one.__name__.strip("_"))
@pytest.mark.parametrize("rounds", [2, pytest.param(100, marks=pytest.mark.slow)])
def test_a_hundred_explorations_leave_nothing_behind(scenario: Callable[[], None], rounds: int) -> None:
    explore(_passing, budget=Budget(executions=1))
    before, state_before = _snapshot(), random.getstate()
    for _ in range(rounds):
        explore(scenario, strategy="random", budget=Budget(executions=3), stop_on_failure=False)
    assert _differences(before, _snapshot()) == []
    assert random.getstate() == state_before


def test_a_fault_of_a_strategy_leaves_nothing_behind() -> None:
    before = _snapshot()
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            explore(_passing, strategy=_Broken(), budget=BUDGET)
        assert _differences(before, _snapshot()) == []


@pytest.mark.parametrize("point", ["exchange_in", "spread", "_copy", "put", "add"])
@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt])
def test_a_fault_in_the_middle_of_the_takeover_leaves_nothing_behind(
    point: str,
    kind: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = _snapshot()
    original = getattr(takeover.Exchange, point)
    for limit in (0, 30):
        calls = iter(range(limit))

        def failing(self: Any, *args: Any, _calls: Iterator[int] = calls) -> Any:
            if next(_calls, None) is None:
                raise kind("injected")
            return original(self, *args)

        with monkeypatch.context() as patch:
            patch.setattr(takeover.Exchange, point, failing)
            try:
                result = explore(_passing, budget=Budget(executions=1))
            except kind:
                pass
            else:
                assert limit or result.stopped_by == "interrupt", "it was called"
        assert _differences(before, _snapshot()) == []


def test_an_interrupt_while_giving_back_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    before = _snapshot()
    original = takeover.Exchange.undo
    place = sys.modules["interleave.primitives.holders"].Place  # type: ignore[attr-defined]
    undo = place.undo
    hits: list[int] = []

    def interrupted(self: Any) -> None:
        if len(hits) < 3:
            hits.append(1)
            raise KeyboardInterrupt
        undo(self)

    monkeypatch.setattr(place, "undo", interrupted)
    with pytest.raises(KeyboardInterrupt):
        takeover_once()
    monkeypatch.undo()
    assert hits
    assert original is takeover.Exchange.undo
    assert _differences(before, _snapshot()) == []


def takeover_once() -> None:
    one = takeover.Takeover()
    one.install()
    one.install()
    one.uninstall()
    one.uninstall()


def test_explorations_do_not_nest() -> None:
    def scenario() -> None:
        with pytest.raises(UsageError):
            explore(_passing)

    assert explore(scenario, budget=Budget(executions=1)).verdict in ("passed", "proven")


def test_what_the_program_stores_meanwhile_stays() -> None:
    def scenario() -> None:
        subject.MAKERS["lock"] = subject.all_locks  # type: ignore[assignment]

    original = subject.MAKERS["lock"]
    try:
        explore(scenario, budget=Budget(executions=1))
        assert subject.MAKERS["lock"] is subject.all_locks  # type: ignore[comparison-overlap]
    finally:
        subject.MAKERS["lock"] = original


def test_modules_imported_meanwhile_get_the_real_things(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "imported_in_a_scenario"
    (tmp_path / f"{name}.py").write_text(
        textwrap.dedent("""
        import threading
        from threading import Lock
        from time import sleep as nap
        LOCK = threading.Lock()
        RLOCK = threading.RLock()
        class Keeper:
            lock = Lock()
            make = staticmethod(Lock)
        KEPT = [threading.Condition()]
        with LOCK:
            nap(0)
    """)
    )
    monkeypatch.syspath_prepend(tmp_path)

    def scenario() -> None:
        importlib.import_module(name)

    result = explore(lambda: together(scenario, scenario), strategy="random", budget=BUDGET)
    module = sys.modules.pop(name)
    assert result.verdict == "passed", result.failures[0].report()
    assert module.nap is time.sleep
    assert module.Lock is threading.Lock
    assert module.Keeper.make is threading.Lock
    assert {type(one) for one in (module.LOCK, module.Keeper.lock)} == {type(threading.Lock())}
    assert {type(one) for one in (module.RLOCK, module.KEPT[0]._lock, module.KEPT[0].acquire.__self__)} == {_thread.RLock}
    with module.LOCK, module.KEPT[0]:
        pass


def test_other_threads_go_on_meanwhile() -> None:
    """A thread of the process that is not explored uses the real things all the time."""
    stop, beats = threading.Event(), []
    lock = threading.Lock()
    mailbox: Any = queue.Queue()
    simple: Any = queue.SimpleQueue()

    def beat() -> None:
        while not stop.is_set():
            with lock:
                mailbox.put(1)
                simple.put(1)
            beats.append((mailbox.get(timeout=10), simple.get(timeout=10), time.monotonic(), threading.get_ident()))
            time.sleep(0.0001)

    thread = threading.Thread(target=beat)
    start = time.monotonic()
    thread.start()
    try:
        for _ in range(3):
            result = explore(_passing, strategy="random", budget=BUDGET)
            assert result.verdict == "passed", result.failures[0].report()
    finally:
        stop.set()
        thread.join()
    assert len(beats) > 3
    assert all(start <= when <= time.monotonic() and ident == thread.ident for _, _, when, ident in beats)


@pytest.mark.slow
def test_explorations_do_not_leak() -> None:
    def growth() -> int:
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(3):
            explore(_passing, strategy="random", budget=Budget(executions=3))
            explore(_failing, strategy="random", budget=Budget(executions=3))
        gc.collect()
        return len(gc.get_objects()) - before

    # What is remembered of locks that were found is complete after a few explorations.
    growth()
    growth()
    assert growth() < 20


class _Box:
    """Something that can have a lock, and be referred to weakly."""


def test_locks_that_moved_since_the_last_exploration_are_found() -> None:
    lock = threading.Lock()
    boxes = [_Box(), _Box()]
    found: list[bool] = []

    def scenario() -> None:
        for box in boxes:
            if hasattr(box, "lock"):
                found.append(type(box.lock).__module__.startswith("interleave."))

    boxes[0].lock = lock  # type: ignore[attr-defined]
    for _ in range(3):
        explore(scenario, strategy="random", budget=Budget(executions=1))
    # As many references as before, held by somebody else.
    del boxes[0].lock  # type: ignore[attr-defined]
    boxes[1].lock = lock  # type: ignore[attr-defined]
    explore(scenario, strategy="random", budget=Budget(executions=1))
    # The variable of this test is exchanged as well: it is in a cell.
    assert found
    assert all(found)
    assert type(lock) is type(threading.Lock())


class _Slotted:
    """Something that cannot be referred to weakly."""

    __slots__ = ("lock",)


def _slotted(lock: Any) -> _Slotted:
    one = _Slotted()
    one.lock = lock
    return one


def _closing_over(lock: Any) -> Callable[[], Any]:
    return lambda: lock


#: By name: how to wrap a lock, and how to get it out again.
_WRAPPINGS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "list": (lambda lock: [lock], lambda held: held[0]),
    "tuple": (lambda lock: ("x", lock), lambda held: held[1]),
    "tuple in a tuple": (lambda lock: ("x", (lock,)), lambda held: held[1][0]),
    "tuple in a list": (lambda lock: [(lock, "x")], lambda held: held[0][0]),
    "dictionary": (lambda lock: {"lock": lock}, lambda held: held["lock"]),
    "slot": (_slotted, lambda held: held.lock),
    "closure": (_closing_over, lambda held: held()),
    "method": (lambda lock: lock.acquire, lambda held: held.__self__),
}


@pytest.mark.parametrize("wrapping", _WRAPPINGS)
def test_locks_in_what_allows_no_weak_reference_are_searched_for_a_few_times_only(wrapping: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrap, unwrap = _WRAPPINGS[wrapping]
    module, lock = types.ModuleType("holding"), [threading.Lock()]
    sought: list[bool] = []
    found: list[bool] = []
    original = holders.Exchange.spread

    def spread(exchange: Any, entries: Any, *more: Any) -> None:
        # That of the types of futures gets no more.
        if more:
            sought.append(any(entry.original is lock[0] for entry in entries))
        original(exchange, entries, *more)

    def scenario() -> None:
        found.extend(type(unwrap(vars(module)[name])).__module__.startswith("interleave.") for name in ("a", "b") if hasattr(module, name))

    monkeypatch.setitem(sys.modules, "holding", module)
    monkeypatch.setattr(holders.Exchange, "spread", spread)
    module.a = wrap(lock[0])  # type: ignore[attr-defined]
    for _ in range(4):
        explore(scenario, strategy="random", budget=Budget(executions=1))
    assert sought[0]
    assert not sought[-1]
    # Held by as many as before, and yet in another place: of what holds it, and in another one of the same kind.
    module.b = module.a  # type: ignore[attr-defined]
    explore(scenario, strategy="random", budget=Budget(executions=1))
    del module.a  # type: ignore[attr-defined]
    explore(scenario, strategy="random", budget=Budget(executions=1))
    module.b = wrap(lock[0])  # type: ignore[attr-defined]
    explore(scenario, strategy="random", budget=Budget(executions=1))
    # Each exploration repeats its first execution twice.
    assert len(found) == 3 * 8
    assert all(found)
    assert type(unwrap(module.b)) is type(lock[0]) is type(threading.Lock())


def test_locks_in_a_frame_are_searched_for_again_when_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    module, lock = types.ModuleType("holding"), [threading.Lock()]
    sought: list[bool] = []
    original = holders.Exchange.spread

    def spread(exchange: Any, entries: Any, *more: Any) -> None:
        # That of the types of futures gets no more.
        if more:
            sought.append(any(entry.original is lock[0] for entry in entries))
        original(exchange, entries, *more)

    monkeypatch.setitem(sys.modules, "holding", module)
    monkeypatch.setattr(holders.Exchange, "spread", spread)
    module.held = {"lock": lock[0]}  # type: ignore[attr-defined]
    # As a test's parameters are.
    in_frame = {"lock": lock[0]}
    for _ in range(4):
        explore(list, strategy="random", budget=Budget(executions=1))
    assert all(sought)
    in_frame.clear()
    for _ in range(3):
        explore(list, strategy="random", budget=Budget(executions=1))
    assert not sought[-1]


def test_two_locks_in_nested_tuples_are_put_back() -> None:
    box, first, second = _Box(), threading.Lock(), threading.RLock()
    # Where the test has them they are exchanged as well.
    ids = id(first), id(second)
    box.locks = (first, (second, "x"))  # type: ignore[attr-defined]
    del first, second
    found: list[Any] = []

    def scenario() -> None:
        found.append(type(box.locks[0]).__module__.startswith("interleave."))  # type: ignore[attr-defined]
        found.append(type(box.locks[1][0]).__module__.startswith("interleave."))  # type: ignore[attr-defined]

    for _ in range(5):
        explore(scenario, strategy="random", budget=Budget(executions=1))
        assert (id(box.locks[0]), id(box.locks[1][0])) == ids  # type: ignore[attr-defined]
    assert found == [True] * 2 * 3 * 5


def test_functions_that_moved_since_the_last_exploration_are_found() -> None:
    places: list[Any] = [types.ModuleType("one"), types.ModuleType("other"), type("Box", (), {}), _Box()]
    found: list[tuple[int, bool]] = []

    def scenario() -> None:
        for index, place in enumerate(places):
            if hasattr(place, "nap"):
                found.append((index, isinstance(vars(place)["nap"], types.BuiltinFunctionType)))

    real = getattr(time, "sleep")  # noqa: B009
    last = None
    # Each time as many references as before, held by somebody else; then one more.
    for place in (*places, places[0]):
        if last is not None:
            del last.nap
        place.nap = real
        for _ in range(2):
            explore(scenario, strategy="random", budget=Budget(executions=1))
        last = place
    places[0].nap = real
    explore(scenario, strategy="random", budget=Budget(executions=1))
    assert {index for index, _ in found} == {0, 1, 2, 3}
    assert not any(is_real for _, is_real in found)


def test_executions_leave_no_cycles_behind() -> None:
    """They would have to be collected, at ten milliseconds each time."""
    explore(_passing, strategy="random", budget=Budget(executions=3))
    gc.collect()
    gc.disable()
    try:
        explore(_passing, strategy="random", budget=Budget(executions=200), races="off")
        found = gc.collect()
    finally:
        gc.enable()
    assert found < 10 * 200, "objects in cycles, for so many executions"
