import threading

import pytest


class Stock:
    def __init__(self, apples):
        self.apples = apples
        self.lock = threading.Lock()

    def sell(self):
        if self.apples > 0:
            self.apples -= 1
            return True
        return False

    def sell_locked(self):
        with self.lock:
            return self.sell()


@pytest.fixture
def customers():
    def buy(sell):
        sold = []
        threads = [threading.Thread(target=lambda: sold.append(sell())) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sold.count(True)

    return buy


@pytest.mark.parametrize("method", ["sell", "sell_locked"])
def test_last_apple_is_sold_once(schedule, customers, method):
    @schedule
    def scenario():
        stock = Stock(apples=1)
        assert customers(getattr(stock, method)) == 1


@pytest.mark.interleave(strategy="random", executions=100)
def test_two_apples_are_sold(schedule, customers):
    def scenario():
        assert customers(Stock(apples=2).sell_locked) == 2

    result = schedule(scenario)
    assert result.verdict == "passed"
    assert result.executions == 100
