"""Dates on Twilio's wire: written in the two forms that its clients read, read in the many in which they write them.

It asks no clock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

DATE_LENGTH_MAX: Final = 64
DATE_MIN: Final = datetime(2000, 1, 1, tzinfo=UTC)
DATE_MAX: Final = datetime(2150, 1, 1, tzinfo=UTC)
"""Dates before and after are read as these: nothing was sent then, and ids have room for no more."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_AMERICAN = re.compile(
    r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})(?: +([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)(?: +([A-Za-z]{1,4}|[+-][0-9]{4}))?)?"
)


@lru_cache(maxsize=1024)
def rfc2822(at: datetime) -> str:
    """A date of the 2010 API, `Mon, 23 Nov 2026 07:00:00 +0000`; `at` is UTC. Any other form breaks official clients.
    Remembered, since messages that came in together have one date, each twice."""
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} "
        f"{at.hour:02}:{at.minute:02}:{at.second:02} +0000"
    )


def iso8601(at: datetime) -> str:
    """A date of the v1 API, `2026-11-23T07:00:00Z`, without a fraction; `at` is UTC."""
    return f"{at.year:04}-{at.month:02}-{at.day:02}T{at.hour:02}:{at.minute:02}:{at.second:02}Z"


def iso8601_ms(at: datetime) -> str:
    """A date of an event, `2026-11-23T07:00:00.123Z`; `at` is UTC."""
    return f"{iso8601(at)[:-1]}.{at.microsecond // 1000:03}Z"


def parse_date(text: str) -> datetime | None:
    """The instant that a list's filter means, aware UTC; None when it is no date. Without a zone it is UTC.

    Read are ISO 8601, `06/11/2019 22:05:25 MST` (Twilio's examples have it) and RFC 2822.
    """
    if len(text) > DATE_LENGTH_MAX:
        return None
    try:
        at = _read(text.strip())
    except (ValueError, OverflowError, IndexError, TypeError):  # the library's reader of RFC 2822 raises all of these
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return DATE_MIN if at < DATE_MIN else DATE_MAX if at > DATE_MAX else at.astimezone(UTC)


def _read(text: str) -> datetime:
    if american := _AMERICAN.fullmatch(text):
        month, day, year, time, zone = american.groups()
        if not 1 <= int(month) <= len(_MONTHS):
            raise ValueError(month)
        return parsedate_to_datetime(f"{day} {_MONTHS[int(month) - 1]} {year} {time or '00:00:00'} {zone or '+0000'}")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return parsedate_to_datetime(text)
