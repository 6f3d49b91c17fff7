"""Queues behave under control as they do natively."""

from __future__ import annotations

import copy
import pickle
import queue
import sys
import threading
import time
from typing import Any

import pytest
from differential import assert_same, kind_of, said

from tests.threads import together

KINDS = [queue.Queue, queue.LifoQueue, queue.PriorityQueue]


@pytest.mark.parametrize("kind", KINDS)
def test_calls_that_do_not_block(kind: Any) -> None:
    def body() -> Any:
        q = kind(2)
        seen: list[Any] = [
            q.empty(),
            q.full(),
            q.qsize(),
            said(q.get, False),
            said(q.get_nowait),
            said(q.get, timeout=0.01),
            said(q.get, True, 0),
        ]
        seen += [said(q.get, timeout=-1), said(q.get, False, -1), said(q.task_done), q.put(3), q.put(1, False), q.full(), q.qsize()]
        seen += [
            said(q.put, 2, False),
            said(q.put_nowait, 2),
            said(q.put, 2, timeout=0.01),
            said(q.put, 2, True, 0),
            said(q.put, 2, timeout=-1),
        ]
        seen += [q.get(), q.get(timeout=1), q.empty(), q.unfinished_tasks, q.task_done(), q.task_done(), q.join(), said(q.task_done)]
        unlimited = kind()
        return [*seen, unlimited.put(1, timeout=-1), unlimited.full(), unlimited.put_nowait(0), unlimited.maxsize, kind(-1).full()]

    assert_same(body)


@pytest.mark.parametrize("kind", KINDS)
def test_producers_and_consumers(kind: Any) -> None:
    def body() -> Any:
        q, got = kind(1), []

        def producer() -> None:
            for number in range(3):
                q.put(number)

        def consumer() -> None:
            for _ in range(3):
                got.append(q.get(timeout=60))
                q.task_done()

        together(producer, consumer)
        q.join()
        return sorted(got), q.qsize(), q.unfinished_tasks

    assert_same(body)


def test_items_of_a_priority_queue_may_compare_with_code_of_the_program() -> None:
    class Job:
        def __init__(self, rank: int) -> None:
            self.rank = rank

        def __lt__(self, other: Any) -> bool:
            return self.rank < other.rank

    def body() -> Any:
        q: Any = queue.PriorityQueue()
        together(lambda: q.put(Job(2)), lambda: q.put(Job(1)), lambda: q.put(Job(3)))
        failing: Any = queue.PriorityQueue()
        failing.put(1)
        return [q.get().rank for _ in range(3)], kind_of(failing.put, "a"), failing.unfinished_tasks, failing.qsize()

    assert_same(body)


class _Unique(queue.Queue):  # type: ignore[type-arg]
    """A queue that overrides how items are kept."""

    def _init(self, maxsize: int) -> None:
        self.queue: Any = []

    def _qsize(self) -> int:
        return len(self.queue)

    def _put(self, item: Any) -> None:
        if item == "bad":
            raise ValueError(item)
        if item not in self.queue:
            self.queue.append(item)

    def _get(self) -> Any:
        return self.queue.pop(0)


class _Logged(queue.Queue):  # type: ignore[type-arg]
    """A queue that overrides the public methods."""

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        super().put(("logged", item), block, timeout)


def test_subclasses_are_honoured() -> None:
    def body() -> Any:
        unique, logged = _Unique(2), _Logged()
        together(lambda: unique.put(1), lambda: unique.put(1), lambda: logged.put(2))
        seen = [said(unique.put, "bad"), unique.qsize(), unique.unfinished_tasks, unique.get(), unique.empty(), logged.get()]
        logged.put_nowait(3)
        return [*seen, logged.get_nowait()]

    assert_same(body)


def test_programs_may_use_the_mutex_and_the_conditions() -> None:
    def body() -> Any:
        q: Any = queue.Queue(1)
        seen: list[Any] = []

        def waiter() -> None:
            with q.not_empty:
                while not q.queue:
                    q.not_empty.wait()
                seen.append(list(q.queue))

        def looker() -> None:
            with q.mutex:
                seen.append(len(q.queue) in (0, 1))
            with q.all_tasks_done:
                while q.unfinished_tasks:
                    q.all_tasks_done.wait()

        def server() -> None:
            q.put("item")

        def closer() -> None:
            while not any(isinstance(one, list) for one in seen):
                time.sleep(0.001)
            q.get()
            q.task_done()

        together(waiter, looker, server, closer)
        with q.mutex:
            q.queue.append("by hand")
        return sorted(map(str, seen)), q.get(timeout=1)

    assert_same(body)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="queues can be shut down from 3.13 on")
@pytest.mark.parametrize("kind", KINDS)
def test_shutdown(kind: Any) -> None:
    def body() -> Any:
        q, seen = kind(1), []
        q.put(1)
        q.shutdown()
        seen += [
            kind_of(q.put, 2),
            kind_of(q.put, 2, False),
            q.is_shutdown,
            q.get(),
            kind_of(q.get),
            kind_of(q.get, False),
            q.task_done(),
            q.join(),
        ]
        q = kind(1)
        q.put(1)
        ended: list[Any] = []
        threads = [threading.Thread(target=lambda: ended.append(kind_of(q.put, 2))), threading.Thread(target=q.join)]
        for thread in threads:
            thread.start()
        time.sleep(0.01)
        q.shutdown(immediate=True)
        for thread in threads:
            thread.join()
        return seen, ended, q.qsize(), q.unfinished_tasks, kind_of(q.get, timeout=1)

    assert_same(body)


def test_simple_queue() -> None:
    def body() -> Any:
        q: Any = queue.SimpleQueue()
        seen: list[Any] = [
            q.empty(),
            q.qsize(),
            kind_of(q.get, False),
            kind_of(q.get_nowait),
            kind_of(q.get, timeout=0.01),
            kind_of(q.get, True, 0),
        ]
        seen += [said(q.get, timeout=-1), kind_of(q.get, timeout="soon"), q.put(1), q.put(2, False), q.put(3, timeout=-5), q.put_nowait(4)]
        seen += [q.qsize(), q.get(), q.get(timeout=1), q.get(False), q.get_nowait(), q.empty()]
        seen += [kind_of(copy.copy, q), kind_of(pickle.dumps, q), kind_of(queue.SimpleQueue, 1), str(queue.SimpleQueue[int])]
        got: list[int] = []
        together(lambda: [q.put(number) for number in range(3)], lambda: got.extend(q.get() for _ in range(3)))
        return seen, got

    assert_same(body)


class _Inbox(queue.SimpleQueue):  # type: ignore[type-arg]
    """A subclass of a C type."""

    def take(self) -> Any:
        return self.get(timeout=60)


def test_subclass_of_simple_queue() -> None:
    def body() -> Any:
        inbox, got = _Inbox(), []
        together(lambda: got.append(inbox.take()), lambda: inbox.put(1), lambda: inbox.put(1))
        return got, inbox.qsize(), inbox.take(), inbox.empty(), kind_of(inbox.get_nowait), isinstance(inbox, queue.SimpleQueue)

    assert_same(body)


def test_exceptions_are_the_ones_of_the_module() -> None:
    def body() -> Any:
        caught = []
        for q in (queue.Queue(), queue.SimpleQueue(), queue.PriorityQueue()):
            try:
                q.get_nowait()
            except queue.Empty as error:
                caught.append(type(error).__qualname__)
        return caught

    assert_same(body)
