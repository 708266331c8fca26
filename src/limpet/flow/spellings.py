"""What has been learned of how carriers spell ids in receipts: guessed once, from a match that can mean nothing else, then kept.

A carrier of which nothing is known is looked at closely: a person's messages without a receipt are compared with the receipt, in
every way of `limpet.core.spelling`. What is learned is kept for all processes and used from then on; no guess changes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import structlog

from limpet.carrier.port import Receipt
from limpet.core.routing import carrier_of
from limpet.core.spelling import AS_IT_STANDS, TELLING_LENGTH, Spelling, learn, read_spelling, spell
from limpet.store import receipts
from limpet.store.database import Connection, Database
from limpet.store.receipts import Tracked

CERTAIN_LENGTH = 4
"""An id this long that stands in an answer and in a receipt alike is not so by chance."""
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Came:
    """A receipt with the lane it came in on and the bucket of the person it speaks of."""

    lane: str
    bucket: int
    receipt: Receipt
    kept_id: int | None = None
    """Its row among the kept ones, where it has been kept before: kept again it does not become younger."""


class Match(NamedTuple):
    """A message with the id, as its answer spelled it, that a receipt means."""

    tracked: Tracked
    carrier_message_id: str


class Guess(NamedTuple):
    """The same, and what it teaches."""

    tracked: Tracked
    carrier_message_id: str
    spelling: Spelling


class Spellings:
    """One process's view of what is known, by the carrier's name."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Spelling] | None = None

    async def load(self) -> None:
        """Read what is known already, once."""
        if self._known is None:
            kept = await receipts.spellings(self._database)
            self._known = {carrier: way for carrier, text in kept.items() if (way := read_spelling(text))}

    def ids(self, carrier: str, receipt_id: str) -> tuple[str, ...]:
        """What to look for: the id as it stands, and first as the carrier is known to mean it."""
        way = (self._known or {}).get(carrier)
        meant = None if way is None or way == AS_IT_STANDS else spell(way, receipt_id)
        return (receipt_id,) if meant is None or meant == receipt_id else (receipt_id, meant)

    def learned(self, ways: Mapping[str, Spelling]) -> None:
        """These are committed."""
        if ways and self._known is not None:
            self._known = {**ways, **self._known}

    def found(self, came: Came, mine: Match | None) -> None:
        """A receipt was matched: where that was by its id as it stands, and the id is long enough to tell, nothing need be
        guessed of the carrier any more. That is seen soon enough by every process for itself."""
        if self._known is not None and mine is not None and self._may_learn(came):
            receipt_id = came.receipt.carrier_message_id or ""
            if mine.carrier_message_id == receipt_id and len(receipt_id) >= CERTAIN_LENGTH:
                self._known = {**self._known, carrier_of(came.lane): AS_IT_STANDS}

    async def guess(self, connection: Connection, strangers: Sequence[Came], oldest_id: int) -> dict[Came, Guess]:
        """The messages that receipts with unknown ids can only mean, where their carriers' spelling is not known yet. Of one
        carrier's nothing is answered that contradicts its first."""
        asking = [came for came in strangers if self._may_learn(came)]
        if not asking:
            return {}
        people = [(came.bucket, came.receipt.recipient) for came in asking]
        found: dict[Came, Guess] = {}
        ways: dict[str, Spelling] = {}
        for came, theirs in zip(asking, await receipts.candidates(connection, people, oldest_id), strict=True):
            guess = only_guess(came, theirs)
            if guess is not None and ways.setdefault(carrier_of(came.lane), guess.spelling) == guess.spelling:
                found[came] = guess
        return found

    async def learn(
        self, connection: Connection, guessed: Mapping[Came, Guess], now: datetime
    ) -> Mapping[str, Spelling]:
        """Write down what guesses teach; `learned` is told of it once it is committed."""
        ways = {carrier_of(came.lane): guess.spelling for came, guess in guessed.items()}
        for carrier, way in sorted(ways.items()):
            await receipts.learn_spelling(connection, carrier, str(way), now)
            _log.info("learned how a carrier spells ids in receipts", carrier=carrier, spelling=str(way))
        return ways

    def _may_learn(self, came: Came) -> bool:
        receipt_id = came.receipt.carrier_message_id or ""
        return carrier_of(came.lane) not in (self._known or {}) and len(receipt_id) >= TELLING_LENGTH


def only_guess(came: Came, theirs: Sequence[Tracked]) -> Guess | None:
    """The one message among a person's that a receipt can mean in some spelling; None where none or several could be meant."""
    guesses = [
        Guess(tracked, answer_id, way)
        for tracked in theirs
        if of_carrier(tracked, came.lane) and tracked.message.sender == came.receipt.sender
        for answer_id in tracked.carrier_message_ids
        if (way := learn(came.receipt.carrier_message_id or "", answer_id)) is not None
    ]
    return guesses[0] if len(guesses) == 1 else None


def of_carrier(tracked: Tracked, lane: str) -> bool:
    """Carriers number for themselves: the same id from another carrier is another message's."""
    return carrier_of(tracked.message.lane or "") == carrier_of(lane)
