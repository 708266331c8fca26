"""Takes messages in: what arrived together becomes rows, bound and claimed where that can be done now, in one transaction.

The answer is given after the commit and shows Twilio's states, whatever shortcut the rows took. Which sender is
`limpet.flow.assign`'s question; how a request reads is `limpet.web`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import asyncpg

from limpet.clock import Clock
from limpet.core.address import Address
from limpet.core.encoding import Segmented, segment
from limpet.core.ids import BUCKETS, person_hash
from limpet.core.lookalikes import smart_encoded
from limpet.core.media import with_link
from limpet.core.model import Account, Capability, Direction, Message, SenderKind, Service
from limpet.core.optout import OPTED_OUT
from limpet.core.permissions import may_send_to
from limpet.core.selection import Refusal, reaches
from limpet.core.status import Status
from limpet.core.sticky import Ask
from limpet.flow.assign import Assigner, Wanted
from limpet.flow.directory import Directory
from limpet.flow.dispatch import Dispatcher
from limpet.flow.lanes import Flight, Reservation
from limpet.flow.owed import Owed, Told
from limpet.flow.repeat import Claim, Idempotency, Misused, SameBatch, place_of, settle
from limpet.flow.rows import QUEUE_FULL, Way, claims_of, due_of, first_change, outgoing_of, place, refuse, route
from limpet.flow.worker import Batcher
from limpet.store import callbacks, dispatch, idempotency, media, messages
from limpet.store.callbacks import OwedCallback
from limpet.store.database import DATABASE_AWAY, Connection, Database
from limpet.store.dispatch import Claim as LaneClaim
from limpet.store.dispatch import Due
from limpet.store.media import NewMedia
from limpet.store.messages import MessageRefusal, MessageRow
from limpet.store.pools import ServiceOwner
from limpet.store.sticky import MappingKey

VALIDITY_PERIOD_S = 36_000
"""Twilio's default for messages without a service."""
SERVICE_UNKNOWN, POOL_EMPTY, FROM_NOT_IN_POOL, FROM_NOT_OWNED, FROM_QUEUE_FULL, NOT_PERMITTED = (
    21701, 21704, 21711, 21606, 21611, 21408,
)  # fmt: skip
UNREACHABLE = {
    SenderKind.SHORT_CODE: 21659,
    SenderKind.ALPHANUMERIC: 21612,
    SenderKind.DESTINATION_ALPHA: 21612,
    SenderKind.WHATSAPP: 21606,
}
"""What is said of a plain From that cannot write to the recipient's place."""
_ANSWERED_AT_ONCE = frozenset({SERVICE_UNKNOWN, POOL_EMPTY, FROM_NOT_IN_POOL})


@dataclass(frozen=True, slots=True)
class Media:
    """URLs that go with a message, and the link that stands for them in its text: `link` ends with `code`."""

    urls: tuple[str, ...]
    link: str
    code: str


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message as a customer asks for it. `sender` is the From that was named, normalised; without it the service chooses.

    `smart_encoded` None leaves it to the service; without a service it is off.
    """

    account: Account
    service_sid: str | None
    sender: str | None
    recipient: Address
    body: str
    status_callback: str | None
    callback_events: str | None
    validity_period_s: int | None
    send_at: datetime | None
    smart_encoded: bool | None = None
    idempotency: Idempotency | None = None
    direction: Direction = Direction.OUTBOUND_API
    media: Media | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not taken: Twilio's code and what its text names."""

    code: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Overloaded:
    """Not taken: too much waits already, or the database is away. Nothing was written; the client may come again."""


Answer = Message | Rejected | Overloaded | Misused


@dataclass(slots=True)
class _Draft:
    """A message of the batch on its way to a row."""

    new: NewMessage
    person: int
    body: str
    content: Segmented
    owner: ServiceOwner | None
    row: MessageRow | None = None
    rejected: Rejected | None = None
    repeats: Message | Misused | _Draft | None = None
    """What the request under its key has made already, or the draft of this batch that makes it."""


@dataclass(slots=True)
class _Written:
    """What one transaction wrote, for what follows its commit."""

    flights: list[Flight] = field(default_factory=list)
    owed: list[OwedCallback] = field(default_factory=list)
    waiting: list[Due] = field(default_factory=list)
    claims: list[LaneClaim] = field(default_factory=list)


