"""Which carrier a message takes: by destination where the operator says so, else its sender's, else one that may take its place.

Rules S-74 to S-77 of `docs/sticky-sender.md`. Pure: what is known of lanes comes in as values, with the time. A route chooses a
carrier and never a sender, so no conversation changes its number by it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

PREFIX_LENGTH_MAX = 16
"""A plus sign and the fifteen digits of E.164."""
UNSEEN_AFTER = timedelta(seconds=20)
"""A lane of which its owner has said nothing for so long has none: nobody is bound for it."""


class Mode(StrEnum):
    """What an operator wants of a carrier (S-77)."""

    ACTIVE = "active"
    DRAINING = "draining"
    """Nothing that is accepted from now on; what was accepted before is still sent."""
    PAUSED = "paused"
    """Nothing is submitted; answers, receipts and texts still come in."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An operator's word on a carrier, and since when it holds."""

    mode: Mode
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Route:
    """Messages to numbers that begin with `prefix` take `carrier`; with a `sender_country` only those of its senders."""

    prefix: str
    carrier: str
    sender_country: str = ""


@dataclass(frozen=True, slots=True)
class Pulse:
    """What is known of a lane: whether it is bound, since when it is so, and when its owner last said so."""

    bound: bool
    since: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a lane must be down before others take its messages, and bound before it has them back (S-75)."""

    over: timedelta = timedelta(seconds=30)
    back: timedelta = timedelta(seconds=30)


class Routes:
    """The operator's routes. Without any, nothing is asked."""

    def __init__(self, routes: Iterable[Route] = (), standby: Mapping[str, Sequence[str]] | None = None) -> None:
        """`standby` names for each carrier those that may take its place, in order."""
        self._by_prefix = {(route.prefix, route.sender_country): route.carrier for route in routes}
        self._longest = max((len(prefix) for prefix, _ in self._by_prefix), default=0)
        self._standby = dict(standby or {})

    def __bool__(self) -> bool:
        """Whether there is any route."""
        return self._longest > 0

    def carrier(self, recipient: str, sender_country: str) -> str | None:
        """The carrier of the longest prefix that fits, that of the sender's country first; None where none fits (S-74)."""
        for length in range(min(self._longest, len(recipient)), 0, -1):
            prefix = recipient[:length]
            for country in (sender_country, ""):
                if (found := self._by_prefix.get((prefix, country))) is not None:
                    return found
        return None

    def others(self, carrier: str, also_through: Sequence[str] | None) -> Sequence[str]:
        """Carriers that may take the place of this one: the sender's own, where it names any, else the carrier's (S-75)."""
        return self._standby.get(carrier, ()) if also_through is None else also_through

    @property
    def substitutes(self) -> frozenset[str]:
        """Every carrier that the operator named as one that takes another's place."""
        return frozenset(other for others in self._standby.values() for other in others)


def closed_lanes(
    lanes: Collection[str], pulses: Mapping[str, Pulse], wishes: Mapping[str, Wish], before: Collection[str],
    patience: Patience, now: datetime,
) -> frozenset[str]:  # fmt: skip
    """The lanes that take no new messages: of carriers that are paused or draining, and those that are down for too long.

    `before` are those that were closed: they open only after they have been bound for a while (S-76). A lane of which nothing is
    known is open.
    """
    return frozenset(
        lane for lane in lanes if carrier_of(lane) in wishes or _down(pulses.get(lane), lane in before, patience, now)
    )


@lru_cache(maxsize=1024)
def carrier_of(lane: str) -> str:
    """`simulated` of `simulated/0`."""
    return lane.rpartition("/")[0]


def _down(pulse: Pulse | None, before: bool, patience: Patience, now: datetime) -> bool:
    if pulse is None:
        return False
    if now - pulse.seen_at > UNSEEN_AFTER:
        return now - pulse.seen_at >= patience.over
    if pulse.bound:
        return before and now - pulse.since < patience.back
    return before or now - pulse.since >= patience.over
