"""What a list is asked for: which page, and which of its rows.

Sources: twilio.com/docs/usage/twilios-response#pagination and the list parameters of each resource. It knows no rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from limpet.core.address import AddressKind, parse_sender
from limpet.core.errors import ApiError
from limpet.core.page import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, PageRequest, parse_token
from limpet.twilio.dates import parse_date
from limpet.twilio.forms import Form, boolean, filled, invalid, text, whole

PAGE_NUMBER_MAX: Final = 1_000_000
FILTER_LENGTH_MAX: Final = 64
PAGING: Final = ("PageSize", "Page", "PageToken")
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class MessageQuery:
    """Which messages: addresses normalised, times half-open and aware UTC."""

    to: str | None
    from_: str | None
    sent_from: datetime | None
    sent_to: datetime | None


@dataclass(frozen=True, slots=True)
class NumberQuery:
    """Which numbers: `address_pattern` is a number, or a part of one with `*` for any run of characters."""

    address_pattern: str | None
    friendly_name: str | None


def parse_page(query: Form) -> PageRequest:
    """The page that is asked for. A size over the maximum becomes the maximum, as at Twilio; a bad token is 21481.

    A page beyond the first can only be reached by its token: there is no counting to it.
    """
    size = _number(query, "PageSize", 1)
    number = _number(query, "Page", 0) or 0
    token = filled(query, "PageToken")
    places = (None, None) if token is None else parse_token(token)
    if places is None:
        raise ApiError(21481, value=token)
    if number > PAGE_NUMBER_MAX or (number and token is None):
        raise invalid("Page", "a further page is reached by the URI that the page before it gives")
    after, before = places
    return PageRequest(min(size or PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX), number, after, before)


def parse_message_query(query: Form) -> MessageQuery:
    """Read the filters of `GET …/Messages.json`.

    `DateSent` is a whole UTC day; `DateSent<` and `DateSent>` are instants and include their own second, a date alone being
    its first midnight.
    """
    start, end = _at(query, "DateSent>"), _at(query, "DateSent<", inclusive=True)
    if (value := filled(query, "DateSent")) is not None:
        day = _parsed(value, "DateSent").replace(hour=0, minute=0, second=0, microsecond=0)
        start = max(start or day, day)
        end = min(end or day + _DAY, day + _DAY)
    return MessageQuery(_address(query, "To"), _address(query, "From"), start, end)


def parse_number_query(query: Form) -> NumberQuery:
    """Read the filters of `GET …/IncomingPhoneNumbers.json`; `Beta` and `Origin` are checked and make no difference."""
    boolean(query, "Beta")
    text(query, "Origin", FILTER_LENGTH_MAX)
    pattern = text(query, "PhoneNumber", FILTER_LENGTH_MAX) or None
    name = text(query, "FriendlyName", FILTER_LENGTH_MAX) or None
    return NumberQuery(None if pattern is None else _pattern(pattern), name)


def _pattern(value: str) -> str:
    """A whole number in its normal form, a part of one without punctuation, anything else as it is: that matches nothing."""
    address = parse_sender(value)
    if address is not None and address.kind is AddressKind.PHONE:
        return address.value
    return re.sub(r"[^0-9*+]", "", value) or value


def _number(query: Form, name: str, least: int) -> int | None:
    value = filled(query, name)
    number = None if value is None else whole(value)
    if value is not None and (number is None or number < least):
        raise invalid(name, f"not a whole number from {least}")
    return number


def _address(query: Form, name: str) -> str | None:
    """A filter that is no address matches nothing, as at Twilio."""
    value = text(query, name, FILTER_LENGTH_MAX) or None
    address = None if value is None else parse_sender(value)
    return value if address is None else address.value


def _at(query: Form, name: str, *, inclusive: bool = False) -> datetime | None:
    value = filled(query, name)
    if value is None:
        return None
    return _parsed(value, name) + (_SECOND if inclusive else timedelta())


def _parsed(value: str, name: str) -> datetime:
    at = parse_date(value)
    if at is None:
        raise invalid(name, "not a date")
    return at
