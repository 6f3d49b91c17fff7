import threading


class Office:
    def __init__(self):
        self.lock = threading.Lock()
        self.last = 0
        self.given = []

    def ticket(self):
        with self.lock:
            self.last += 1
            self.given.append(self.last)


def scenario_small():
    office = Office()
    run(office.ticket, threads=2, times=1)
    assert office.given == [1, 2]


def scenario_large():
    office = Office()
    run(office.ticket, threads=3, times=3)
    assert office.given == list(range(1, 10))


def run(function, threads, times):
    def work():
        for _ in range(times):
            function()

    started = [threading.Thread(target=work) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
