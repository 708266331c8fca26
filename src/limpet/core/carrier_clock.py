"""How far a carrier's clock is from ours, learned from receipts: a receipt says by the carrier's clock when it took a message.

Of a message that is known to have been taken between its claim and its answer, the receipt's submit date says where the carrier's
clock stood then. Each such message narrows the interval; the minute that most carriers round down to is allowed for. Carriers
that write their local time are only ones whose clock is hours away.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

MINUTE_S, SECOND_S = 60.0, 1.0
UNKNOWN_S: Final = 120.0
"""A clock that nothing is known of is taken to be this near to ours."""
TRANSIT: Final = timedelta(seconds=10)
"""So long after its claim a copy may still have been taken when its answer was lost (the response time-out of a bind)."""


class CarrierClock(NamedTuple):
    """The carrier's clock minus ours lies between `least_s` and `most_s`, in seconds; its dates are rounded down to
    `precision_s`."""

    least_s: float = -UNKNOWN_S
    most_s: float = UNKNOWN_S
    precision_s: float = MINUTE_S
    known: bool = False

    def taken(self, submitted_at: datetime) -> tuple[datetime, datetime]:
        """Between which moments of our clock the carrier took what it says it took then."""
        earliest = submitted_at - timedelta(seconds=self.most_s)
        return earliest, submitted_at + timedelta(seconds=self.precision_s - self.least_s)


def learn(known: CarrierClock, submitted_at: datetime, claimed_at: datetime, answered_at: datetime) -> CarrierClock:
    """What is known after one more receipt of a message that was claimed and answered at these moments of our clock.

    A receipt that contradicts what was known (the clock was set, summer time began) starts anew.
    """
    precision_s = SECOND_S if submitted_at.second else known.precision_s
    least_s = (submitted_at - answered_at).total_seconds()
    most_s = (submitted_at - claimed_at).total_seconds() + precision_s
    if not known.known or least_s > known.most_s or most_s < known.least_s:
        return CarrierClock(least_s, most_s, precision_s, known=True)
    if least_s <= known.least_s and most_s >= known.most_s and precision_s == known.precision_s:
        return known
    return CarrierClock(max(least_s, known.least_s), min(most_s, known.most_s), precision_s, known=True)


def may_be_of(clock: CarrierClock, submitted_at: datetime, claimed_at: datetime, now: datetime) -> bool:
    """Whether a receipt with this submit date can speak of a message that was claimed then, and never answered.

    A carrier cannot have taken it before its claim: the receipt of an earlier message must not close a later one. A date that
    would lie in the future shows that the clock is not where it is thought to be.
    """
    earliest, latest = clock.taken(submitted_at)
    return latest >= claimed_at and earliest <= now


def may_be_of_earlier_copy(
    clock: CarrierClock, submitted_at: datetime, accepted_at: datetime, claimed_at: datetime
) -> bool:
    """Whether it can be the receipt of a copy of a message that left before its last claim: it was accepted from its customer,
    sent, never answered, and sent again."""
    earliest, latest = clock.taken(submitted_at)
    return latest >= accepted_at and earliest <= claimed_at + TRANSIT
