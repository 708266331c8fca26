"""Forms of the Account and Key resources.

Source: twilio.com/docs/iam/api/account and twilio.com/docs/iam/api-keys/keys-in-console. It knows neither accounts nor secrets.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from limpet.core.model import Account, AccountStatus
from limpet.core.tenancy import may_become
from limpet.twilio.forms import FRIENDLY_NAME_LENGTH_MAX, Form, choice, filled, invalid, missing, text
from limpet.twilio.pool_form import COUNTRIES


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """Which accounts; None is any."""

    friendly_name: str | None
    status: str | None


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What an account becomes; None keeps it."""

    friendly_name: str | None
    status: AccountStatus | None


def parse_account_change(form: Form, account: Account, *, owned: bool) -> AccountChange:
    """Read `POST /Accounts/{AC}.json`.

    As at Twilio a main account sets the status of its sub-accounts (`owned`), and nobody that of the own account; one that
    is closed stays closed.
    """
    word = choice(form, "Status", tuple(AccountStatus))
    status = None if word is None else AccountStatus(word)
    if status is not None and status is not account.status:
        if not owned:
            raise invalid("Status", "an account cannot change its own status")
        if not may_become(account.status, status):
            raise invalid("Status", "an account that is closed stays closed")
    return AccountChange(text(form, "FriendlyName", FRIENDLY_NAME_LENGTH_MAX) or None, status)


def parse_new_account(form: Form, now: datetime) -> str:
    """Read `POST /Accounts.json`: the new sub-account's name; without one, as at Twilio, one that tells when it was made."""
    return (
        text(form, "FriendlyName", FRIENDLY_NAME_LENGTH_MAX) or f"SubAccount Created at {now:%Y-%m-%d %I:%M %p}".lower()
    )


def parse_account_query(query: Form) -> AccountQuery:
    """Read the filters of `GET /Accounts.json`."""
    return AccountQuery(filled(query, "FriendlyName"), choice(query, "Status", tuple(AccountStatus)))


def parse_countries(form: Form) -> frozenset[str] | None:
    """Read `POST …/GeoPermissions.json` (ours): the countries an account may send to, None for all."""
    value = text(form, "Countries")
    if value is None:
        raise missing("Countries")
    codes = frozenset(code.strip().upper() for code in value.split(",") if code.strip())
    if unknown := sorted(codes - COUNTRIES):
        raise invalid("Countries", f"{unknown[0][:10]} is not the code of a country in two letters")
    return codes or None


def parse_key_name(form: Form) -> str | None:
    """Read the forms of Keys and SigningKeys: the key's name, None when it was not given."""
    return text(form, "FriendlyName", FRIENDLY_NAME_LENGTH_MAX)
