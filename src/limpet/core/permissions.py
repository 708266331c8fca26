"""Where an account may send to. Source: Twilio, messaging geographic permissions (error 21408)."""

from __future__ import annotations

from limpet.core.model import Account


def may_send_to(account: Account, country: str | None) -> bool:
    """Whether an account may send to a country; who may send to some only may not to a number that belongs to none."""
    return account.countries is None or country in account.countries
