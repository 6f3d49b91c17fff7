"""Every way in which a program gets a thread, and what it may do in one: all controlled, and no false alarm."""

from __future__ import annotations

import _thread
import concurrent.futures
import contextvars
import io
import logging
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock, Thread, Timer
from types import SimpleNamespace

import pytest

from tests.peers.answers import failing, holding, outcomes, proven, run

MODULE_LOCK = threading.Lock()
IMPORTED_LOCK = Lock()
MODULE_RLOCK = threading.RLock()
MODULE_CONDITION = threading.Condition()
TOTAL = SimpleNamespace(v=0)


class Counter:
    """A counter that loses updates unless it is given a lock."""

    class_lock = threading.Lock()

    def __init__(self) -> None:
        self.value = 0

    def add(self) -> None:
        self.value += 1


class Adder(threading.Thread):
    """A subclass with a `run` of its own."""

    def __init__(self, counter: Counter) -> None:
        super().__init__()
        self.counter = counter

    def run(self) -> None:
        self.counter.add()


# -- each way to start a thread, with the same lost update ----------------------------------------------------


def by_target(counter: Counter) -> None:
    run(counter.add, counter.add)


def by_subclass(counter: Counter) -> None:
    threads = [Adder(counter), Adder(counter)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def by_imported_name(counter: Counter) -> None:
    thread = Thread(target=counter.add)
    thread.start()
    counter.add()
    thread.join()


def by_thread_inside_a_thread(counter: Counter) -> None:
    def outer() -> None:
        inner = threading.Thread(target=counter.add)
        inner.start()
        counter.add()
        inner.join()

    run(outer)


def by_timer(counter: Counter) -> None:
    timers = [Timer(0.5, counter.add), threading.Timer(1.0, counter.add)]
    for timer in timers:
        timer.start()
    for timer in timers:
        timer.join()


def by_pool(counter: Counter) -> None:
    with ThreadPoolExecutor(max_workers=2) as pool:
        for future in [pool.submit(counter.add), pool.submit(counter.add)]:
            future.result()


def by_map_of_a_pool(counter: Counter) -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: counter.add(), range(2)))


def by_low_level_call(counter: Counter) -> None:
    done = [_thread.allocate_lock(), _thread.allocate_lock()]

    def body(lock: _thread.LockType) -> None:
        counter.add()
        lock.release()

    for lock in done:
        lock.acquire()
        _thread.start_new_thread(body, (lock,))
    for lock in done:
        lock.acquire()


