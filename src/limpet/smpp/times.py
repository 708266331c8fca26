"""SMPP's times: sixteen characters, absolute or relative to now (SMPP 3.4 §7.1.1).

Functions of their arguments; the clock is the caller's.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_FORM = re.compile(r"([0-9]{12})([0-9])([0-9]{2})([+\-R])")
_QUARTER_HOURS_MAX = 48
_CENTURY = 2000
_DAYS = {"year": 365, "month": 30}
"""How long a relative year and month are taken to be."""


def read_time(text: str, now: datetime) -> datetime | None:
    """The instant that a schedule_delivery_time or validity_period names, aware UTC; None when it names none."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    digits, tenths, quarters, sign = match.groups()
    parts = [int(digits[at : at + 2]) for at in range(0, 12, 2)]
    if sign == "R":
        return now + _span(parts)
    offset = timedelta(minutes=15 * int(quarters)) * (1 if sign == "+" else -1)
    if int(quarters) > _QUARTER_HOURS_MAX:
        return None
    return _instant(parts, int(tenths), timezone(offset))


def write_time(at: datetime) -> str:
    """An instant as an absolute time in UTC, to the tenth of a second."""
    at = at.astimezone(UTC)
    return f"{at:%y%m%d%H%M%S}{at.microsecond // 100_000}00+"


def _span(parts: list[int]) -> timedelta:
    years, months, days, hours, minutes, seconds = parts
    days += years * _DAYS["year"] + months * _DAYS["month"]
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _instant(parts: list[int], tenths: int, zone: timezone) -> datetime | None:
    year, month, day, hour, minute, second = parts
    try:
        at = datetime(_CENTURY + year, month, day, hour, minute, second, tenths * 100_000, zone)
    except ValueError:
        return None
    return at.astimezone(UTC)
