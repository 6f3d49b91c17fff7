"""A bank account that two threads overdraw, and the same account with a lock.

python -m interleave explore examples/bank.py
"""

import threading


class Account:
    def __init__(self, balance):
        self.balance = balance

    def withdraw(self, amount):
        if self.balance >= amount:
            self.balance -= amount
            return True
        return False


class LockedAccount(Account):
    def __init__(self, balance):
        super().__init__(balance)
        self._lock = threading.Lock()

    def withdraw(self, amount):
        with self._lock:
            return super().withdraw(amount)


def withdraw_twice(account):
    threads = [threading.Thread(target=account.withdraw, args=(80,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert account.balance >= 0, f"overdrawn: {account.balance}"


def scenario_overdraw():
    """Two threads withdraw 80 of 100: fails where both look before either takes."""
    withdraw_twice(Account(100))


def scenario_locked():
    """The same with a lock around looking and taking: passes for every schedule."""
    withdraw_twice(LockedAccount(100))
