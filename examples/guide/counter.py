import threading


class Counter:
    def __init__(self):
        self.value = 0
        self.lock = threading.Lock()

    def add(self):
        self.value += 1

    def add_locked(self):
        with self.lock:
            self.value += 1


def run_twice(function):
    threads = [threading.Thread(target=function) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def scenario_two_adds():
    counter = Counter()
    run_twice(counter.add)
    assert counter.value == 2, f"counted {counter.value} of 2"


def scenario_two_locked_adds():
    counter = Counter()
    run_twice(counter.add_locked)
    assert counter.value == 2, f"counted {counter.value} of 2"