class Accept:
    """The one way in for messages. `bucket_key` places people, `new_id` makes row ids; at most `waiting_max` wait."""

    def __init__(
        self, database: Database, directory: Directory, assigner: Assigner, dispatcher: Dispatcher, owed: Owed,
        clock: Clock, bucket_key: bytes, new_id: Callable[[datetime], int], waiting_max: int,
    ) -> None:  # fmt: skip
        self._database = database
        self._directory = directory
        self._assigner = assigner
        self._dispatcher = dispatcher
        self._owed = owed
        self._clock = clock
        self._bucket_key = bucket_key
        self._new_id = new_id
        self._batcher: Batcher[NewMessage, Answer] = Batcher(self._run, waiting_max=waiting_max)

    async def submit(self, new: NewMessage) -> Answer:
        """Take a message: the message as Twilio shows it at creation, committed; or why it was not taken."""
        if self._batcher.full:
            return Overloaded()
        try:
            return await self._batcher.put(new)
        except DATABASE_AWAY:
            return Overloaded()

    async def cancel(self, account: Account, bucket: int, message_id: int) -> Message | MessageRefusal:
        """Cancel a message that is still scheduled; it leaves no trace in any mapping (rule S-19)."""
        now = self._clock.now()

        async def work(connection: Connection) -> tuple[Message | MessageRefusal, list[OwedCallback]]:
            done = await messages.cancel(connection, account.id, bucket, message_id, now)
            if isinstance(done, MessageRefusal):
                return done, []
            canceled, outgoing = done
            await dispatch.take(connection, [outgoing.key])
            owed = await self._owed.rows([Told(outgoing, Status.CANCELED)], now)
            await callbacks.insert(connection, owed)
            return canceled, owed

        answer, owed = await self._database.transaction(work)
        self._dispatcher.post_callbacks(owed)
        return answer

    async def idle(self) -> None:
        """Wait until no batch is under way."""
        await self._batcher.idle()

    async def _run(self, batch: list[NewMessage]) -> Sequence[Answer]:
        drafts = [await self._draft(new) for new in batch]
        now = self._clock.now()
        reservation, written = Reservation(self._dispatcher.fleet), _Written()

        async def work(connection: Connection) -> None:
            nonlocal written
            reservation.give_back()  # what a former try of the same transaction took
            written = _Written()
            await self._write(connection, drafts, reservation, written, now)

        try:
            await self._database.transaction(work)
        except BaseException:
            self._dispatcher.fleet.suspect(written.claims)
            raise
        finally:
            reservation.give_back()
        self._dispatcher.launch(written.flights)
        self._dispatcher.post_callbacks(written.owed)
        self._dispatcher.fleet.waiting(due.lane for due in written.waiting)
        return [_answer(draft, now) for draft in drafts]

    async def _draft(self, new: NewMessage) -> _Draft:
        owner = await self._directory.service_owner(new.service_sid) if new.service_sid else None
        body = smart_encoded(new.body) if new.smart_encoded else new.body
        if new.media is not None:  # no carrier takes media yet: the MMS converter's link goes in their place
            body = with_link(body, new.media.link)
        draft = _Draft(new, person_hash(new.recipient.value, self._bucket_key), body, segment(body), owner)
        if new.service_sid and (owner is None or owner.account_id != new.account.id):
            draft.rejected = Rejected(SERVICE_UNKNOWN, {"service": new.service_sid})
        elif not may_send_to(new.account, new.recipient.country):
            draft.rejected = Rejected(NOT_PERMITTED, {})
        return draft

    async def _write(
        self, connection: Connection, drafts: list[_Draft], reservation: Reservation, written: _Written, now: datetime
    ) -> None:
        """All rows of the batch. Runs again from the start when the transaction does, so it begins by forgetting."""
        open_drafts = [draft for draft in drafts if draft.rejected is None or draft.row is not None]
        for draft in open_drafts:
            draft.rejected, draft.repeats, draft.row = None, None, self._new_row(draft, now)
        keyed = [draft for draft in open_drafts if draft.new.idempotency is not None]
        if keyed:
            await self._recall(connection, keyed)
            open_drafts = [draft for draft in open_drafts if draft.repeats is None]
        await self._bind(connection, [d for d in open_drafts if d.owner and not d.new.send_at], reservation, now)
        await self._check_scheduled(connection, [d for d in open_drafts if d.owner and d.new.send_at], now)
        await self._plain(connection, [d for d in open_drafts if not d.owner], reservation, now)
        kept = [draft for draft in open_drafts if draft.rejected is None]
        await self._store(connection, kept, written, now)
        refused = [draft for draft in keyed if draft.rejected is not None]
        if refused:
            await idempotency.give_back(connection, {place_of(_claim(draft), self._bucket_key) for draft in refused})

    async def _recall(self, connection: Connection, keyed: list[_Draft]) -> None:
        """What requests under a key have made before."""
        outcomes = await settle(connection, [_claim(draft) for draft in keyed], self._bucket_key)
        for draft, outcome in zip(keyed, outcomes, strict=True):
            draft.repeats = keyed[outcome.index] if isinstance(outcome, SameBatch) else outcome

    def _new_row(self, draft: _Draft, now: datetime) -> MessageRow:
        new = draft.new
        return MessageRow(
            bucket=draft.person % BUCKETS, id=self._new_id(now), account_id=new.account.id,
            service_id=draft.owner.service_id if draft.owner else None, member_id=None, direction=new.direction,
            status=Status.SCHEDULED if new.send_at else Status.ACCEPTED if draft.owner else Status.QUEUED,
            recipient=new.recipient.value, sender=new.sender, body=draft.body, num_segments=draft.content.count,
            send_at=new.send_at, expires_at=(new.send_at or now) + timedelta(seconds=new.validity_period_s or VALIDITY_PERIOD_S),
            status_callback=new.status_callback, callback_events=new.callback_events or "all",
            num_media=len(new.media.urls) if new.media else 0,
        )  # fmt: skip

    async def _bind(
        self, connection: Connection, drafts: list[_Draft], reservation: Reservation, now: datetime
    ) -> None:
        """Service messages that are due now: choose, stick, and claim where the lane has room."""
        if not drafts:
            return
        answers = await self._assigner.bind(connection, [_wanted(draft) for draft in drafts], now)
        for draft, answer in zip(drafts, answers, strict=True):
            row = _row(draft)
            if isinstance(answer, Refusal) and answer.error_code in _ANSWERED_AT_ONCE:
                draft.rejected = _rejected(draft, answer.error_code)
                continue
            if (pool := self._directory.remembered(_service_id(draft))) is not None:
                _inherit(draft, pool.service, now)
            if isinstance(answer, Refusal):
                refuse(row, answer)
            elif answer is not None:
                place(row, answer, reservation, now)

    async def _check_scheduled(self, connection: Connection, drafts: list[_Draft], now: datetime) -> None:
        """Scheduled messages get their sender when they are due; what can be known to be wrong today is said today."""
        for draft in drafts:
            pool = await self._directory.current_pool(connection, _service_id(draft))
            if pool is None:
                draft.rejected = _rejected(draft, SERVICE_UNKNOWN)
            elif not pool.candidates:
                draft.rejected = _rejected(draft, POOL_EMPTY)
            elif draft.new.sender is not None and draft.new.sender not in pool.by_address:
                draft.rejected = _rejected(draft, FROM_NOT_IN_POOL)
            else:
                _inherit(draft, pool.service, draft.new.send_at or now)

    async def _plain(
        self, connection: Connection, drafts: list[_Draft], reservation: Reservation, now: datetime
    ) -> None:
        """Messages with a From and no service: the account must own the number; no mapping is touched (rule S-20)."""
        if not drafts:
            return
        asked = [
            (draft.new.account.id, draft.new.sender or "", _row(draft).bucket, _row(draft).recipient)
            for draft in drafts
        ]
        for draft, row in zip(drafts, await messages.plain_senders(connection, asked), strict=True):
            found = None if row is None or Capability.SMS not in row["capabilities"] else _way(row)
            if row is None or found is None:
                draft.rejected = _rejected(draft, FROM_NOT_OWNED)
            elif row["opted_out"]:
                draft.rejected = _rejected(draft, OPTED_OUT)
            elif not reaches(found.kind, found.country, draft.new.recipient):
                draft.rejected = _rejected(draft, UNREACHABLE.get(found.kind, FROM_NOT_OWNED))
            else:
                route(_row(draft), found, reservation, now)
                if _row(draft).error_code == QUEUE_FULL:
                    draft.rejected = _rejected(draft, FROM_QUEUE_FULL)

    async def _store(self, connection: Connection, kept: list[_Draft], written: _Written, now: datetime) -> None:
        if not kept:
            return
        rows = [_row(draft) for draft in kept]
        await messages.insert(connection, rows, now)
        if any(row.num_media for row in rows):
            await media.insert(connection, _media(kept), self._bucket_key)
        claims = claims_of(rows, lambda: self._new_id(now))
        written.claims = list(claims.values())
        for claim in claims.values():
            await dispatch.note_claim(connection, claim)
        written.waiting = [due for row in rows if (due := due_of(row, now))]
        if written.waiting:
            await dispatch.enqueue(connection, written.waiting)
        written.owed = await self._owed.rows((told for row in rows if (told := first_change(row))), now)
        await callbacks.insert(connection, written.owed)
        written.flights = [
            Flight(outgoing_of(row), draft.content, claims[row.lane or ""].id)
            for draft, row in zip(kept, rows, strict=True)
            if row.status is Status.SENDING
        ]


