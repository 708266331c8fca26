"""Messages in PostgreSQL: written in batches inside the caller's transaction, fetched, listed, redacted, deleted one by one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import NamedTuple

import asyncpg

from limpet.core.ids import bucket_of, id_floor, id_time
from limpet.core.model import Direction, Message
from limpet.core.page import Page, PageRequest, page_of
from limpet.core.retention import Mark, Pseudonyms, as_kept
from limpet.core.status import Status
from limpet.core.sticky import Outcome
from limpet.core.tlvs import Tlvs, written
from limpet.core.usage import Day
from limpet.store import deliveries, links, sticky, usage
from limpet.store.database import Connection, Database
from limpet.store.dispatch import Outgoing, outgoing, padded
from limpet.store.queries import query
from limpet.store.sticky import MappingKey

_ID_MAX = 2**63 - 1
SEND_AHEAD_MAX = timedelta(days=37)
"""A message is sent at most so long after it was made (35 days of schedule, then its validity): bounds walks by date."""

FINAL = tuple(
    str(s)
    for s in Status
    if s in {Status.DELIVERED, Status.UNDELIVERED, Status.FAILED, Status.CANCELED, Status.RECEIVED, Status.READ}
)
DELETABLE = (*FINAL, str(Status.SENT))
BY_MAPPING = frozenset({Outcome.CREATED, Outcome.USED, Outcome.REPLACED})
LEFT = frozenset({Status.SENT, Status.DELIVERED, Status.UNDELIVERED, Status.READ})


class MessageRefusal(StrEnum):
    """Why a message cannot be changed."""

    NOT_FOUND = "not_found"
    NOT_FINAL = "not_final"
    NOT_SCHEDULED = "not_scheduled"


@dataclass(slots=True)
class MessageRow:
    """A new message as it is written; the fields are the columns of `message` in the order of `message_insert`."""

    bucket: int
    id: int
    account_id: int
    service_id: int | None
    member_id: int | None
    direction: Direction
    status: Status
    recipient: str
    sender: str | None
    body: str
    num_segments: int
    send_at: datetime | None
    expires_at: datetime
    status_callback: str | None
    callback_events: str
    reason: str | None = None
    sticky: str | None = None
    rejections: str | None = None
    error_code: int | None = None
    lane: str | None = None
    fence: int | None = None
    attempt: int = 0
    claimed_at: datetime | None = None
    num_media: int = 0
    marks: int | None = None
    """`limpet.core.retention.Mark`; None for none."""
    due_at: datetime | None = None
    """When it may go, if it must wait; no column: the queue keeps it."""


_VALUES = attrgetter(*(name for name in MessageRow.__slots__ if name != "due_at"))


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """What a list asks for; None is everything. `to` and `from_` as on the wire, times half-open."""

    to: str | None = None
    from_: str | None = None
    sent_from: datetime | None = None
    sent_to: datetime | None = None


def message_of(row: asyncpg.Record) -> Message:
    """The value of a row of `message`."""
    recipient, body = as_kept(row["recipient"], row["body"], row["marks"] or 0)
    return Message(
        row["bucket"], row["id"], row["account_id"], row["service_id"], Direction(row["direction"]), Status(row["status"]),
        recipient, row["sender"], body, row["num_segments"], row["num_media"], row["error_code"],
        row["reason"], row["sticky"], id_time(row["id"]), row["updated_at"], row["sent_at"],
        json.loads(row["rejections"] or "{}"),
    )  # fmt: skip


async def insert(connection: Connection, rows: Sequence[MessageRow], now: datetime) -> None:
    """Write new messages in one statement."""
    await connection.execute(_INSERT, *padded(map(_VALUES, rows)), now)


async def keep_tlvs(connection: Connection, said: Sequence[tuple[int, int, Tlvs]]) -> None:
    """Keep what carriers have said of inbound messages, each with its bucket and id, in the transaction that wrote them."""
    rows = sorted((bucket, message_id, json.dumps(written(tlvs))) for bucket, message_id, tlvs in said)
    await connection.execute(query("message_tlvs"), *map(list, zip(*rows, strict=True)))


async def bind(connection: Connection, rows: Sequence[MessageRow], now: datetime) -> set[tuple[int, int]]:
    """Give due messages what was decided for them; answers the `(bucket, id)` of those that still waited for it."""
    names = ("bucket", "id", "status", "member_id", "sender", "num_segments", "lane", "fence", "attempt", "claimed_at",
             "reason", "sticky", "rejections")  # fmt: skip
    columns = [[getattr(row, name) for row in rows] for name in names]
    codes, bodies = [row.error_code for row in rows], [row.body for row in rows]
    bound = await connection.fetch(query("message_bind"), *columns, now, codes, bodies)
    return {(row["bucket"], row["id"]) for row in bound}


async def plain_senders(
    connection: Connection, asked: Sequence[tuple[int, str, int, str]]
) -> list[asyncpg.Record | None]:
    """For each `(account_id, address, bucket, recipient)` the sender's address, kind, carrier, country and capabilities, and
    whether the recipient opted out of it; None where it is not the account's."""
    rows = await connection.fetch(_PLAIN, *(list(column) for column in zip(*asked, strict=True)))
    found = {row["ord"]: row for row in rows}
    return [found.get(place) for place in range(1, len(asked) + 1)]


