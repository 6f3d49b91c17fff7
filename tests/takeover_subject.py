"""A module of a program whose locks, queues and functions exist long before any exploration; the subject of `test_takeover`."""

from __future__ import annotations

import collections
import functools
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Condition, Lock, RLock, Thread
from time import monotonic as clock
from time import sleep as nap
from typing import Any, NamedTuple

LOCK = Lock()
RLOCK = RLock()
CONDITION = Condition()
PLAIN_CONDITION = Condition(LOCK)
ACQUIRE, RELEASE = LOCK.acquire, LOCK.release
EVENT = threading.Event()
SEMAPHORE = threading.Semaphore(1)
QUEUE: Any = queue.Queue(1)
SIMPLE: Any = SimpleQueue()
POOL = ThreadPoolExecutor(2)
IN_A_LIST = [Lock(), RLock()]
IN_A_TUPLE = (Lock(), (RLock(), "x"))
IN_A_DICT = {"lock": Lock(), "more": {"rlock": RLock()}}
IN_A_DEQUE = collections.deque([Lock()])
BY_KEY: Any = collections.defaultdict(Lock)
PARTIAL = functools.partial(lambda lock, number: lock.acquire(False), Lock(), number=1)
MAKERS = {"lock": threading.Lock, "sleep": time.sleep}


class Named(NamedTuple):
    lock: Any
    name: str


NAMED = Named(Lock(), "named")


class Shared:
    """Locks of a class."""

    lock = Lock()
    make = staticmethod(threading.Lock)
    pause = time.sleep

    @classmethod
    def locked(cls) -> bool:
        return cls.lock.locked()


class Instance:
    def __init__(self) -> None:
        self.lock = Lock()
        self.condition = Condition(self.lock)


class Slotted:
    __slots__ = ("empty", "lock")

    def __init__(self) -> None:
        self.lock = RLock()


class Meta(type):
    """A metaclass that refuses changes."""

    def __setattr__(cls, name: str, value: Any) -> None:
        raise AttributeError(name)


class Refusing(metaclass=Meta):
    lock = Lock()


@dataclass
class Record:
    lock: Any = field(default_factory=threading.Lock)
    rlock: Any = field(default_factory=threading.RLock)


class Worker(Thread):
    """A subclass made long before."""

    def run(self) -> None:
        self.seen = clock()


INSTANCE = Instance()
SLOTTED = Slotted()
RECORD = Record()


def with_default(lock: Any = Lock(), *, other: Any = RLock(), pause: Callable[[float], None] = nap) -> tuple[Any, Any, Any]:  # noqa: B008
    return lock, other, pause


def _closure() -> Callable[[], Any]:
    lock = Lock()
    return lambda: lock


in_a_cell = _closure()


def all_locks() -> dict[str, Any]:
    """Return every lock and queue of this module by a name for the place where it is kept."""
    return {
        "global": LOCK,
        "global rlock": RLOCK,
        "condition": CONDITION._lock,
        "condition on a lock": PLAIN_CONDITION._lock,  # type: ignore[attr-defined]
        "event": EVENT._cond._lock,
        "semaphore": SEMAPHORE._cond._lock,
        "queue": QUEUE.mutex,
        "simple queue": SIMPLE,  # type: ignore[attr-defined]
        "pool": POOL._shutdown_lock,
        "list": IN_A_LIST[0],
        "list, rlock": IN_A_LIST[1],
        "tuple": IN_A_TUPLE[0],
        "inner tuple": IN_A_TUPLE[1][0],
        "dict": IN_A_DICT["lock"],
        "inner dict": IN_A_DICT["more"]["rlock"],
        "deque": IN_A_DEQUE[0],
        "partial": PARTIAL.args[0],
        "named tuple": NAMED.lock,
        "class": Shared.lock,
        "instance": INSTANCE.lock,
        "instance, condition": INSTANCE.condition._lock,  # type: ignore[attr-defined]
        "slot": SLOTTED.lock,
        "class that refuses": Refusing.lock,
        "dataclass": RECORD.lock,
        "dataclass, rlock": RECORD.rlock,
        "default": with_default()[0],
        "keyword default": with_default()[1],
        "cell": in_a_cell(),
        "bound method": ACQUIRE.__self__,
    }


def all_functions() -> dict[str, Any]:
    """Return every function and class of the primitives that this module got hold of, by a name for the place where it is kept."""
    return {
        "Lock": Lock,
        "RLock in threading": threading._CRLock,
        "SimpleQueue": SimpleQueue,
        "sleep": nap,
        "monotonic": clock,  # type: ignore[attr-defined]
        "default factory of defaultdict": BY_KEY.default_factory,
        "dict": MAKERS["lock"],
        "dict, sleep": MAKERS["sleep"],
        "static method": Shared.make,
        "class attribute": Shared.pause,
        "keyword default": with_default()[2],
    }
