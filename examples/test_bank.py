"""The account under pytest. One of these tests is meant to fail:

pytest examples/test_bank.py
"""

import pytest
from bank import Account, LockedAccount, withdraw_twice


@pytest.mark.parametrize("kind", [Account, LockedAccount])
def test_two_withdrawals(schedule, kind):
    @schedule
    def scenario():
        withdraw_twice(kind(100))


@pytest.mark.interleave(executions=200, strategy="random")
def test_refused_withdrawal_changes_nothing(schedule):
    def scenario():
        account = LockedAccount(50)
        withdraw_twice(account)
        assert account.balance == 50

    result = schedule(scenario)
    assert result.verdict != "failed"
