"""Thread pools, futures and logging behave under control as they do natively."""

from __future__ import annotations

import concurrent.futures
import io
import logging
import threading
import time
from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    CancelledError,
    Future,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from typing import Any

import pytest
from differential import assert_same, kind_of, said

from interleave import Budget, explore


def test_submit_and_result() -> None:
    def body() -> Any:
        with ThreadPoolExecutor(max_workers=2) as pool:
            futures = [pool.submit(pow, 2, number) for number in range(4)]
            failing = pool.submit(int, "x")
            seen: list[Any] = [future.result(timeout=60) for future in futures]
            seen += [said(failing.result), type(failing.exception()).__name__, failing.done(), failing.running(), failing.cancelled()]
        return [*seen, said(pool.submit, len, ()), kind_of(ThreadPoolExecutor, 0), kind_of(ThreadPoolExecutor, 1, "", 5)]

    assert_same(body)


def test_map() -> None:
    def body() -> Any:
        with ThreadPoolExecutor(2) as pool:
            seen: list[Any] = [list(pool.map(lambda x: x * x, range(4))), list(pool.map(pow, [1, 2], [3, 4], timeout=60, chunksize=2))]
            lazy = pool.map(int, ["1", "x", "3"])
            seen += [next(lazy), kind_of(next, lazy)]
            slow = pool.map(time.sleep, [0.2], timeout=0.01)
            seen.append(kind_of(next, slow))
        return seen

    assert_same(body)


def test_wait_and_as_completed() -> None:
    def body() -> Any:
        with ThreadPoolExecutor(3) as pool:
            go = threading.Event()
            quick, slow, failing = pool.submit(abs, -1), pool.submit(go.wait), pool.submit(int, "x")
            done, pending = wait([quick, slow], return_when=FIRST_COMPLETED)
            seen: list[Any] = [quick in done, slow in pending]
            done, pending = wait([slow, failing], return_when=FIRST_EXCEPTION)
            seen += [
                failing in done,
                slow in pending,
                len(wait([slow], timeout=0.01).done),
                kind_of(list, as_completed([slow], timeout=0.01)),
            ]
            seen.append(kind_of(slow.result, 0))
            go.set()
            done, pending = wait([quick, slow, failing], timeout=60, return_when=ALL_COMPLETED)
            seen += [len(done), len(pending), {future is slow for future in as_completed([slow, slow])}]
        return seen

    assert_same(body)


def test_callbacks() -> None:
    def body() -> Any:
        seen: list[Any] = []
        with ThreadPoolExecutor(1) as pool:
            go = threading.Event()
            future = pool.submit(go.wait)
            future.add_done_callback(lambda one: seen.append(("called", one.result(), one is future)))
            go.set()
        future.add_done_callback(lambda one: seen.append("at once"))
        return seen

    assert_same(body)


def test_futures_by_hand() -> None:
    def body() -> Any:
        future: Future[int] = Future()
        seen: list[Any] = [kind_of(future.result, 0), kind_of(future.exception, timeout=0.01), future.cancelled(), future.done()]
        getters = [threading.Thread(target=lambda: seen.append(future.result())) for _ in range(2)]
        for getter in getters:
            getter.start()
        seen_running = future.set_running_or_notify_cancel(), future.running(), future.cancel()
        future.set_result(7)
        for getter in getters:
            getter.join()
        cancelled: Future[int] = Future()
        seen += [seen_running, kind_of(future.set_result, 8), cancelled.cancel(), cancelled.cancel(), kind_of(cancelled.result)]
        failed: Future[int] = Future()
        failed.set_exception(KeyError("k"))
        return [
            *seen,
            said(failed.result),
            repr(failed.exception()),
            cancelled.set_running_or_notify_cancel(),
            issubclass(CancelledError, Exception),
        ]

    assert_same(body)


def test_nested_submit() -> None:
    def body() -> Any:
        with ThreadPoolExecutor(2) as pool:

            def outer(number: int) -> int:
                return pool.submit(pow, number, 2).result()

            return pool.submit(outer, 3).result()

    assert_same(body)


