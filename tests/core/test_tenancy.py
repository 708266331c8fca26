"""Who may act for whom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limpet.core.model import Account, AccountStatus
from limpet.core.tenancy import may_act, may_become, standing
from tests.support.clock import NOW

ACTIVE, SUSPENDED, CLOSED = AccountStatus.ACTIVE, AccountStatus.SUSPENDED, AccountStatus.CLOSED
MAIN = Account(1, "AC1", "main", ACTIVE, NOW, NOW)
SUB = replace(MAIN, id=2, sid="AC2", owner_sid="AC1")
SIBLING = replace(SUB, id=3, sid="AC3")
OTHER = replace(MAIN, id=4, sid="AC4")
OTHERS_SUB = replace(MAIN, id=5, sid="AC5", owner_sid="AC4")


@pytest.mark.parametrize(
    ("caller", "by_key", "target", "may"),
    [
        (MAIN, False, MAIN, True),
        (MAIN, True, MAIN, True),
        (MAIN, False, SUB, True),
        (MAIN, True, SUB, False),
        (SUB, False, SUB, True),
        (SUB, True, SUB, True),
        (SUB, False, MAIN, False),
        (SUB, False, SIBLING, False),
        (MAIN, False, OTHER, False),
        (MAIN, False, OTHERS_SUB, False),
        (OTHER, False, SUB, False),
    ],
)
def test_a_main_account_acts_for_what_it_owns_and_nobody_else_for_anybody(
    caller: Account, by_key: bool, target: Account, may: bool
) -> None:
    assert may_act(caller, by_key=by_key, target=target) is may


@pytest.mark.parametrize(
    ("statuses", "counts"),
    [
        ((ACTIVE, None), ACTIVE),
        ((ACTIVE, ACTIVE), ACTIVE),
        ((ACTIVE, SUSPENDED), SUSPENDED),
        ((SUSPENDED, ACTIVE), SUSPENDED),
        ((SUSPENDED, CLOSED), CLOSED),
        ((CLOSED, ACTIVE), CLOSED),
    ],
)
def test_the_worse_status_counts(statuses: tuple[AccountStatus | None, ...], counts: AccountStatus) -> None:
    assert standing(*statuses) is counts


@pytest.mark.parametrize("wanted", AccountStatus)
def test_what_is_closed_stays_closed(wanted: AccountStatus) -> None:
    assert may_become(ACTIVE, wanted)
    assert may_become(SUSPENDED, wanted)
    assert may_become(CLOSED, wanted) is (wanted is CLOSED)
