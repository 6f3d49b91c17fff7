"""Programs whose accesses to shared places are all ordered by synchronisation: every primitive once. No race may be reported of them.

Each asserts what it is for, and shares plain attributes and items between threads in the way that its primitive allows.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait

from tests.threads import together


class Box:
    """Something with an attribute."""

    def __init__(self, value: int = 0) -> None:
        self.value = value

    def add(self) -> None:
        """Change it in two steps."""
        self.value += 1


def lock() -> None:
    box, guard = Box(), threading.Lock()

    def add() -> None:
        with guard:
            box.add()

    together(add, add)
    assert box.value == 2


def lock_tried() -> None:
    box, guard = Box(), threading.Lock()

    def add() -> None:
        if guard.acquire(blocking=False):
            box.add()
            guard.release()

    together(add, add)
    assert box.value in (1, 2)


def lock_with_timeout() -> None:
    box, guard = Box(), threading.Lock()

    def add() -> None:
        if guard.acquire(timeout=1):
            box.add()
            guard.release()

    together(add, add)


def lock_released_by_another() -> None:
    box, turn = Box(), threading.Lock()
    turn.acquire()

    def first() -> None:
        box.add()
        turn.release()

    def second() -> None:
        turn.acquire()
        box.add()

    together(first, second)
    assert box.value == 2


def lock_held_at_the_start() -> None:
    box, guard = Box(), threading.Lock()

    def add() -> None:
        with guard:
            box.add()

    with guard:
        thread = threading.Thread(target=add)
        thread.start()
        box.add()
    thread.join()
    assert box.value == 2


def critical_sections_left_between() -> None:
    box, guard = Box(), threading.Lock()

    def look_then_add() -> None:
        with guard:
            box.value
        with guard:
            box.add()

    together(look_then_add, look_then_add)
    assert box.value == 2


def rlock() -> None:
    box, guard = Box(), threading.RLock()

    def add() -> None:
        with guard, guard:
            box.add()

    together(add, add)
    assert box.value == 2


def condition() -> None:
    box, ready = Box(), threading.Condition()

    def give() -> None:
        with ready:
            box.value = 7
            ready.notify()

    def take() -> None:
        with ready:
            while not box.value:
                ready.wait()
            box.value = 0

    together(give, take)
    assert box.value == 0


def condition_with_timeout() -> None:
    box, ready = Box(), threading.Condition()

    def give() -> None:
        with ready:
            box.value = 7
            ready.notify_all()

    def take() -> None:
        with ready:
            ready.wait_for(lambda: box.value, timeout=1)

    together(give, take)


def event() -> None:
    box, done = Box(), threading.Event()

    def give() -> None:
        box.value = 7
        done.set()

    def take() -> None:
        done.wait()
        assert box.value == 7

    together(give, take, take)


def event_polled() -> None:
    box, done = Box(), threading.Event()

    def give() -> None:
        box.value = 7
        done.set()

    def take() -> None:
        if done.is_set():
            assert box.value == 7

    together(give, take)


def event_cleared() -> None:
    box, done = Box(), threading.Event()

    def give() -> None:
        box.value = 7
        done.set()
        done.clear()

    def take() -> None:
        if done.wait(timeout=1):
            assert box.value == 7

    together(give, take)


def semaphore() -> None:
    box, items = Box(), threading.Semaphore(0)

    def give() -> None:
        box.add()
        items.release()

    def take() -> None:
        items.acquire()
        assert box.value == 1

    together(give, take)


def semaphore_as_a_lock() -> None:
    box, guard = Box(), threading.BoundedSemaphore(1)

    def add() -> None:
        with guard:
            box.add()

    together(add, add)
    assert box.value == 2


def barrier() -> None:
    left, right, gate = Box(), Box(), threading.Barrier(2)

    def one() -> None:
        left.value = 1
        gate.wait()
        assert right.value == 2

    def other() -> None:
        right.value = 2
        gate.wait()
        assert left.value == 1

    together(one, other)


def barrier_twice() -> None:
    box, gate = Box(), threading.Barrier(2)

    def one() -> None:
        box.value = 1
        gate.wait()
        gate.wait()
        assert box.value == 2

    def other() -> None:
        gate.wait()
        box.value = 2
        gate.wait()

    together(one, other)


def _hand_over(channel: queue.Queue[Box]) -> None:
    def give() -> None:
        box = Box()
        box.value = 7
        channel.put(box)

    def take() -> None:
        box = channel.get()
        assert box.value == 7
        box.value = 8

    together(give, take)


def fifo() -> None:
    _hand_over(queue.Queue())


def lifo() -> None:
    _hand_over(queue.LifoQueue())


def fifo_of_one() -> None:
    box, token = Box(), queue.Queue[int](maxsize=1)

    def add() -> None:
        token.put(1)
        box.add()
        token.get()

    together(add, add)
    assert box.value == 2


class Job:
    """What a priority queue compares."""

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.comparisons = 0

    def __lt__(self, other: Job) -> bool:
        self.comparisons += 1
        other.comparisons += 1
        return self.rank < other.rank


def priorities() -> None:
    channel: queue.PriorityQueue[Job] = queue.PriorityQueue()
    together(lambda: channel.put(Job(2)), lambda: channel.put(Job(1)), lambda: channel.get().rank)


def simple_queue() -> None:
    channel: queue.SimpleQueue[Box] = queue.SimpleQueue()

    def give() -> None:
        box = Box()
        box.value = 7
        channel.put(box)

    def take() -> None:
        assert channel.get().value == 7

    together(give, take)


def queue_looked_at() -> None:
    for look in (queue.Queue.empty, queue.Queue.qsize, queue.Queue.full):
        _seen_in_queue(queue.Queue(maxsize=1), look)


def _seen_in_queue(channel: queue.Queue[int], look: Callable[[queue.Queue[int]], object]) -> None:
    box, empty = Box(), look(channel)

    def give() -> None:
        box.value = 7
        channel.put(0)

    def take() -> None:
        if look(channel) != empty:
            assert box.value == 7

    together(give, take)


def lock_looked_at() -> None:
    box, busy = Box(), threading.Lock()
    busy.acquire()

    def give() -> None:
        box.value = 7
        busy.release()

    def take() -> None:
        if not busy.locked():
            assert box.value == 7

    together(give, take)


def queue_join() -> None:
    channel: queue.Queue[Box] = queue.Queue()
    box = Box()

    def work() -> None:
        channel.get().add()
        channel.task_done()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    channel.put(box)
    channel.join()
    assert box.value == 1


def queue_mutex() -> None:
    channel: queue.Queue[int] = queue.Queue()
    box = Box()

    def add() -> None:
        with channel.mutex:
            box.add()

    together(add, add)
    assert box.value == 2


def double_hand_off() -> None:
    box, there, back = Box(), threading.Event(), queue.Queue[int]()

    def one() -> None:
        box.value = 1
        there.set()
        back.get()
        assert box.value == 2

    def other() -> None:
        there.wait()
        box.value = 2
        back.put(0)

    together(one, other)


def future() -> None:
    answer: Future[Box] = Future()

    def give() -> None:
        box = Box()
        box.value = 7
        answer.set_result(box)

    def take() -> None:
        assert answer.result().value == 7

    together(give, take)


def pool_map() -> None:
    boxes = [Box(1), Box(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Box.add, boxes))
        assert [box.value for box in boxes] == [2, 3]


def pool_submit() -> None:
    box = Box()
    with ThreadPoolExecutor(1) as pool:
        box.value = 5
        pool.submit(box.add).result()
        box.add()
    assert box.value == 7


def pool_as_completed() -> None:
    boxes = [Box(), Box()]
    with ThreadPoolExecutor(2) as pool:
        futures = {pool.submit(box.add): box for box in boxes}
        for done in as_completed(futures):
            assert futures[done].value == 1


def pool_wait() -> None:
    box = Box()
    with ThreadPoolExecutor(2) as pool:
        wait([pool.submit(box.add)])
        assert box.value == 1


def timer() -> None:
    box = Box()
    alarm = threading.Timer(1.0, box.add)
    box.value = 1
    alarm.start()
    alarm.join()
    assert box.value == 2


def start_and_join() -> None:
    box = Box()
    for _ in range(2):
        thread = threading.Thread(target=box.add)
        box.add()
        thread.start()
        thread.join()
    assert box.value == 4


def nested_threads() -> None:
    box = Box()

    def outer() -> None:
        inner = threading.Thread(target=box.add)
        inner.start()
        inner.join()
        box.add()

    together(outer)
    assert box.value == 2


def seen_dead() -> None:
    box = Box()
    thread = threading.Thread(target=box.add)
    thread.start()
    if not thread.is_alive():
        assert box.value == 1
    thread.join()


def daemon() -> None:
    box, stop = Box(), threading.Event()

    def work() -> None:
        box.add()
        stop.set()

    threading.Thread(target=work, daemon=True).start()
    stop.wait()
    assert box.value == 1


def thread_local() -> None:
    own = threading.local()

    def work() -> None:
        own.value = 0
        own.value += 1
        assert own.value == 1

    together(work, work)


def own_keys() -> None:
    table = {"a": 0, "b": 0}

    def add(key: str) -> None:
        for _ in range(2):
            table[key] += 1

    together(lambda: add("a"), lambda: add("b"))
    assert table == {"a": 2, "b": 2}


def published_object() -> None:
    """The object is initialised before anybody else can come to it."""
    boxes: queue.Queue[dict[str, Box]] = queue.Queue()

    def make() -> None:
        boxes.put({"box": Box(3)})

    together(make, lambda: boxes.get()["box"].value)


class Latest(dict[str, int]):
    """A container that has its lock as an attribute, which is read outside of it."""

    def __init__(self) -> None:
        super().__init__()
        self.guard = threading.Lock()

    def put(self, key: str) -> None:
        """Keep this key alone."""
        with self.guard:
            if len(self) == 1:
                self.clear()
            self[key] = 1


def container_with_attributes() -> None:
    latest = Latest()
    together(lambda: (latest.put("a"), latest.put("b")), lambda: latest.put("c"))
    assert len(latest) == 1


PROGRAMS = [
    lock, lock_tried, lock_with_timeout, lock_released_by_another, lock_held_at_the_start, critical_sections_left_between, rlock,
    condition, condition_with_timeout, event, event_polled, event_cleared, semaphore, semaphore_as_a_lock, barrier, barrier_twice,
    fifo, lifo, fifo_of_one, priorities, simple_queue, queue_looked_at, lock_looked_at, queue_join, queue_mutex, double_hand_off,
    future, pool_map, pool_submit, pool_as_completed, pool_wait, timer, start_and_join, nested_threads, seen_dead, daemon,
    thread_local, own_keys, published_object, container_with_attributes,
]  # fmt: skip