async def cancel(
    connection: Connection, account_id: int, bucket: int, message_id: int, now: datetime
) -> tuple[Message, Outgoing] | MessageRefusal:
    """Cancel an account's message that is still scheduled; answers it as customers see it and as callbacks need it."""
    row = await connection.fetchrow(query("message_cancel"), bucket, message_id, account_id, now)
    if row is not None:
        return message_of(row), outgoing(row)
    found = await connection.fetchval(query("message_fetch"), bucket, message_id, account_id)
    return MessageRefusal.NOT_FOUND if found is None else MessageRefusal.NOT_SCHEDULED


async def fetch(connection: Connection, account_id: int, bucket: int, message_id: int) -> Message | None:
    """An account's message as it is within a transaction; None when there is none."""
    row = await connection.fetchrow(query("message_fetch"), bucket, message_id, account_id)
    return None if row is None else message_of(row)


class Owner(NamedTuple):
    """Whose a number is, the service whose pool it is in, and where both have texts sent. `heard`: they may make mappings."""

    account_id: int
    service_id: int | None
    sms_url: str
    sms_method: str
    sms_fallback_url: str
    sms_fallback_method: str
    use_inbound_webhook_on_number: bool | None
    inbound_request_url: str | None
    inbound_method: str | None
    fallback_url: str | None
    fallback_method: str | None
    heard: bool
    esmes: Sequence[str]
    """The customers' system_ids to which texts to it are delivered by SMPP."""
    hides: bool
    """Mappings of the service may be under pseudonyms."""


async def owners_of(connection: Connection, addresses: Sequence[str]) -> list[Owner | None]:
    """Who owns each of these numbers; None for one that nobody does."""
    rows = await connection.fetch(query("owners_of"), list(addresses))
    found = {row["address"]: Owner(*(row[name] for name in Owner._fields)) for row in rows}
    return [found.get(address) for address in addresses]


