"""Texts that people send to our numbers: kept, and counted as a use of the mapping that points at that number (rule S-21).

Acknowledged to the carrier only after the commit. Whom the customer wants to be told, and what is answered, is not this file's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from limpet.carrier.port import Inbound
from limpet.clock import Clock
from limpet.core.encoding import segment
from limpet.core.ids import bucket_of, day_number
from limpet.core.model import Direction
from limpet.core.status import Status
from limpet.flow.consent import Consent, Heard, Text
from limpet.flow.worker import Batcher
from limpet.store import messages, sticky
from limpet.store.database import DATABASE_AWAY, Connection, Database
from limpet.store.messages import MessageRow

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Came:
    """An inbound text with the lane it came in on."""

    lane: str
    text: Inbound


class Inbounds:
    """Writes inbound texts in batches."""

    def __init__(
        self, database: Database, consent: Consent, clock: Clock, bucket_key: bytes, new_id: Callable[[datetime], int],
        acknowledge: Callable[[str, Sequence[int]], None], decline: Callable[[str, Sequence[int]], None],
    ) -> None:  # fmt: skip
        self._database = database
        self._consent = consent
        self._clock = clock
        self._bucket_key = bucket_key
        self._new_id = new_id
        self._acknowledge = acknowledge
        self._decline = decline
        self._batcher: Batcher[Came, None] = Batcher(self._run)

    def take(self, lane: str, texts: Sequence[Inbound]) -> None:
        """Texts from a lane; each will be acknowledged or declined."""
        for text in texts:
            self._batcher.put(Came(lane, text))

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        await self._batcher.idle()

    async def _run(self, batch: list[Came]) -> Sequence[None]:
        try:
            heard = await self._database.transaction(lambda connection: self._write(connection, batch))
        except Exception as error:
            _log.warning("inbound texts not written", count=len(batch), why=repr(error))
            if len(batch) == 1 or isinstance(error, DATABASE_AWAY):
                _answer(batch, self._decline)
            raise
        self._consent.answered(heard)
        _answer(batch, self._acknowledge)
        return [None] * len(batch)

    async def _write(self, connection: Connection, batch: list[Came]) -> list[Heard | None]:
        now = self._clock.now()
        owners = await messages.owners_of(connection, [came.text.recipient for came in batch])
        rows = []
        for came, owner in zip(batch, owners, strict=True):
            if owner is None:
                _log.warning("a text to a number that nobody owns was dropped", lane=came.lane)
            else:
                rows.append(self._row(came.text, owner, now))
        if not rows:
            return []
        await messages.insert(connection, rows, now)
        texts = [(row.bucket, row.recipient, row.sender or "") for row in rows]
        await sticky.refresh_inbound(connection, texts, day_number(now))
        return await self._consent.hear(
            connection, [Text(row.recipient, row.sender or "", row.body) for row in rows], now
        )

    def _row(self, text: Inbound, owner: messages.Owner, now: datetime) -> MessageRow:
        body = text.body.replace("\0", "\ufffd")  # PostgreSQL keeps no NUL
        return MessageRow(
            bucket=bucket_of(text.sender, self._bucket_key), id=self._new_id(now), account_id=owner.account_id,
            service_id=owner.service_id, member_id=None, direction=Direction.INBOUND, status=Status.RECEIVED,
            recipient=text.sender, sender=text.recipient, body=body, num_segments=segment(body).count,
            send_at=None, expires_at=now, status_callback=None, callback_events="all",
        )  # fmt: skip


def _answer(batch: Sequence[Came], answer: Callable[[str, Sequence[int]], None]) -> None:
    for came in batch:
        answer(came.lane, [came.text.token])
