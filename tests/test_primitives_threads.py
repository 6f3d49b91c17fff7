"""Threads behave under control as they do natively."""

from __future__ import annotations

import _thread
import contextvars
import sys
import threading
import time
from typing import Any, ClassVar

import pytest
from differential import assert_same, kind_of, said

from tests.threads import together


def test_misuse() -> None:
    def body() -> Any:
        thread = threading.Thread(target=lambda: None)
        seen: list[Any] = [said(thread.join), thread.is_alive(), thread.ident, thread.native_id, said(thread.start), said(thread.start)]
        seen += [thread.join(), thread.is_alive(), said(thread.join), thread.join(timeout=0), thread.join(-1), said(thread.start)]
        seen += [said(threading.current_thread().join), said(threading.current_thread().start)]
        inside: list[Any] = []
        own = threading.Thread(target=lambda: inside.append(said(own.join)))
        own.start()
        own.join()
        return seen, inside, kind_of(threading.Thread, group=1), kind_of(setattr, own, "daemon", True)

    assert_same(body)


class _NoInit(threading.Thread):
    def __init__(self) -> None:
        """Forget to call the base."""


def test_thread_without_init() -> None:
    def body() -> Any:
        return said(_NoInit().start), said(_NoInit().join)

    assert_same(body)


def test_join_with_a_timeout() -> None:
    def body() -> Any:
        go = threading.Event()
        thread = threading.Thread(target=go.wait)
        thread.start()
        seen: list[Any] = [
            thread.name.partition(" ")[2],
            thread.join(0),
            thread.is_alive(),
            thread.join(0.01),
            thread.is_alive(),
            thread.join(timeout=-3),
            thread.is_alive(),
        ]
        go.set()
        return [*seen, thread.join(60), thread.is_alive()]

    assert_same(body)


def test_names_and_idents() -> None:
    def body() -> Any:
        seen: list[Any] = []

        def worker() -> None:
            me = threading.current_thread()
            seen.append(
                (
                    me.name,
                    me.ident == threading.get_ident() == _thread.get_ident(),
                    me.native_id == threading.get_native_id(),
                    me.daemon,
                    me.is_alive(),
                    me in threading.enumerate(),
                    me is threading.main_thread(),
                    threading.current_thread() is me,
                )
            )

        threads = [threading.Thread(target=worker, name=f"worker {number}", daemon=number == 1) for number in range(3)]
        for thread in threads:
            thread.start()
            thread.join()
        main = threading.current_thread()
        idents = {thread.ident for thread in threads}
        seen.append((main.name, main.ident == threading.get_ident(), main is threading.main_thread(), None in idents, main.ident in idents))
        thread.name = "other"
        return [*seen, thread.name, repr(thread).split(",")[0], all(thread not in threading.enumerate() for thread in threads)]

    assert_same(body)


def test_default_names_count_from_one() -> None:
    results: list[Any] = []

    def body() -> Any:
        def work() -> None:
            pass

        results.append([threading.Thread(target=work).name, threading.Thread().name])
        return None

    assert_same(body)
    assert results[1:-1] == [["Thread-1 (work)", "Thread-2"]] * (len(results) - 2), "natively they go on counting"


def test_who_is_alive() -> None:
    def body() -> Any:
        before = threading.active_count()
        go = threading.Event()
        threads = [threading.Thread(target=go.wait) for _ in range(3)]
        for thread in threads:
            thread.start()
        seen = [threading.active_count() - before, all(thread in threading.enumerate() for thread in threads)]
        go.set()
        for thread in threads:
            thread.join()
        return [*seen, threading.active_count() - before]

    assert_same(body)


class _Worker(threading.Thread):
    """A subclass that overrides everything and keeps a result."""

    def __init__(self, value: int) -> None:
        super().__init__(name=f"worker {value}")
        self.value = value
        self.calls: list[str] = []

    def start(self) -> None:
        self.calls.append("start")
        super().start()

    def run(self) -> None:
        self.calls.append("run")
        self.result = self.value * 2

    def join(self, timeout: float | None = None) -> Any:
        self.calls.append("join")
        super().join(timeout)
        return self.result


def test_subclasses_are_honoured() -> None:
    def body() -> Any:
        workers = [_Worker(number) for number in range(2)]
        for worker in workers:
            worker.start()
        return [(worker.join(), sorted(worker.calls), isinstance(worker, threading.Thread)) for worker in workers]

    assert_same(body)


