"""Usage records and the balance: what is asked for and how it is shown. Nothing has a price here.

Sources: twilio.com/docs/usage/api/usage-record and the Balance resource of `twilio_api_v2010`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from limpet.core.usage import CATEGORIES, FIXED, Period, Used, dates_of
from limpet.twilio.forms import Form, boolean, filled, invalid
from limpet.twilio.resources import API_VERSION, Json, account_uri

DAILY_DAYS_MAX: Final = 366
EARLIEST: Final = date(2020, 1, 1)
_AGO = re.compile(r"-([0-9]{1,4})days?")
_DESCRIPTIONS: Final = {
    "mms": "MMS", "mms-inbound": "Inbound MMS", "mms-outbound": "Outbound MMS",
    "sms": "SMS", "sms-inbound": "Inbound SMS", "sms-outbound": "Outbound SMS",
}  # fmt: skip
_PERIODS: Final = {
    "all_time": Period.ALL_TIME, "daily": Period.DAILY, "last_month": Period.LAST_MONTH, "monthly": Period.MONTHLY,
    "this_month": Period.THIS_MONTH, "today": Period.TODAY, "yearly": Period.YEARLY, "yesterday": Period.YESTERDAY,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Which records: categories, first and last day, and whether those of sub-accounts count."""

    categories: tuple[str, ...]
    start: date
    end: date
    subaccounts: bool


def parse_usage_query(query: Form, period: Period, today: date, first: date) -> UsageQuery:
    """Read the filters of the usage lists. A category that does not exist here has no records."""
    first = max(first, EARLIEST)
    start, end = dates_of(period, today, first)
    asked_start, asked_end = _day(query, "StartDate", today), _day(query, "EndDate", today)
    if period not in FIXED:
        end = end if asked_end is None else asked_end
        start = min(start, end) if asked_start is None else asked_start
        if period is Period.DAILY and asked_start is None:
            start = max(start, end - timedelta(days=DAILY_DAYS_MAX - 1))
    if end < start:
        raise invalid("EndDate", "before 'StartDate'")
    if period is Period.DAILY and (end - start).days >= DAILY_DAYS_MAX:
        raise invalid("StartDate", f"more than {DAILY_DAYS_MAX} days before 'EndDate'")
    category = filled(query, "Category")
    categories = tuple(CATEGORIES) if category is None else tuple({category} & set(CATEGORIES))
    return UsageQuery(categories, start, end, boolean(query, "IncludeSubaccounts") is not False)


def usage_resource(record: Used, account_sid: str, now: datetime) -> Json:
    """A usage record (15 fields)."""
    base, query = f"{account_uri(account_sid)}/Usage/Records", urlencode({"Category": record.category})
    dates = {"StartDate": record.start.isoformat(), "EndDate": record.end.isoformat()}
    return {
        "account_sid": account_sid,
        "api_version": API_VERSION,
        "as_of": now.replace(microsecond=0).isoformat(),
        "category": record.category,
        "count": str(record.messages),
        "count_unit": "messages",
        "description": _DESCRIPTIONS[record.category],
        "end_date": record.end.isoformat(),
        "price": "0",
        "price_unit": "usd",
        "start_date": record.start.isoformat(),
        "subresource_uris": {name: f"{base}/{period}.json?{query}" for name, period in _PERIODS.items()},
        "uri": f"{base}.json?{query}&{urlencode(dates)}",
        "usage": str(record.segments),
        "usage_unit": "segments",
    }


def balance_resource(account_sid: str) -> Json:
    """The balance (3 fields): nothing is charged, so it is always 0."""
    return {"account_sid": account_sid, "balance": "0", "currency": "USD"}


def _day(query: Form, name: str, today: date) -> date | None:
    value = filled(query, name)
    if value is None:
        return None
    ago = _AGO.fullmatch(value)
    try:
        day = today - timedelta(days=int(ago[1])) if ago else date.fromisoformat(value)
    except ValueError:
        raise invalid(name, "neither a day such as 2026-11-23 nor one such as -30days") from None
    if not EARLIEST <= day <= today.replace(year=today.year + 10, day=1):
        raise invalid(name, f"before {EARLIEST} or far ahead")
    return day