class Messages:
    """Messages one at a time, for people and their programs."""

    def __init__(self, database: Database, bucket_key: bytes, pseudonyms: Pseudonyms) -> None:
        self._database = database
        self._bucket_key = bucket_key
        self._pseudonyms = pseudonyms

    async def usage_accounts(self, account_sid: str) -> list[int]:
        """Whose messages count as an account's usage: its own and its sub-accounts'."""
        return await usage.account_ids(self._database, account_sid)

    async def usage(self, accounts: Sequence[int], start: date, end: date) -> list[Day] | None:
        """What accounts have used from day to day (`limpet.store.usage`); None when it is too much to count."""
        return await usage.days(self._database, accounts, start, end)

    async def fetch(self, account_id: int, bucket: int, message_id: int) -> Message | None:
        """The account's message, None when it has none there."""
        row = await self._database.pool.fetchrow(query("message_fetch"), bucket, message_id, account_id)
        return None if row is None else message_of(row)

    async def page(self, account_id: int, wanted: MessageFilter, request: PageRequest) -> Page[Message]:
        """A page of an account's messages, newest first.

        With one side of the conversation known to be a person, only that person's bucket is read.
        """
        ours = await self._account_addresses(account_id, wanted)
        person = next((a for a in (wanted.to, wanted.from_) if a is not None and a not in ours), None)
        rows = await self._rows(account_id, wanted, request, person)
        if request.before is not None:
            rows.reverse()
        return page_of(request, [message_of(row) for row in rows], [row["id"] for row in rows])

    async def _rows(
        self, account_id: int, wanted: MessageFilter, request: PageRequest, person: str | None
    ) -> list[asyncpg.Record]:
        up = request.before is not None
        edge = request.before if request.before is not None else request.after if request.after is not None else _ID_MAX
        if not up and wanted.sent_to is not None:
            edge = min(edge, id_floor(wanted.sent_to))
        if up and wanted.sent_from is not None:
            edge = max(edge, id_floor(wanted.sent_from - SEND_AHEAD_MAX))
        sent, limit = (wanted.sent_from, wanted.sent_to), request.size + 1
        if person is None:
            name = "messages_of_account_up" if up else "messages_of_account_down"
            return list(await self._fetch(name, account_id, edge, wanted.to, wanted.from_, *sent, limit))
        inbound = person == wanted.from_
        sender = wanted.to if inbound else wanted.from_
        name = "messages_with_person_up" if up else "messages_with_person_down"
        bucket = bucket_of(person, self._bucket_key)
        spellings = [person] if inbound else [person, self._pseudonyms.of(person)]
        found = [
            row
            for spelling in spellings
            for row in await self._fetch(name, bucket, spelling, account_id, edge, inbound, sender, *sent, limit)
        ]
        return sorted(found, key=lambda row: int(row["id"]), reverse=not up)[:limit]

    async def _fetch(self, name: str, *arguments: object) -> list[asyncpg.Record]:
        return list(await self._database.pool.fetch(query(name), *arguments))

    async def _account_addresses(self, account_id: int, wanted: MessageFilter) -> set[str]:
        asked = [a for a in (wanted.to, wanted.from_) if a is not None]
        if not asked:
            return set()
        return {row["address"] for row in await self._fetch("account_has_used", account_id, asked)}

    async def redact(self, account_id: int, bucket: int, message_id: int, now: datetime) -> Message | MessageRefusal:
        """Empty the body of a message that has come to its end (Twilio: POST with `Body=`)."""
        redacted = bucket, message_id, account_id, now, DELETABLE

        async def work(connection: Connection) -> asyncpg.Record | None:
            row = await connection.fetchrow(query("message_body_redact"), *redacted)
            if row:
                await deliveries.forget(connection, bucket, message_id)
            if row and (row["marks"] or 0) & Mark.LINKED:
                await links.forget(connection, bucket, message_id)
            return row

        row = await self._database.transaction(work)
        return message_of(row) if row else await self._why(account_id, bucket, message_id, MessageRefusal.NOT_FINAL)

    async def delete(self, account_id: int, bucket: int, message_id: int) -> MessageRefusal | None:
        """Delete a message that is not on its way any more; None when done."""

        async def work(connection: Connection) -> bool:
            row = await connection.fetchrow(query("message_delete"), bucket, message_id, account_id, DELETABLE)
            if row:
                await deliveries.forget(connection, bucket, message_id)
            if row and row["num_media"]:
                await connection.execute(query("media_delete_all"), bucket, message_id)
            if row:
                await connection.execute(query("mms_delete"), bucket, message_id)
            if row and (row["marks"] or 0) & Mark.LINKED:
                await links.forget(connection, bucket, message_id)
            if row and row["sticky"] in BY_MAPPING and Status(row["status"]) in LEFT:
                keys = [MappingKey(bucket, row["service_id"], name) for name in self._spellings(row)]
                await sticky.establish(connection, [(key, row["member_id"]) for key in keys])
            return row is not None

        if await self._database.transaction(work):
            return None
        return await self._why(account_id, bucket, message_id, MessageRefusal.NOT_FINAL)

    def _spellings(self, row: asyncpg.Record) -> list[str]:
        """Under what a message's person may have their mapping; of one that is obfuscated what left has been noted before."""
        recipient: str = row["recipient"]
        return [recipient, self._pseudonyms.of(recipient)] if (row["marks"] or 0) & Mark.OBFUSCATE else [recipient]

    async def _why(self, account_id: int, bucket: int, message_id: int, otherwise: MessageRefusal) -> MessageRefusal:
        found = await self.fetch(account_id, bucket, message_id)
        return MessageRefusal.NOT_FOUND if found is None else otherwise


_INSERT = query("message_insert")
_PLAIN = query("plain_senders")
