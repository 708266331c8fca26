"""Forms of a service's pool: which sender joins, or which name.

Sources: twilio.com/docs/messaging/api/phonenumber-resource, …/alphasender-resource. It knows no services and no senders.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import phonenumbers

from limpet.core.address import AddressKind, parse_sender
from limpet.core.encoding import BODY_LENGTH_MAX
from limpet.core.errors import ApiError
from limpet.core.model import MemberState
from limpet.twilio.forms import Form, boolean, choice, filled, given, integer, invalid, missing, sid

DAILY_CONTACTS_MAX: Final = 1_000_000
WEIGHT_MAX: Final = 100
MEMBER_PARAMETERS: Final = ("Weight", "State", "DailyContacts", "DrainDays", "Replace")
"""All that a member of a pool can be told."""
DRAIN_DAYS_MAX: Final = 365
NOTIFY_DAYS_MAX: Final = 365
NOTIFY_PER_SECOND_MAX: Final = 100
COUNTRIES: Final = frozenset(phonenumbers.SUPPORTED_REGIONS)


@dataclass(frozen=True, slots=True)
class Name:
    """A name that is to join a pool; `country` is empty for all countries. `carrier` None means the first one."""

    name: str
    country: str
    carrier: str | None


def parse_member(form: Form, parameter: str, prefix: str) -> str:
    """Read the SID of the sender that is to join."""
    found = sid(form, parameter, prefix)
    if found is None:
        raise missing(parameter)
    return found


def parse_member_change(form: Form) -> dict[str, object]:
    """Read `POST …/PhoneNumbers/{PN}` (ours) as changes of a `PoolMember`: `DailyContacts`, how many new people it may get in a
    day, empty for any; `Weight`, its share of new people; `State`; `DrainDays`, for how long it goes on while it drains;
    `Replace`, whether its people get others for good while it is disabled. At least one of them."""
    changes: dict[str, object] = {}
    if given(form, "DailyContacts") is not None:
        changes["daily_contacts"] = integer(form, "DailyContacts", 0, DAILY_CONTACTS_MAX)
    if (weight := integer(form, "Weight", 0, WEIGHT_MAX)) is not None:
        changes["weight"] = weight
    if (state := choice(form, "State", tuple(MemberState))) is not None:
        changes["state"] = MemberState(state)
    if (days := integer(form, "DrainDays", 0, DRAIN_DAYS_MAX)) is not None:
        changes["drain_days"] = days
    if (replaces := boolean(form, "Replace")) is not None:
        changes["replaces"] = replaces
    if not changes:
        raise missing("DailyContacts, Weight, State, DrainDays or Replace")
    return changes


def parse_notify(form: Form) -> tuple[str | None, int | None, int | None]:
    """Read what people are told whom a swap moves (`NotifyBody`), who was in contact within `NotifyDays`, and so many a second
    (`NotifyPerSecond`). 21617 for a text that is too long."""
    body = filled(form, "NotifyBody")
    if body is not None and len(body) > BODY_LENGTH_MAX:
        raise ApiError(21617)
    days, per_second = (
        integer(form, "NotifyDays", 0, NOTIFY_DAYS_MAX),
        integer(form, "NotifyPerSecond", 1, NOTIFY_PER_SECOND_MAX),
    )
    if body is None and (days, per_second) != (None, None):
        raise invalid("NotifyBody", "without it nobody is told anything")
    return body, days, per_second


def parse_name(form: Form, carriers: Collection[str], *, destination: bool) -> Name:
    """Read `AlphaSender`, and for a `destination` sender `IsoCountryCode`; 21709 for what is no name. `Carrier` is ours."""
    value = filled(form, "AlphaSender")
    if value is None:
        raise missing("AlphaSender")
    address = parse_sender(value)
    if address is None or address.kind is not AddressKind.ALPHANUMERIC:
        raise ApiError(21709, value=value)
    carrier = choice(form, "Carrier", tuple(carriers))
    return Name(address.value, country(form, "IsoCountryCode") or "" if destination else "", carrier)


def parse_country_filter(query: Form) -> str | None:
    """Read `IsoCountryCode` of a list: empty for the name for all countries, None for all names."""
    return None if given(query, "IsoCountryCode") is None else country(query, "IsoCountryCode") or ""


def country(form: Form, name: str) -> str | None:
    """An ISO 3166-1 code of two letters, in any case."""
    value = filled(form, name)
    if value is not None and value.upper() not in COUNTRIES:
        raise invalid(name, "not the code of a country in two letters")
    return value and value.upper()
