"""Texts that people send to our numbers: kept, heard as a word on consent or a use of a mapping, and owed to the customer.

Acknowledged to the carrier only after the commit, and the customer's webhook is owed from then on. What is answered to it is
`limpet.flow.reply`'s. Source: Twilio, Messaging Services, `InboundRequestUrl` and `UseInboundWebhookOnNumber`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import structlog

from limpet.carrier.port import Inbound
from limpet.clock import Clock
from limpet.core.address import parse_recipient
from limpet.core.encoding import segment
from limpet.core.esme import address_of
from limpet.core.ids import bucket_of, person_hash
from limpet.core.media import content_type
from limpet.core.model import Direction
from limpet.core.optout import OptOutType
from limpet.core.retention import Pseudonyms
from limpet.core.routing import carrier_of
from limpet.core.status import Status
from limpet.core.sticky import Ask
from limpet.flow.assign import Assigner, Wanted
from limpet.flow.campaign_share import CampaignCounts, CampaignUse
from limpet.flow.consent import Consent, Heard, Text
from limpet.flow.directory import Directory
from limpet.flow.events import Events
from limpet.flow.owed import LEASE
from limpet.flow.parts import Came, Gathering
from limpet.flow.worker import Batcher
from limpet.store import callbacks, media, messages, mms, sticky
from limpet.store.callbacks import ESME_INBOUND, INBOUND, POST, OwedCallback
from limpet.store.database import DATABASE_AWAY, Connection, Database
from limpet.store.messages import MessageRow, Owner
from limpet.store.sticky import MappingKey
from limpet.twilio.callback import API_VERSION
from limpet.twilio.events import inbound_event
from limpet.twilio.inbound import inbound_form
from limpet.twilio.sid import media_sid, message_sid

_log = structlog.get_logger()


class Route(NamedTuple):
    """Where a text is sent on to. Without a URL it is kept and nobody is told."""

    url: str | None
    method: str = POST
    fallback_url: str | None = None
    fallback_method: str = POST


def route_of(owner: Owner) -> Route | None:
    """Where texts to a number are sent on to: the service's URL or the number's own; None when the service takes none at all."""
    if owner.service_id is None or owner.use_inbound_webhook_on_number:
        return Route(owner.sms_url or None, owner.sms_method, owner.sms_fallback_url or None, owner.sms_fallback_method)
    if owner.inbound_request_url is None:
        return None
    return Route(
        owner.inbound_request_url, owner.inbound_method or POST, owner.fallback_url, owner.fallback_method or POST
    )  # fmt: skip


class _Arrived(NamedTuple):
    """A text of a number that somebody owns, as a row; `route` None: its service takes no texts by HTTP."""

    came: Came
    row: MessageRow
    owner: Owner
    route: Route | None

    @property
    def kept(self) -> bool:
        """Whether anybody takes it: what nobody takes is not kept."""
        return self.route is not None or bool(self.owner.esmes)


class _Written(NamedTuple):
    """What one transaction wrote, for what follows its commit."""

    heard: list[Heard | None]
    owed: list[OwedCallback]


class Inbounds:
    """Writes inbound texts in batches. `sid_key` signs message SIDs, `post` takes callbacks that are committed."""

    def __init__(
        self, database: Database, directory: Directory, assigner: Assigner, consent: Consent, events: Events, clock: Clock,
        bucket_key: bytes, sid_key: bytes, new_id: Callable[[datetime], int], acknowledge: Callable[[str, Sequence[int]], None],
        decline: Callable[[str, Sequence[int]], None], post: Callable[[Sequence[OwedCallback]], None], pseudonyms: Pseudonyms,
        base_url: str = "",
    ) -> None:  # fmt: skip
        """`base_url` begins the URLs of media, as customers are told them."""
        self._database = database
        self._pseudonyms = pseudonyms
        self._directory = directory
        self._assigner = assigner
        self._consent = consent
        self._events = events
        self._clock = clock
        self._bucket_key = bucket_key
        self._sid_key = sid_key
        self._new_id = new_id
        self._acknowledge = acknowledge
        self._decline = decline
        self._post = post
        self._base_url = base_url
        self._gathering = Gathering(database, bucket_key)
        self._batcher: Batcher[Came, None] = Batcher(self._run)

    def take(self, lane: str, texts: Sequence[Inbound]) -> None:
        """Texts from a lane; each will be acknowledged or declined."""
        self._batcher.add(Came(lane, text) for text in texts)

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        await self._batcher.idle()

    async def give_on(self) -> int:
        """Give on what is there of texts whose missing parts were waited for long enough; how many rows were looked at."""
        now = self._clock.now()
        if not (keys := await self._gathering.find_due(now)):
            return 0

        async def work(connection: Connection) -> _Written:
            return await self._write(connection, await self._gathering.give_on(connection, keys, now), now)

        written = await self._database.transaction(work)
        self._consent.answered(written.heard)
        self._post(written.owed)
        return len(keys)

    async def _run(self, batch: list[Came]) -> Sequence[None]:
        now = self._clock.now()

        async def work(connection: Connection) -> _Written:
            return await self._write(connection, await self._gathering.gather(connection, batch, now), now)

        try:
            written = await self._database.transaction(work)
        except Exception as error:
            _log.warning("inbound texts not written", count=len(batch), why=error)
            if len(batch) == 1 or isinstance(error, DATABASE_AWAY):
                _answer(batch, self._decline)
            raise
        self._consent.answered(written.heard)
        _answer(batch, self._acknowledge)
        self._post(written.owed)
        return [None] * len(batch)

    async def _write(self, connection: Connection, batch: list[Came], now: datetime) -> _Written:
        arrived = await self._first(connection, await self._arrived(connection, batch, now))
        if not arrived:
            return _Written([], [])
        kept = [one.row for one in arrived if one.kept]
        if kept:
            await messages.insert(connection, kept, now)
        if said := [
            (one.row.bucket, one.row.id, one.came.text.tlvs) for one in arrived if one.kept and one.came.text.tlvs
        ]:
            await messages.keep_tlvs(connection, said)
        if with_media := [one for one in arrived if one.kept and one.came.text.media]:
            await media.insert(connection, [_new_media(one) for one in with_media], self._bucket_key)
        uses = [(one.row.bucket, name, one.row.sender or "") for one in arrived for name in self._spellings(one)]
        await sticky.refresh_inbound(connection, uses, now)
        wanted = [want for one in arrived if one.owner.heard and (want := self._wanted(one.row)) is not None]
        if wanted:
            await self._assigner.bind(connection, wanted, now, CampaignUse(CampaignCounts(), now))
        texts = [Text(one.row.recipient, one.row.sender or "", one.row.body) for one in arrived]
        heard = await self._consent.hear(connection, texts, now)
        owed = await self._owed(connection, arrived, heard, now)
        await callbacks.insert(connection, owed)
        return _Written(heard, owed)

    def _spellings(self, one: _Arrived) -> tuple[str, ...]:
        """Under what the mapping of who wrote may be."""
        person = one.row.recipient
        return (person, self._pseudonyms.of(person)) if one.owner.hides else (person,)

    async def _arrived(self, connection: Connection, batch: list[Came], now: datetime) -> list[_Arrived]:
        owners = await messages.owners_of(connection, [came.text.recipient for came in batch]) if batch else []
        found = []
        for came, owner in zip(batch, owners, strict=True):
            if owner is None:
                _log.warning("a text to a number that nobody owns was dropped", lane=came.lane)
            else:
                found.append(_Arrived(came, self._row(came.text, owner, now), owner, route_of(owner)))
        return found

    async def _first(self, connection: Connection, arrived: list[_Arrived]) -> list[_Arrived]:
        """Those that have not come before; a carrier repeats what it believes was not heard."""
        seen = [
            mms.Seen(one.row.bucket, carrier_of(one.came.lane), known, one.row.id)
            for one in arrived
            if (known := one.came.text.carrier_message_id) is not None
        ]
        if not seen:
            return arrived
        first = await mms.first_seen(connection, seen)
        repeated = {(one.bucket, one.message_id) for one in seen} - first
        return [one for one in arrived if (one.row.bucket, one.row.id) not in repeated]

    def _row(self, text: Inbound, owner: Owner, now: datetime) -> MessageRow:
        body = text.body.replace("\0", "\ufffd")  # PostgreSQL keeps no NUL
        return MessageRow(
            bucket=bucket_of(text.sender, self._bucket_key), id=self._new_id(now), account_id=owner.account_id,
            service_id=owner.service_id, member_id=None, direction=Direction.INBOUND, status=Status.RECEIVED,
            recipient=text.sender, sender=text.recipient, body=body, num_segments=segment(body).count,
            send_at=None, expires_at=now, status_callback=None, callback_events="all", num_media=len(text.media),
        )  # fmt: skip

    def _wanted(self, row: MessageRow) -> Wanted | None:
        """What a text may do to a mapping (rule S-26); nothing for one from a name or a short code, to which nobody writes."""
        to = parse_recipient(row.recipient)
        if to is None:
            return None
        ask = Ask(to, person_hash(row.recipient, self._bucket_key), row.sender, heard=True)
        return Wanted(MappingKey(row.bucket, row.service_id or 0, row.recipient), row.id, ask, 0, "inbound")

    async def _owed(
        self, connection: Connection, arrived: Sequence[_Arrived], heard: Sequence[Heard | None], now: datetime
    ) -> list[OwedCallback]:
        """The webhooks and events that these texts owe, each webhook with its number's or service's fallback."""
        accounts = {one.row.account_id for one in arrived}
        services = {one.row.service_id for one in arrived if one.row.service_id is not None}
        await self._directory.sids(connection, accounts, services)
        owed: list[OwedCallback] = []
        for one, word in zip(arrived, heard, strict=True):
            if one.route is not None and one.route.url:
                owed.append(self._callback(one, one.route, word, now))
            owed += [self._by_smpp(one, esme, now) for esme in one.owner.esmes]
            if one.kept and self._events.streams.of(one.row.account_id) is not None:
                owed += self._told(one.row, word, now)
        return owed

    def _told(self, row: MessageRow, word: Heard | None, now: datetime) -> list[OwedCallback]:
        event = inbound_event(
            message_sid=message_sid(row.bucket, row.id, media=row.num_media > 0, sid_key=self._sid_key),
            account_sid=self._directory.account_sid(row.account_id),
            messaging_service_sid=self._directory.service_sid(row.service_id),
            person=row.recipient,
            sender=row.sender or "",
            body=row.body,
            num_segments=row.num_segments,
            opt_out_type=_told(word),
            at=now,
            message=(row.bucket, row.id),
        )
        return self._events.rows(row.account_id, [event], now)

    def _by_smpp(self, one: _Arrived, esme: str, now: datetime) -> OwedCallback:
        """What a customer who speaks SMPP is owed: it waits for a bind, and no lease is needed."""
        row = one.row
        return OwedCallback(
            row.bucket, self._new_id(now), row.account_id, row.id, address_of(esme), self._form(one, None), now, 0,
            ESME_INBOUND,
        )  # fmt: skip

    def _callback(self, one: _Arrived, route: Route, word: Heard | None, now: datetime) -> OwedCallback:
        row = one.row
        return OwedCallback(
            row.bucket, self._new_id(now), row.account_id, row.id, route.url or "", self._form(one, word), now + LEASE, 0,
            INBOUND, route.method, route.fallback_url, route.fallback_method,
        )  # fmt: skip

    def _form(self, one: _Arrived, word: Heard | None) -> str:
        row = one.row
        sid = message_sid(row.bucket, row.id, media=row.num_media > 0, sid_key=self._sid_key)
        account_sid = self._directory.account_sid(row.account_id)
        at = f"{self._base_url}/{API_VERSION}/Accounts/{account_sid}/Messages/{sid}/Media"
        return inbound_form(
            message_sid=sid,
            account_sid=account_sid,
            messaging_service_sid=self._directory.service_sid(row.service_id),
            person=row.recipient,
            sender=row.sender or "",
            body=row.body,
            num_segments=row.num_segments,
            media=[
                (
                    f"{at}/{media_sid(row.bucket, row.id, place, sid_key=self._sid_key)}",
                    medium.content_type or content_type(medium.url),
                )
                for place, medium in enumerate(one.came.text.media)
            ],
            opt_out_type=_told(word),
        )


def _new_media(one: _Arrived) -> media.NewMedia:
    came_with = one.came.text.media
    urls, types = (tuple(medium.url for medium in came_with), tuple(medium.content_type for medium in came_with))
    return media.NewMedia(one.row.bucket, one.row.id, urls, None, types)


def _told(word: Heard | None) -> OptOutType | None:
    """Twilio tells the webhook of a keyword where advanced opt-out answered it."""
    return word.keyword.kind if word is not None and word.advanced else None


def _answer(batch: Sequence[Came], answer: Callable[[str, Sequence[int]], None]) -> None:
    for came in batch:
        answer(came.lane, [came.text.token])
