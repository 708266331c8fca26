"""How a number fares: the share of its messages that arrive, that carriers take for spam, and that are answered with STOP.

Counts are of hours; windows slide over them. A number is unhealthy by the thresholds of its service, which are Telnyx's unless it
has its own. Rules S-91 to S-93 of `docs/sticky-sender.md`. Source: developers.telnyx.com, number pool, "skip unhealthy numbers".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from limpet.core.ids import day_number

FILTERED: Final = 30007
"""Twilio's code for a message that a carrier took for spam."""
DAY_H: Final = 24
UNHEALTHY_FOR: Final = timedelta(hours=1)
"""For so long at least, so that a number does not come and go with every message."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of messages. `filtered` are among the `undelivered`, and so are those that a carrier refused; `opted_out` are
    people who answered STOP. In a window they may be fractions."""

    delivered: float = 0
    undelivered: float = 0
    filtered: float = 0
    opted_out: float = 0

    @property
    def told(self) -> float:
        """Messages of which it is known what became of them."""
        return self.delivered + self.undelivered

    @property
    def delivery_rate(self) -> float | None:
        """None while nothing is known; so the others."""
        return self.delivered / self.told if self.told else None

    @property
    def filtered_rate(self) -> float | None:
        """The share of error 30007."""
        return self.filtered / self.told if self.told else None

    @property
    def opt_out_rate(self) -> float | None:
        """People who answered STOP, for each message; at most 1."""
        return min(self.opted_out / self.told, 1.0) if self.told else None

    def plus(self, other: Counts, weight: float = 1.0) -> Counts:
        """Both together, the other with a weight."""
        return Counts(
            self.delivered + weight * other.delivered, self.undelivered + weight * other.undelivered,
            self.filtered + weight * other.filtered, self.opted_out + weight * other.opted_out,
        )  # fmt: skip


NOTHING: Final = Counts()


@dataclass(frozen=True, slots=True)
class Policy:
    """What a service calls unhealthy, and whether such a number gets new people all the same. A window of fewer than
    `messages_min` messages says nothing."""

    avoid_unhealthy: bool = False
    delivery_rate_min: float = 0.25
    filtered_rate_max: float = 0.75
    opt_out_rate_max: float = 1.0
    messages_min: int = 50


class Health(StrEnum):
    """What is known of a number."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


class Complaint(StrEnum):
    """Which of a service's thresholds a number has passed."""

    DELIVERY_RATE = "delivery_rate"
    FILTERED_RATE = "filtered_rate"
    OPT_OUT_RATE = "opt_out_rate"


@dataclass(frozen=True, slots=True)
class Windows:
    """What became of a number's messages in the last hour and in the last day."""

    hour: Counts
    day: Counts


def hour_number(at: datetime) -> int:
    """Whole UTC hours since 2000-01-01."""
    return day_number(at) * DAY_H + at.astimezone(UTC).hour


def windows(hours: Mapping[int, Counts], at: datetime) -> Windows:
    """The windows that end now, of the counts by `hour_number`. Of the hour that a window ends in, the part counts that it still
    covers, as if the hour's messages had been spread evenly over it."""
    last, past = hour_number(at), at.astimezone(UTC)
    left = 1.0 - (past.minute * 60 + past.second) / 3600.0
    return Windows(_window(hours, last, 1, left), _window(hours, last, DAY_H, left))


def _window(hours: Mapping[int, Counts], last: int, length: int, left: float) -> Counts:
    total = NOTHING
    for hour in range(last - length + 1, last + 1):
        total = total.plus(hours.get(hour, NOTHING))
    return total.plus(hours.get(last - length, NOTHING), left)


def complaint(seen: Windows, policy: Policy) -> Complaint | None:
    """What is wrong with a number in the last hour or else in the last day; None where nothing is, or too little is known."""
    for window in (seen.hour, seen.day):
        if window.told >= policy.messages_min and (found := _of(window, policy)) is not None:
            return found
    return None


def _of(window: Counts, policy: Policy) -> Complaint | None:
    if (window.delivery_rate or 0.0) < policy.delivery_rate_min:
        return Complaint.DELIVERY_RATE
    if (window.filtered_rate or 0.0) > policy.filtered_rate_max:
        return Complaint.FILTERED_RATE
    return Complaint.OPT_OUT_RATE if (window.opt_out_rate or 0.0) > policy.opt_out_rate_max else None


def health(seen: Windows, policy: Policy, failing_since: datetime | None) -> Health:
    """How a number is said to be, as long as it is marked as failing or not."""
    if failing_since is not None:
        return Health.UNHEALTHY
    return Health.HEALTHY if seen.day.told >= policy.messages_min else Health.UNKNOWN


def turn(found: Complaint | None, failing_since: datetime | None, now: datetime) -> Health | None:
    """What a number becomes: UNHEALTHY with a complaint, HEALTHY again without one, at the earliest UNHEALTHY_FOR later (S-93);
    None while it stays as it is."""
    if failing_since is None:
        return None if found is None else Health.UNHEALTHY
    return Health.HEALTHY if found is None and now - failing_since >= UNHEALTHY_FOR else None
