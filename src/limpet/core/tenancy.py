"""Who may act for whom: a main account for the sub-accounts that it owns, and nobody for anybody else.

Source: twilio.com/docs/iam/api/subaccounts. It knows accounts as values, and neither credentials nor requests.
"""

from __future__ import annotations

from typing import Final

from limpet.core.model import Account, AccountStatus

SUBACCOUNTS_MAX: Final = 1000
"""How many a main account has at most, closed ones not counted; Twilio's number."""
_SEVERITY: Final = (AccountStatus.ACTIVE, AccountStatus.SUSPENDED, AccountStatus.CLOSED)


def may_act(caller: Account, *, by_key: bool, target: Account) -> bool:
    """Whether a caller may touch what belongs to `target`: its own, or a sub-account's when it came by its token.

    A main account's API keys reach the main account only; a sub-account reaches nobody but itself.
    """
    return caller.sid == target.sid or (target.owner_sid == caller.sid and not by_key)


def standing(*statuses: AccountStatus | None) -> AccountStatus:
    """What counts when several accounts are concerned: a sub-account is suspended or closed when its main account is."""
    return max((each for each in statuses if each is not None), key=_SEVERITY.index)


def may_become(now: AccountStatus, wanted: AccountStatus) -> bool:
    """Whether a main account may set this status of a sub-account: all but the way back from closed."""
    return now is not AccountStatus.CLOSED or wanted is AccountStatus.CLOSED
