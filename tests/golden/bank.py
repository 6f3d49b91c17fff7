"""The program that the hand-made results of test_report.py talk about. Line numbers matter."""

import threading


class Account:
    def __init__(self) -> None:
        self.balance = 100
        self.lock = threading.Lock()


def withdraw(account: Account, amount: int) -> None:
    if account.balance >= amount:
        account.balance -= amount


def transfer(source: Account, target: Account, amount: int) -> None:
    with source.lock:
        with target.lock:
            source.balance -= amount
            target.balance += amount


def scenario_withdraw() -> None:
    account = Account()
    threads = [threading.Thread(target=withdraw, args=(account, 80)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert account.balance >= 0, account.balance
