"""Long messages that come in parts: each is kept and acknowledged under an id of its own, and the last one makes the message.

A part that was acknowledged is in the table, so that no crash loses it. The message is made under an idempotency key, so that
none is made twice. What stays incomplete is given up, and the parts that asked for a receipt get one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from limpet.clock import Clock
from limpet.core.address import parse_recipient
from limpet.core.esme import RECEIPT_BITS, Ask, address_of, split_address
from limpet.core.ids import bucket_of
from limpet.core.status import Status as MessageStatus
from limpet.esme.submission import recipient_in, sender_in
from limpet.flow.draft import Overloaded, Rejected
from limpet.flow.repeat import Idempotency
from limpet.flow.worker import Batcher
from limpet.smpp.commands import Data, Message, Pdu
from limpet.smpp.concatenation import Part
from limpet.smpp.pdu import Splitter, encode
from limpet.store import esmes
from limpet.store.callbacks import ESME_RECEIPT
from limpet.store.database import DATABASE_AWAY, Database, Installation
from limpet.store.esmes import EsmeDelivery, StoredPart
from limpet.store.smpp_credentials import Esme, SmppCredentials
from limpet.twilio.callback import status_callback_form
from limpet.twilio.sid import message_sid

PARTS_MAX = 40
"""A body of 1600 characters has no more parts, however short clients make them."""
PATIENCE = timedelta(seconds=60)
"""So long is the next part waited for."""
SWEEP_S = 5.0
SWEEP_MAX = 100
WAITING_MAX = 5_000
EXPIRED = 30036
_FORM_HASH = bytes(16)
_log = structlog.get_logger()


class Whole(NamedTuple):
    """A long message of which all parts are there, in order, and under which key it is made. `last` completed it, and its answer
    tells what becomes of the message; None when that was in an earlier process."""

    last: StoredPart | None
    parts: tuple[StoredPart, ...]
    pdus: tuple[Pdu, ...]
    asks: tuple[Ask, ...]
    idempotency: Idempotency


class Incomplete(NamedTuple):
    """A part was kept; `sid` is its own id."""

    sid: str


class LongMessages:
    """Keeps parts. `new_id` makes row ids."""

    def __init__(
        self, database: Database, credentials: SmppCredentials, installation: Installation, clock: Clock,
        new_id: Callable[[datetime], int],
    ) -> None:  # fmt: skip
        self._database = database
        self._credentials = credentials
        self._keys = installation
        self._clock = clock
        self._new_id = new_id
        self._batcher: Batcher[StoredPart, Whole | None] = Batcher(self._add, waiting_max=WAITING_MAX)

    async def add(self, esme: Esme, pdu: Pdu, part: Part, service_sid: str | None) -> Whole | Incomplete | int:
        """Keep a part; the whole message where it is the last one, or Twilio's code for why it is not taken."""
        recipient = parse_recipient(recipient_in(pdu))
        if recipient is None:
            return 21211
        if part.total > PARTS_MAX:
            return 21617
        if self._batcher.full:
            return 20503
        kept = StoredPart(
            bucket_of(recipient.value, self._keys.bucket_key), self._new_id(self._clock.now()), esme.account.id, esme.name,
            recipient.value, sender_in(pdu), part.reference, part.total, part.number, service_sid, encode(pdu),
        )  # fmt: skip
        whole = await self._batcher.put(kept)
        return whole or Incomplete(self._sid(kept))

    async def finish(self, whole: Whole, outcome: object) -> None:
        """Forget the parts of a message that was made or refused; those whose own answer did not tell so get receipts of that.

        Of one that was only too much at the moment all but the last part stay, which the customer is to send again.
        """
        try:
            if isinstance(outcome, Overloaded):
                await esmes.take_parts(self._database, [whole.last] if whole.last else [])
            elif isinstance(outcome, Rejected):
                told = [part for part in whole.parts if part != whole.last]
                await self._give_up(told, outcome.code, whole.parts)
            else:
                await esmes.take_parts(self._database, whole.parts)
        except DATABASE_AWAY as error:  # the sweep finds them whole, and its message made
            _log.warning("parts of a long message could not be forgotten", why=error)

    async def run(self, make: Callable[[Esme, Whole], Awaitable[object]]) -> None:
        """Every SWEEP_S, give up what stays incomplete and make what a crash has left behind, for ever."""
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                await self.sweep(make)
            except DATABASE_AWAY as error:
                _log.warning("parts of long messages could not be read", why=error)

    async def sweep(self, make: Callable[[Esme, Whole], Awaitable[object]]) -> None:
        """Once: what `run` does."""
        groups = await esmes.old_parts(self._database, self._clock.now() - PATIENCE, SWEEP_MAX)
        known = await self._credentials.esmes({group[0].esme for group in groups}) if groups else {}
        for group in groups:
            whole, esme = _whole(group, None), known.get(group[0].esme)
            if whole is None or esme is None:
                _log.warning("a long message stayed incomplete", esme=group[0].esme, parts=len(group))
                await self._give_up(group, EXPIRED, group)
            else:
                await self.finish(whole, await make(esme, whole))

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        await self._batcher.idle()

    async def _add(self, batch: list[StoredPart]) -> Sequence[Whole | None]:
        """Each whole message goes to the last part of it in the batch."""
        lasts = {part.message: part for part in batch}
        groups = await esmes.add_parts(self._database, batch)
        wholes = {group[0].message: _whole(group, lasts[group[0].message]) for group in groups}
        return [wholes[part.message] if part is lasts[part.message] else None for part in batch]

    async def _give_up(self, told: Sequence[StoredPart], code: int, gone: Sequence[StoredPart]) -> None:
        now = self._clock.now()
        accounts = await self._credentials.esmes({part.esme for part in told})
        owed = [
            self._failure(part, accounts[part.esme].account.sid, code, now)
            for part in told
            if part.esme in accounts and _registered(_pdu_of(part))
        ]
        await esmes.take_parts(self._database, gone, owed)

    def _failure(self, part: StoredPart, account_sid: str, code: int, now: datetime) -> EsmeDelivery:
        form = status_callback_form(
            message_sid=self._sid(part), account_sid=account_sid, status=MessageStatus.FAILED, to=part.recipient,
            from_=part.sender, error_code=code,
        )  # fmt: skip
        asked = split_address(address_of(part.esme, [Ask(None, _registered(_pdu_of(part)))]))
        return EsmeDelivery(
            part.bucket, self._new_id(now), part.account_id, part.id, *asked, ESME_RECEIPT, form, 0, now
        )

    def _sid(self, part: StoredPart) -> str:
        return message_sid(part.bucket, part.id, media=False, sid_key=self._keys.sid_key)


def _whole(group: Sequence[StoredPart], last: StoredPart | None) -> Whole | None:
    """The message of all its parts; None while one is missing. The last part's id is the message's, the others have theirs."""
    parts = sorted(group, key=lambda part: part.number)
    if [part.number for part in parts] != list(range(1, parts[0].total + 1)):
        return None
    pdus = tuple(_pdu_of(part) for part in parts)
    asks = tuple(
        Ask(None if last is not None and part.id == last.id else part.id, registered)
        for part, pdu in zip(parts, pdus, strict=True)
        if (registered := _registered(pdu))
    )
    oldest = min(part.id for part in parts)
    return Whole(last, tuple(parts), pdus, asks, Idempotency(f"smpp-parts/{oldest:x}", _FORM_HASH))


def _pdu_of(part: StoredPart) -> Pdu:
    (pdu,) = Splitter().feed(part.pdu)
    assert isinstance(pdu, Pdu), "it was one when it was kept"
    return pdu


def _registered(pdu: Pdu) -> int:
    return pdu.body.registered_delivery & RECEIPT_BITS if isinstance(pdu.body, Message | Data) else 0