def _inherit(draft: _Draft, service: Service, start: datetime) -> None:
    """What a message does not say itself its service says."""
    row, new = _row(draft), draft.new
    if new.smart_encoded is None and service.smart_encoding and (body := smart_encoded(draft.body)) != draft.body:
        draft.body, draft.content = body, segment(body)
        row.body, row.num_segments = body, draft.content.count
    row.status_callback = new.status_callback or service.status_callback
    row.callback_events = new.callback_events or service.status_callback_events
    row.expires_at = start + timedelta(seconds=new.validity_period_s or service.validity_period)


def _media(kept: list[_Draft]) -> list[NewMedia]:
    return [
        NewMedia(_row(draft).bucket, _row(draft).id, draft.new.media.urls, draft.new.media.code)
        for draft in kept
        if draft.new.media is not None
    ]


def _wanted(draft: _Draft) -> Wanted:
    row = _row(draft)
    ask = Ask(draft.new.recipient, draft.person, draft.new.sender, draft.new.media is not None)
    return Wanted(MappingKey(row.bucket, _service_id(draft), row.recipient), row.id, ask, row.num_segments)


def _answer(draft: _Draft, now: datetime) -> Answer:
    """The message as Twilio shows it at creation: a service's is `accepted`, and `from` is known only if it was named."""
    if draft.repeats is not None:
        return _answer(draft.repeats, now) if isinstance(draft.repeats, _Draft) else draft.repeats
    if draft.rejected is not None or draft.row is None:
        return draft.rejected or Overloaded()
    new, row = draft.new, draft.row
    status = Status.SCHEDULED if new.send_at else Status.ACCEPTED if draft.owner else Status.QUEUED
    return Message(
        row.bucket, row.id, row.account_id, row.service_id, row.direction, status, row.recipient, new.sender, row.body,
        row.num_segments if new.sender else 0, row.num_media, None, None, None, now, now, None,
    )  # fmt: skip


def _rejected(draft: _Draft, code: int) -> Rejected:
    return Rejected(
        code, {"service": draft.new.service_sid or "", "from": draft.new.sender or "", "to": draft.new.recipient.value}
    )


def _claim(draft: _Draft) -> Claim:
    assert draft.new.idempotency is not None
    row = _row(draft)
    return Claim(row.account_id, draft.new.idempotency, (row.bucket, row.id))


def _row(draft: _Draft) -> MessageRow:
    assert draft.row is not None
    return draft.row


def _service_id(draft: _Draft) -> int:
    assert draft.owner is not None
    return draft.owner.service_id


def _way(row: asyncpg.Record) -> Way:
    return Way(row["address"], row["carrier"], SenderKind(row["kind"]), row["country"])