def test_arguments_and_lifetime_of_the_target() -> None:
    def body() -> Any:
        seen: list[Any] = []
        thread = threading.Thread(target=lambda *args, **options: seen.append((args, options)), args=[1, 2], kwargs={"a": 3})
        thread.run()
        other = threading.Thread(target=seen.append, args=("x",))
        other.start()
        other.join()
        return seen, hasattr(other, "_target"), hasattr(other, "_args")

    assert_same(body)


def test_threads_start_threads() -> None:
    def body() -> Any:
        order: list[str] = []

        def outer() -> None:
            inner = threading.Thread(target=lambda: order.append("inner"), daemon=None)
            order.append(f"daemon {inner.daemon}")
            inner.start()
            inner.join()
            order.append("outer")

        thread = threading.Thread(target=outer, daemon=True)
        thread.start()
        thread.join()
        return order

    assert_same(body)


def test_daemon_threads_need_not_end() -> None:
    def body() -> Any:
        go = threading.Event()
        thread = threading.Thread(target=go.wait, daemon=True)
        thread.start()
        alive = thread.is_alive()
        if threading.current_thread() is not threading.main_thread():
            return None
        body.threads.append((thread, go))  # type: ignore[attr-defined]
        return alive

    body.threads = []  # type: ignore[attr-defined]
    assert_same(body)
    (first, go), (last, go_last) = body.threads[0], body.threads[-1]  # type: ignore[attr-defined]
    assert first.is_alive()
    assert not any(thread.is_alive() for thread, _ in body.threads[1:-1]), "threads of executions are gone"  # type: ignore[attr-defined]
    go.set()
    go_last.set()
    first.join()
    last.join()


def test_timer() -> None:
    def body() -> Any:
        seen: list[Any] = []
        fired, cancelled = threading.Timer(0.02, seen.append, ["fired"]), threading.Timer(60, seen.append, args=["never"])
        fired.start()
        cancelled.start()
        cancelled.cancel()
        cancelled.join()
        fired.join()
        at_once = threading.Timer(0, seen.append, kwargs={}, args=("zero",))
        at_once.start()
        at_once.join()
        return seen, cancelled.finished.is_set(), fired.is_alive()

    assert_same(body)


class _Local(threading.local):
    """A subclass with an `__init__`, which runs once for each thread."""

    made: ClassVar[list[int]] = []

    def __init__(self, start: int = 0) -> None:
        self.value = start
        self.made.append(start)


_LOCAL = _Local(10)
_LOCAL.value = 11
_PLAIN = threading.local()
_PLAIN.name = "main"


def test_thread_locals_made_before_the_exploration() -> None:
    def body() -> Any:
        seen: list[Any] = []

        def worker(step: int) -> None:
            for _ in range(2):
                _LOCAL.value += step
                time.sleep(0)
            seen.append((_LOCAL.value, hasattr(_PLAIN, "name"), sorted(vars(_LOCAL))))

        for step in (1, 5):
            thread = threading.Thread(target=worker, args=(step,))
            thread.start()
            thread.join()
        together(lambda: worker(2), lambda: worker(2))
        return seen, _LOCAL.value, _PLAIN.name

    assert_same(body)


def test_thread_locals_made_in_the_scenario() -> None:
    def body() -> Any:
        _Local.made.clear()
        local, plain = _Local(start=3), threading.local()
        plain.items = ["main"]
        seen: list[Any] = []

        def worker() -> None:
            seen.append((local.value, said(getattr, plain, "items")[0]))
            local.value = plain.items = 0
            time.sleep(0.001)
            seen.append((local.value, plain.items))

        together(worker, worker)
        return sorted(map(str, seen)), local.value, plain.items, len(_Local.made)

    assert_same(body)


