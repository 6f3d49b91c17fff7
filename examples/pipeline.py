"""A producer and two workers around a queue; the workers share a counter.

python -m interleave explore examples/pipeline.py
"""

import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import interleave


class Statistics:
    def __init__(self):
        self.done = 0

    def count(self):
        self.done += 1


@interleave.scenario
def counted_by_workers():
    """Each worker counts what it took: an update is lost where two count at once."""
    jobs, statistics = queue.Queue(), Statistics()

    def work():
        while jobs.get() is not None:
            statistics.count()

    workers = [threading.Thread(target=work, name=f"worker-{n}") for n in (1, 2)]
    for worker in workers:
        worker.start()
    for job in ("a", "b", None, None):
        jobs.put(job)
    for worker in workers:
        worker.join()
    assert statistics.done == 2, f"{statistics.done} of 2 jobs counted"


@interleave.scenario
def counted_from_futures():
    """The pool's results are counted by the one thread that asked for them."""
    statistics = Statistics()
    with ThreadPoolExecutor(max_workers=2) as pool:
        for _ in pool.map(str.upper, ["a", "b"]):
            statistics.count()
    assert statistics.done == 2