def test_cancelling() -> None:
    def body() -> Any:
        go, started = threading.Event(), threading.Event()

        def first() -> None:
            started.set()
            go.wait()

        pool = ThreadPoolExecutor(1)
        running = pool.submit(first)
        started.wait()
        queued = [pool.submit(abs, -1) for _ in range(3)]
        seen: list[Any] = [running.cancel(), queued[0].cancel(), queued[0].cancelled()]
        pool.shutdown(wait=False, cancel_futures=True)
        seen += [[one.cancelled() for one in queued], kind_of(pool.submit, len, ())]
        go.set()
        pool.shutdown(wait=True)
        return [*seen, running.done()]

    assert_same(body)


def test_initializer() -> None:
    def body() -> Any:
        local, seen = threading.local(), []

        def prepare(value: int) -> None:
            local.value = value

        with ThreadPoolExecutor(2, thread_name_prefix="pool", initializer=prepare, initargs=(5,)) as pool:
            seen.append([pool.submit(lambda: (local.value, threading.current_thread().name[:4])).result() for _ in range(3)])
        return seen

    assert_same(body)


def test_failing_initializer() -> None:
    def fail() -> None:
        raise ValueError("no")

    def body() -> Any:
        logging.disable()
        try:
            with ThreadPoolExecutor(1, initializer=fail) as pool:
                future = pool.submit(abs, 1)
                return kind_of(future.result), kind_of(pool.submit, abs, 1)
        finally:
            logging.disable(logging.NOTSET)

    assert_same(body)


def test_a_pool_that_nobody_shuts_down() -> None:
    def body() -> Any:
        return [future.result() for future in [ThreadPoolExecutor(2).submit(pow, 2, number) for number in range(3)]]

    assert_same(body)


_POOL = ThreadPoolExecutor(2)
_USED_POOL = ThreadPoolExecutor(1)
_USED_POOL.submit(abs, -1).result()


@pytest.mark.parametrize("pool", [_POOL, _USED_POOL], ids=["unused", "used"])
def test_a_pool_older_than_the_exploration(pool: ThreadPoolExecutor) -> None:
    def body() -> Any:
        def task(number: int) -> int:
            time.sleep(0.001)
            return number + 1

        return list(pool.map(task, range(3))), pool.submit(threading.current_thread).result() is threading.current_thread()

    threads = set(pool._threads)
    assert_same(body)
    assert threads <= set(pool._threads)
    assert all(thread.is_alive() for thread in pool._threads), "its own workers go on"


class _Pool(ThreadPoolExecutor):
    def submit(self, fn: Any, /, *args: Any, **options: Any) -> Any:
        self.submitted = getattr(self, "submitted", 0) + 1
        return super().submit(fn, *args, **options)


def test_subclasses_are_honoured() -> None:
    def body() -> Any:
        with _Pool(2) as pool:
            results = list(pool.map(abs, [-1, -2]))
        return results, pool.submitted, isinstance(pool, concurrent.futures.Executor)

    assert_same(body)


def test_logging_from_several_threads() -> None:
    def body() -> Any:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter("%(threadName)s %(levelname)s %(message)s"))
        logger = logging.Logger("own")
        logger.addHandler(handler)
        threads = [threading.Thread(target=logger.warning, args=("from %d", number), name=f"t{number}") for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(stream.getvalue().splitlines())

    assert_same(body)


def test_logging_through_the_root(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("interleave_tests")

    def body() -> Any:
        caplog.clear()
        threads = [threading.Thread(target=logger.error, args=("message",)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [record.getMessage() for record in caplog.records]

    assert_same(body)


def test_sets_of_futures_and_threads_are_gone_through_in_the_same_order_in_every_execution() -> None:
    kept: list[Any] = []

    def wait_for_futures() -> None:
        with ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(abs, number) for number in range(3)]
            kept.append(futures)
            assert {future.result() for future in as_completed(futures)} == {0, 1, 2}

    def join_threads() -> None:
        seen: list[int] = []
        threads = {threading.Thread(target=seen.append, args=(number,)) for number in range(5)}
        kept.append(threads)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(seen) == 5

    # What is kept makes every execution use other addresses.
    for body in (wait_for_futures, join_threads):
        result = explore(body, strategy="dfs", budget=Budget(executions=100))
        assert not result.failures, result.failures
