"""Every way in which a program gets a thread, and what it may do in one: all controlled, and no false alarm."""

from __future__ import annotations

import _thread
import concurrent.futures
import io
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Thread, Timer

import pytest

from tests.peers.answers import failing, holding, outcomes, proven, run


class Counter:
    """A counter that loses updates."""

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

    assert failing(scenario, "deadlock").executions == 1


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
