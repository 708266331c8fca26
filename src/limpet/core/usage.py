"""What an account has used, by category and period: days of counts in, one count for each period out.

Source: twilio.com/docs/usage/api/usage-record. Days are UTC. It knows no messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

DAY: Final = timedelta(days=1)


class Period(StrEnum):
    """How Twilio cuts time; the words are those of its paths."""

    ALL = ""
    ALL_TIME = "AllTime"
    DAILY = "Daily"
    LAST_MONTH = "LastMonth"
    MONTHLY = "Monthly"
    THIS_MONTH = "ThisMonth"
    TODAY = "Today"
    YEARLY = "Yearly"
    YESTERDAY = "Yesterday"


@dataclass(frozen=True, slots=True)
class Day:
    """The messages of one way and kind on one day, and their segments."""

    on: date
    inbound: bool
    media: bool
    messages: int
    segments: int


@dataclass(frozen=True, slots=True)
class Used:
    """One category from `start` to `end`, both included."""

    category: str
    start: date
    end: date
    messages: int
    segments: int


CATEGORIES: Final = {
    "mms": (True, None),
    "mms-inbound": (True, True),
    "mms-outbound": (True, False),
    "sms": (False, None),
    "sms-inbound": (False, True),
    "sms-outbound": (False, False),
}
"""Whether a category is of media, and whether inbound; None is both ways."""
FIXED: Final = (Period.TODAY, Period.YESTERDAY, Period.THIS_MONTH, Period.LAST_MONTH, Period.ALL_TIME)
"""Periods that have their own dates, whatever a request says."""


def dates_of(period: Period, today: date, first: date) -> tuple[date, date]:
    """First and last day of a period that has its own dates, of all time (since `first`) for any other."""
    month = today.replace(day=1)
    last_month = (month - DAY).replace(day=1)
    own = {
        Period.TODAY: (today, today),
        Period.YESTERDAY: (today - DAY, today - DAY),
        Period.THIS_MONTH: (month, today),
        Period.LAST_MONTH: (last_month, month - DAY),
    }
    return own.get(period, (first, today))


def pieces(period: Period, start: date, end: date) -> Iterator[tuple[date, date]]:
    """A range cut into days, months or years, newest first; whole for any other period."""
    while end >= start:
        begins = {Period.DAILY: end, Period.MONTHLY: end.replace(day=1), Period.YEARLY: end.replace(month=1, day=1)}
        first = max(start, begins.get(period, start))
        yield first, end
        end = first - DAY


def used(days: Iterable[Day], categories: Iterable[str], cut: Iterable[tuple[date, date]]) -> list[Used]:
    """The counts of each category in each piece of time."""
    known, cut = list(days), list(cut)
    return [_used(known, category, *piece) for category in categories for piece in cut]


def _used(days: list[Day], category: str, start: date, end: date) -> Used:
    media, inbound = CATEGORIES[category]
    own = [
        day for day in days if day.media is media and inbound in (None, day.inbound) and start <= day.on <= end
    ]  # fmt: skip
    return Used(category, start, end, sum(day.messages for day in own), sum(day.segments for day in own))
