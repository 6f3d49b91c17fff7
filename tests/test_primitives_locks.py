"""Locks behave under control as they do natively."""

from __future__ import annotations

import _thread
import copy
import pickle
import threading
import weakref
from typing import Any

import pytest
from differential import assert_same, kind_of, said

FACTORIES = {"Lock": threading.Lock, "allocate_lock": _thread.allocate_lock, "RLock": threading.RLock, "PyRLock": threading._PyRLock}


def _arguments(factory: Any) -> list[Any]:
    lock = factory()
    return [
        said(lock.acquire, False, 1),
        said(lock.acquire, blocking=False, timeout=0),
        kind_of(lock.acquire, timeout=-2),
        kind_of(lock.acquire, True, -0.5),
        kind_of(lock.acquire, timeout=1e30),
        kind_of(lock.acquire, timeout=None),
        kind_of(lock.acquire, timeout="soon"),
        kind_of(lock.acquire, 1, 2, 3),
        said(lock.acquire, timeout=0),
        said(lock.acquire, True, 0.01),
        said(lock.release),
        said(lock.acquire, timeout=5),
        said(lock.release),
    ]


def _misuse(factory: Any) -> list[Any]:
    lock = factory()
    seen: list[Any] = [said(lock.release)]
    lock.acquire()
    worker = threading.Thread(target=lambda: seen.append(said(lock.release)))
    worker.start()
    worker.join()
    seen.append(said(lock.release))
    seen.append(said(lock.release))
    return seen


def _contention(factory: Any) -> list[Any]:
    lock, seen = factory(), []

    def worker() -> None:
        seen.extend([lock.acquire(False), lock.acquire(timeout=0), lock.acquire(timeout=0.01)])

    with lock:
        thread = threading.Thread(target=worker)
        thread.start()
        thread.join()
    with pytest.raises(ZeroDivisionError), lock:
        raise ZeroDivisionError
    seen.append(lock.acquire(blocking=False))
    lock.release()
    return seen


def _identity(factory: Any) -> list[Any]:
    lock, other = factory(), factory()
    ref = weakref.ref(other)
    del other
    return [
        lock == lock,
        lock == factory(),
        lock in {lock},
        bool(lock),
        ref() is None,
        kind_of(copy.copy, lock) if factory is not threading._PyRLock else None,
        kind_of(pickle.dumps, lock),
        kind_of(setattr, lock, "colour", "red") if factory is not threading._PyRLock else None,
        repr(lock).partition(" object")[0].partition(".")[0],
        lock.__enter__(),
        lock.__exit__(None, None, None),
    ]


@pytest.mark.parametrize("name", FACTORIES)
@pytest.mark.parametrize("checked", [_arguments, _misuse, _contention, _identity])
def test_every_kind_of_lock(checked: Any, name: str) -> None:
    def body() -> Any:
        return checked(FACTORIES[name])

    assert_same(body)


def test_lock_may_be_released_by_another_thread() -> None:
    def body() -> Any:
        lock = threading.Lock()
        lock.acquire()
        thread = threading.Thread(target=lock.release)
        thread.start()
        return [
            lock.acquire(),
            lock.locked(),
            thread.join(),
            said(lock.release),
            lock.locked(),
            said(lock.acquire_lock),
            said(lock.release_lock),
        ]

    assert_same(body)


def test_rlock_counts_its_levels() -> None:
    def body() -> Any:
        lock, seen = threading.RLock(), []

        def worker() -> None:
            seen.append(("worker", lock.acquire(False)))

        def ask() -> None:
            thread = threading.Thread(target=worker)
            thread.start()
            thread.join()

        seen.append([lock.acquire(), lock.acquire(False), lock.acquire(timeout=1), lock._is_owned(), lock._recursion_count()])
        ask()
        lock.release()
        lock.release()
        seen.append((lock._is_owned(), lock._recursion_count()))
        ask()
        lock.release()
        seen.append((lock._is_owned(), lock._recursion_count(), said(lock.release), said(lock._release_save)))
        return seen

    assert_same(body)


def test_rlock_factory_takes_arguments_and_lock_does_not() -> None:
    def body() -> Any:
        return [kind_of(threading.Lock, 1), kind_of(threading.Lock, x=1), kind_of(_thread.allocate_lock, 1)]

    assert_same(body)


def test_types_are_known_by_isinstance() -> None:
    def body() -> Any:
        return [
            isinstance(threading.Lock(), _thread.LockType),
            isinstance(threading.RLock(), _thread.RLock),
            isinstance(threading.Lock(), _thread.RLock),
            isinstance(threading._CRLock(), type(threading.RLock())),
        ]

    assert_same(body)


def test_acquired_lock_may_be_dropped() -> None:
    def body() -> Any:
        lock = threading.Lock()
        lock.acquire()
        ref = weakref.ref(lock)
        del lock
        return ref() is None

    assert_same(body)
