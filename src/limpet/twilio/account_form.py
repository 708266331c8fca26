"""Forms of the Account and Key resources.

Source: twilio.com/docs/iam/api/account and twilio.com/docs/iam/api-keys/keys-in-console. It knows neither accounts nor secrets.
"""

from __future__ import annotations

from dataclasses import dataclass

from limpet.core.model import AccountStatus
from limpet.twilio.forms import FRIENDLY_NAME_LENGTH_MAX, Form, choice, filled, invalid, text


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """Which accounts; None is any."""

    friendly_name: str | None
    status: str | None


def parse_account_change(form: Form, status_now: AccountStatus) -> str | None:
    """Read `POST /Accounts/{AC}.json`: the new name, None to keep it.

    As at Twilio an account cannot change its own status; that is for whoever runs the installation.
    """
    status = choice(form, "Status", tuple(AccountStatus))
    if status is not None and status != status_now:
        raise invalid("Status", "an account cannot change its own status")
    return text(form, "FriendlyName", FRIENDLY_NAME_LENGTH_MAX) or None


def parse_account_query(query: Form) -> AccountQuery:
    """Read the filters of `GET /Accounts.json`."""
    return AccountQuery(filled(query, "FriendlyName"), choice(query, "Status", tuple(AccountStatus)))


def parse_key_name(form: Form) -> str | None:
    """Read the forms of Keys and SigningKeys: the key's name, None when it was not given."""
    return text(form, "FriendlyName", FRIENDLY_NAME_LENGTH_MAX)