def by_daemons(counter: Counter) -> None:
    threads = [threading.Thread(target=counter.add, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


WAYS = [
    by_target, by_subclass, by_imported_name, by_thread_inside_a_thread, by_timer, by_pool, by_map_of_a_pool, by_low_level_call, by_daemons,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.removeprefix("by_"))
def test_lost_update_is_found_in_threads_started(way: Callable[[Counter], None]) -> None:
    def scenario() -> None:
        counter = Counter()
        way(counter)
        assert counter.value == 2, "update lost"

    # A timer races with what is due later only where timeouts may fire early.
    options = {"timeouts": "any"} if way is by_timer else {}
    assert failing(scenario, "assertion", "update lost", **options).preemptions <= 1


def test_thread_in_the_background_of_the_scenario() -> None:
    def scenario() -> None:
        counter = Counter()
        thread = threading.Thread(target=counter.add)
        thread.start()
        assert counter.value == 0, "already changed"
        thread.join()

    failing(scenario, "assertion", "already changed")


def test_thread_never_joined_is_run_to_its_end() -> None:
    def scenario() -> None:
        counter = Counter()

        def fail() -> None:
            time.sleep(1.0)
            assert counter.value == 1, "too late to be seen"

        threading.Thread(target=fail, name="left").start()

    failing(scenario, "assertion", "(in thread 'left')")


def test_timer_that_is_cancelled_in_time_or_not() -> None:
    def program() -> str:
        done: list[str] = []
        timer = threading.Timer(1.0, lambda: done.append("fired"))
        timer.start()
        timer.cancel()
        timer.join()
        return "".join(done)

    assert outcomes(program) == {""}
    assert outcomes(program, strategy="dfs", timeouts="any") == {"", "fired"}


def test_exception_in_a_pool_is_where_the_result_is_asked_for() -> None:
    def scenario() -> None:
        def fail() -> None:
            raise LookupError("in the pool")

        with ThreadPoolExecutor(1) as pool:
            with pytest.raises(LookupError, match="in the pool"):
                pool.submit(fail).result()

    proven(scenario)


def test_pool_of_one_waits_for_itself() -> None:
    def scenario() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: pool.submit(int).result()).result()

    assert failing(scenario, "stuck").executions == 1


# -- who am I -------------------------------------------------------------------------------------------------


def test_every_thread_knows_itself() -> None:
    def scenario() -> None:
        seen: dict[str, threading.Thread] = {}
        idents: list[int] = []

        def look() -> None:
            me = threading.current_thread()
            seen[me.name] = me
            idents.append(threading.get_ident())
            assert me.ident == threading.get_ident()
            assert me.is_alive()
            assert me in threading.enumerate()
            assert type(me) is threading.Thread

        threads = [threading.Thread(target=look, name=name) for name in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [seen["one"], seen["two"]] == threads
        assert len(set(idents)) == 2
        assert threading.current_thread() is threading.main_thread()

    holding(scenario, executions=100)


def test_logging_from_several_threads() -> None:
    def scenario() -> None:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter("%(threadName)s %(message)s"))
        logger = logging.Logger("probe", logging.INFO)
        logger.addHandler(handler)
        run(lambda: logger.info("hello"), lambda: logger.warning("world"))
        assert sorted(stream.getvalue().splitlines()) == ["a hello", "b world"]

    holding(scenario, executions=100)


# -- locks older than the run ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", [MODULE_LOCK, IMPORTED_LOCK, MODULE_RLOCK, Counter.class_lock, MODULE_CONDITION], ids=lambda x: "")
def test_lock_in_a_closure_made_before_the_run_protects(lock: Lock) -> None:
    def scenario() -> None:
        counter = Counter()

        def add() -> None:
            with lock:
                counter.add()

        run(add, add)
        assert counter.value == 2

    proven(scenario)
    assert not lock.locked() if hasattr(lock, "locked") else True
    with lock:
        pass


def test_module_lock_protects() -> None:
    def scenario() -> None:
        TOTAL.v = 0

        def add() -> None:
            with MODULE_LOCK:
                TOTAL.v += 1

        run(add, add)
        assert TOTAL.v == 2

    assert proven(scenario, strategy="dpor").executions == 2
    assert not MODULE_LOCK.locked()


def test_locks_of_a_module_deadlock() -> None:
    def scenario() -> None:
        def one() -> None:
            with MODULE_LOCK, IMPORTED_LOCK:
                pass

        def other() -> None:
            with IMPORTED_LOCK, MODULE_LOCK:
                pass

        run(one, other)

    assert failing(scenario, "deadlock").outcome.cycle == (1, 2)
    assert not MODULE_LOCK.locked()
    assert not IMPORTED_LOCK.locked()


def test_lock_made_by_an_imported_name_during_the_run() -> None:
    def scenario() -> None:
        lock, counter = Lock(), Counter()

        def add() -> None:
            with lock:
                counter.add()

        run(add, add)
        assert counter.value == 2

    proven(scenario)


# -- state of one thread --------------------------------------------------------------------------------------

LOCAL = threading.local()
VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")


def test_thread_local_values_stay_apart() -> None:
    def scenario() -> None:
        local = threading.local()
        counter = Counter()

        def work(value: int) -> None:
            assert not hasattr(local, "value")
            assert not hasattr(LOCAL, "value")
            local.value = LOCAL.value = value
            counter.value += 0
            assert (local.value, LOCAL.value) == (value, value)

        run(lambda: work(1), lambda: work(2))
        assert not hasattr(local, "value")

    proven(scenario)


def test_accesses_to_a_thread_local_do_not_multiply_the_search() -> None:
    def scenario() -> None:
        local = threading.local()

        def work() -> None:
            local.value = 0
            for _ in range(3):
                local.value += 1
            assert local.value == 3

        run(work, work)

    assert proven(scenario, strategy="dpor").executions == 1


def test_context_variables_stay_apart() -> None:
    def scenario() -> None:
        counter = Counter()

        def work(value: str) -> None:
            assert VARIABLE.get() == "unset"
            token = VARIABLE.set(value)
            counter.value += 0
            assert VARIABLE.get() == value
            VARIABLE.reset(token)

        run(lambda: work("one"), lambda: work("two"))
        assert VARIABLE.get() == "unset"

    proven(scenario)


def test_finalizer_runs_where_the_last_reference_goes() -> None:
    def scenario() -> None:
        gone: list[str] = []

        class Resource:
            def __del__(self) -> None:
                gone.append("deleted")

        holders = [Resource()]
        reference = weakref.ref(holders[0], lambda _: gone.append("callback"))

        def drop() -> None:
            if holders:
                holders.clear()

        run(drop, drop)
        assert reference() is None
        assert sorted(gone) == ["callback", "deleted"]

    proven(scenario)


@pytest.mark.xfail(reason="a call of a weak reference is not yet an operation")
def test_weak_reference_dies_between_check_and_use() -> None:
    def scenario() -> None:
        class Resource:
            name = "it"

        holders = [Resource()]
        reference = weakref.ref(holders[0])

        def use() -> None:
            if reference() is not None:
                assert reference().name  # type: ignore[union-attr]

        run(use, holders.clear)

    failing(scenario, "exception", "AttributeError")