class _Noisy:
    """A value that says when it goes."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    def __del__(self) -> None:
        self.log.append("gone")


def test_thread_local_values_go_with_their_thread() -> None:
    def body() -> Any:
        local, log = threading.local(), []

        def worker() -> None:
            local.value = _Noisy(log)

        thread = threading.Thread(target=worker)
        thread.start()
        thread.join()
        return log

    assert_same(body)


def test_context_variables() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="default")

    def body() -> Any:
        seen: list[str] = []
        variable.set("main")

        def worker() -> None:
            seen.append(variable.get())
            variable.set("worker")
            time.sleep(0.001)
            seen.append(variable.get())

        context = contextvars.copy_context()
        together(worker, worker, lambda: seen.append(context.run(variable.get)))
        return sorted(seen), variable.get()

    assert_same(body)


def test_start_new_thread() -> None:
    def body() -> Any:
        done = threading.Event()
        seen: list[Any] = []

        def work(*args: Any, **options: Any) -> None:
            seen.append((args, options, type(threading.current_thread()).__name__, threading.current_thread().daemon))
            done.set()
            _thread.exit()

        count = _thread._count()
        ident = _thread.start_new_thread(work, (1,), {"a": 2})
        done.wait()
        while _thread._count() > count:
            time.sleep(0.001)
        seen.append(ident == threading.get_ident())
        seen.append([kind_of(_thread.start_new_thread, *args) for args in ((1, ()), (len, []), (len, (), []), (len,))])
        return seen

    assert_same(body)


@pytest.mark.filterwarnings("ignore:Exception in thread")  # natively, by pytest's excepthook
def test_system_exit_ends_a_thread_silently() -> None:
    def body() -> Any:
        seen: list[str] = []

        def work() -> None:
            try:
                sys.exit(3)
            finally:
                seen.append("finally")

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return seen, thread.is_alive()

    assert_same(body)


def test_excepthook_of_the_program() -> None:
    def body() -> Any:
        seen: list[Any] = []
        previous = threading.excepthook

        def hook(args: Any) -> None:
            seen.append((args.exc_type.__name__, str(args.exc_value), args.thread.name, args.exc_traceback is not None))

        def fail() -> None:
            raise ValueError("on purpose")

        threading.excepthook = hook
        try:
            thread = threading.Thread(target=fail, name="failing")
            thread.start()
            thread.join()
        finally:
            threading.excepthook = previous
        return seen, thread.is_alive()

    assert_same(body)


def test_trace_and_profile_functions_of_threads() -> None:
    def body() -> Any:
        seen: list[str] = []

        def work() -> None:
            seen.append("work")

        previous = threading.getprofile()
        threading.setprofile(lambda frame, event, _: seen.append(event) if frame.f_code is work.__code__ else None)
        try:
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        finally:
            threading.setprofile(previous)
        return [one for one in seen if one in ("call", "work", "return")]

    before = sys.getprofile(), sys.gettrace()
    assert_same(body)
    assert (sys.getprofile(), sys.gettrace()) == before


def test_sleeping_threads_wake_in_order() -> None:
    def body() -> Any:
        order: list[str] = []

        def sleeper(seconds: float, name: str) -> None:
            time.sleep(seconds)
            order.append(name)

        together(lambda: sleeper(0.15, "late"), lambda: sleeper(0.02, "early"), lambda: sleeper(0.08, "middle"))
        return order

    assert_same(body)


def test_time_goes_on() -> None:
    def body() -> Any:
        readings = []
        for clock in (time.monotonic, time.time, time.perf_counter, time.monotonic_ns, time.time_ns, time.perf_counter_ns):
            before = clock()
            time.sleep(0.01)
            passed = (clock() - before) / (1e9 if clock.__name__.endswith("_ns") else 1)
            readings.append(0.009 < passed < 5)
        return (
            readings,
            said(time.sleep, -1),
            kind_of(time.sleep, "long"),
            kind_of(time.sleep),
            type(time.time()).__name__,
            type(time.time_ns()).__name__,
        )

    assert_same(body)


class _Clock:
    """Functions of C kept in a class do not become methods."""

    now = time.monotonic
    pause = time.sleep
    ident = threading.get_ident


def test_functions_kept_in_a_class() -> None:
    def body() -> Any:
        clock = _Clock()
        start = clock.now()
        clock.pause(0.01)
        return clock.now() - start > 0.009, clock.ident() == threading.get_ident(), said(clock.pause, -1)

    assert_same(body)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="from 3.13 on")
def test_joinable_threads() -> None:
    def body() -> Any:
        seen: list[Any] = []
        handle = _thread.start_joinable_thread(lambda: seen.append(1))
        handle.join()
        return (
            seen,
            handle.is_done(),
            handle.join(),
            handle.join(0),
            handle.ident == threading.get_ident(),
            kind_of(_thread.start_joinable_thread, 1),
        )

    assert_same(body)
