"""The list of numbers that carriers took out of service on a day: which day is asked for, and the link that leads to the list.

Source: twilio.com/docs/sms/deactivated-phone-numbers. A link holds for two minutes and needs no credential.
"""

from __future__ import annotations

import hmac
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import Final
from urllib.parse import urlencode

from limpet.twilio.forms import Form, filled, invalid, missing, whole

LISTS_PATH: Final = "/deactivations/"
SUFFIX: Final = ".txt"
LINK_HOLDS: Final = timedelta(minutes=2)
_DAY_LENGTH = len("2026-11-23")
_SIGNATURE_BYTES = 16


def parse_day(query: Form) -> date:
    """Read `Date` of `GET /v1/Deactivations`, as YYYY-MM-DD; 20001 without one."""
    value = filled(query, "Date")
    if value is None:
        raise missing("Date")
    day = _day(value)
    if day is None:
        raise invalid("Date", "not a date of the form YYYY-MM-DD")
    return day


def list_link(day: date, now: datetime, key: bytes) -> str:
    """Path and query of the list of a day, for whoever has them."""
    expires = int((now + LINK_HOLDS).timestamp())
    return f"{LISTS_PATH}{day.isoformat()}{SUFFIX}?{urlencode({'Expires': expires, 'Signature': _signature(day, expires, key)})}"


def linked_day(path: str, query: Form, now: datetime, key: bytes) -> date | None:
    """The day whose list a link leads to; None when it is none of ours, or has run out."""
    day = _day(path.removeprefix(LISTS_PATH).removesuffix(SUFFIX))
    expires = whole(filled(query, "Expires") or "")
    if day is None or expires is None or expires < now.timestamp():
        return None
    signature = filled(query, "Signature") or ""
    return day if hmac.compare_digest(_signature(day, expires, key).encode(), signature.encode()) else None


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date() if len(text) == _DAY_LENGTH else None
    except ValueError:
        return None


def _signature(day: date, expires: int, key: bytes) -> str:
    told = f"{LISTS_PATH}{day.isoformat()}/{expires}"
    return blake2b(told.encode(), digest_size=_SIGNATURE_BYTES, key=key).hexdigest()
