"""Which message in doubt an unknown receipt can speak of: by the echoed reference, else by when the carrier took it.

Carriers' clocks are measured by the receipts whose messages are known; what was measured outlives the process.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from limpet.core.carrier_clock import CarrierClock, learn, may_be_of, may_be_of_earlier_copy
from limpet.core.ids import id_time, reference_of
from limpet.core.routing import carrier_of
from limpet.core.status import Status
from limpet.flow.spellings import Came, Match
from limpet.store import receipts
from limpet.store.database import Connection, Database
from limpet.store.receipts import Tracked

WORTH_KEEPING_S = 1.0
"""A clock is written down anew when it is known better by so much."""


class CarrierClocks:
    """One process's view of carriers' clocks, by the carrier's name."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, CarrierClock] | None = None
        self._kept: dict[str, CarrierClock] = {}

    async def load(self) -> None:
        """Read what is known already, once."""
        if self._known is None:
            self._kept = await receipts.clocks(self._database)
            self._known = dict(self._kept)

    def of(self, lane: str) -> CarrierClock:
        """What is known of the clock of a lane's carrier."""
        return (self._known or {}).get(carrier_of(lane), CarrierClock())

    async def learn(self, connection: Connection, matched: Iterable[tuple[Came, Match | None]], now: datetime) -> None:
        """Measure by the receipts whose message is known by its id, and write down what is known much better than before."""
        better: dict[str, CarrierClock] = {}
        for came, mine in matched:
            if mine is None or came.receipt.submitted_at is None:
                continue
            carrier = carrier_of(came.lane)
            before = better.get(carrier) or self.of(came.lane)
            after = _measured(before, came.receipt.submitted_at, mine.tracked)
            if after is not before:
                better[carrier] = after
        for carrier, clock in sorted(better.items()):
            if _differs(clock, self._kept.get(carrier, CarrierClock())):
                await receipts.keep_clock(connection, carrier, clock, now)
                self._kept[carrier] = clock
        if better and self._known is not None:
            self._known.update(better)

    def speaks_of(self, came: Came, candidates: Sequence[Tracked], now: datetime) -> list[Tracked]:
        """Those of a person's messages in doubt that a receipt with no known id can be about, in their order.

        The echoed reference decides where the carrier echoes it. Otherwise the carrier must have taken the message after its
        claim, and nothing else may explain the receipt: neither a message whose answer is still on its way nor an earlier copy of
        one that was sent again or given up. A text that is sent twice is a nuisance, one that is taken for sent is lost.
        """
        theirs = [one for one in candidates if _same_carrier(one, came)]
        doubtful = [one for one in theirs if one.in_doubt]
        receipt = came.receipt
        if receipt.reference is not None:
            return [one for one in doubtful if receipt.reference == reference_of(one.message.key.id)]
        if receipt.submitted_at is None:
            return []
        clock, at = self.of(came.lane), receipt.submitted_at
        possible = [
            one
            for one in doubtful
            if one.message.sender == receipt.sender
            and one.message.claimed_at is not None
            and may_be_of(clock, at, one.message.claimed_at, now)
        ]
        return [] if possible and _explained(clock, at, came, theirs, now) else possible


def _measured(known: CarrierClock, submitted_at: datetime, tracked: Tracked) -> CarrierClock:
    """Only what was sent once, and answered, tells when the carrier took it."""
    claimed_at, sent_at = tracked.message.claimed_at, tracked.sent_at
    if claimed_at is None or sent_at is None or tracked.message.attempt > 1:
        return known
    return learn(known, submitted_at, claimed_at, sent_at)


def _explained(
    clock: CarrierClock, submitted_at: datetime, came: Came, theirs: Iterable[Tracked], now: datetime
) -> bool:
    """Whether the receipt can be that of a message that is not in doubt: one whose answer is still on its way, or a copy of one
    that was sent again or given up."""
    for one in theirs:
        claimed_at = one.message.claimed_at
        if one.in_doubt or claimed_at is None or one.message.sender != came.receipt.sender:
            continue
        if one.message.status == Status.SENDING and may_be_of(clock, submitted_at, claimed_at, now):
            return True
        if one.message.attempt > 1 or one.message.status == Status.FAILED:
            accepted_at = id_time(one.message.key.id)
            if may_be_of_earlier_copy(clock, submitted_at, accepted_at, claimed_at):
                return True
    return False


def _same_carrier(tracked: Tracked, came: Came) -> bool:
    lane = tracked.message.lane
    return lane is not None and carrier_of(lane) == carrier_of(came.lane)


def _differs(clock: CarrierClock, kept: CarrierClock) -> bool:
    return (
        clock.known != kept.known
        or clock.precision_s != kept.precision_s
        or abs(clock.least_s - kept.least_s) >= WORTH_KEEPING_S
        or abs(clock.most_s - kept.most_s) >= WORTH_KEEPING_S
    )
