"""How much a service and its campaign may send, and how many new people a number may write to in a day.

Values and their arithmetic; who counts is `limpet.flow`'s business. Whoever else limits a service (a campaign does) says so in
the same values: a pool carries one `ServiceLimits`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

DAILY_SEGMENTS_REACHED = 30023
"""Twilio's code for a day's share that is used up."""
SCHEDULED_MAX = 500_000
"""Twilio's soft limit of an account's scheduled messages (error 35125)."""


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """Segments that a service may send in a second and in a UTC day; None for as many as its numbers can."""

    segments_per_s: float | None = None
    daily_segments: int | None = None


NO_LIMITS = ServiceLimits()
RATE_EXCEEDED, TMOBILE_REACHED = 30022, 30027
"""Twilio's codes for a campaign that sends faster than it may, and for its brand's day with T-Mobile."""


@dataclass(frozen=True, slots=True)
class CampaignShare:
    """What the ten-digit numbers of a campaign may send to the United States (S-54, S-55): segments a second, segments a day, and
    segments a day to T-Mobile, which all campaigns of a brand share. None is no cap."""

    campaign_id: int
    brand_id: int
    segments_per_s: float
    daily_segments: int | None
    tmobile_segments: int | None


def carriers_day(now: datetime) -> int:
    """The day by which carriers of the United States count, in days since 2000: it begins at midnight in Los Angeles.

    Worked out by the law (Energy Policy Act of 2005: summer time from the second Sunday of March to the first of November, at two
    in the morning), because not every system knows time zones.
    """
    standard = now.astimezone(UTC).replace(tzinfo=None) - timedelta(hours=8)
    starts = _sunday(standard.year, 3, 2).replace(hour=2)
    ends = _sunday(standard.year, 11, 1).replace(hour=1)  # two in summer time
    local = standard + timedelta(hours=1) if starts <= standard < ends else standard
    return (local - datetime(2000, 1, 1)).days  # noqa: DTZ001 - both are local


def _sunday(year: int, month: int, nth: int) -> datetime:
    """The nth Sunday of a month, at midnight."""
    first = datetime(year, month, 1)  # noqa: DTZ001 - a local date
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (nth - 1))


class Prefixes:
    """Beginnings of phone numbers, asked about in a time that does not grow with how many there are."""

    def __init__(self, prefixes: Collection[str]) -> None:
        self._prefixes = frozenset(prefixes)
        self._lengths = sorted({len(prefix) for prefix in prefixes})

    def match(self, number: str) -> bool:
        """Whether a number begins with one of them."""
        return any(number[:length] in self._prefixes for length in self._lengths)


def fitting(room: int, wanted: Collection[int]) -> list[bool]:
    """Which of these amounts fit into what room is left, each in its turn: a large one that does not fit leaves its place to
    smaller ones behind it."""
    taken = []
    for amount in wanted:
        taken.append(amount <= room)
        room -= amount if taken[-1] else 0
    return taken


def at_cap(caps: Mapping[int, int], counts: Mapping[int, int]) -> set[int]:
    """The members that have as many new people today as they may have."""
    return {member for member, cap in caps.items() if counts.get(member, 0) >= cap}
