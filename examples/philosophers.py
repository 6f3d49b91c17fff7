"""Three philosophers who each take the left fork first, and the classical repair.

python -m interleave explore examples/philosophers.py
"""

import threading


def dine(philosophers):
    """Let everybody eat once; each is a pair of forks in the order in which they are taken."""

    def eat(first, second):
        with first, second:
            pass

    threads = [threading.Thread(target=eat, args=pair, name=f"philosopher-{n}") for n, pair in enumerate(philosophers, start=1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def scenario_left_fork_first():
    """Deadlocks where everybody has taken one fork."""
    a, b, c = (threading.Lock() for _ in range(3))
    dine([(a, b), (b, c), (c, a)])


def scenario_one_order():
    """Forks are taken in one order by all: no deadlock in any schedule."""
    a, b, c = (threading.Lock() for _ in range(3))
    dine([(a, b), (b, c), (a, c)])
