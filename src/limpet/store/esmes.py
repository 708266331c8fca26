"""What SMPP customers are owed, and parts of their long messages, in PostgreSQL: kept until acknowledged, or until too old.

A delivery is written in the transaction of what it tells of and waits for a bind of its customer; `due_at` is the lease. Which
bind gets it, and when it is tried again, is `limpet.esme`'s decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from limpet.core.ids import id_floor
from limpet.store.database import Connection, Database
from limpet.store.dispatch import Key, columns
from limpet.store.queries import query


class EsmeDelivery(NamedTuple):
    """A delivery as its row has it. `asked` says which ids want a receipt (`limpet.core.esme`), `payload` is the form."""

    bucket: int
    id: int
    account_id: int
    message_id: int
    esme: str
    asked: str
    kind: str
    payload: str
    attempt: int
    due_at: datetime

    @property
    def key(self) -> Key:
        """Where the row is."""
        return Key(self.bucket, self.id)


class Later(NamedTuple):
    """When a delivery is due again, and after how many tries."""

    bucket: int
    id: int
    attempt: int
    due_at: datetime


class LongMessage(NamedTuple):
    """Which long message a part belongs to."""

    bucket: int
    esme: str
    recipient: str
    sender: str
    reference: int
    total: int


class StoredPart(NamedTuple):
    """A part as its row has it; `pdu` is the request that brought it."""

    bucket: int
    id: int
    account_id: int
    esme: str
    recipient: str
    sender: str
    reference: int
    total: int
    number: int
    service_sid: str | None
    pdu: bytes

    @property
    def message(self) -> LongMessage:
        """The long message that it is a part of."""
        return LongMessage(self.bucket, self.esme, self.recipient, self.sender, self.reference, self.total)


async def insert(connection: Connection, new: Sequence[EsmeDelivery]) -> None:
    """Write what is owed, in the caller's transaction."""
    if new:
        await connection.execute(query("smpp_delivery_insert"), *columns(sorted(new)))


async def claim(
    database: Database, room: Sequence[tuple[str, int]], now: datetime, lease_until: datetime
) -> list[EsmeDelivery]:
    """Take what is due for these customers, at most as many for each as it has room for, the oldest first."""

    async def work(connection: Connection) -> list[EsmeDelivery]:
        rows = await connection.fetch(query("smpp_delivery_claim"), now, lease_until, *columns(room))
        return sorted((EsmeDelivery(*row) for row in rows), key=lambda row: row.id)

    return await database.transaction(work)


async def settle(database: Database, done: Sequence[Key], later: Sequence[Later]) -> None:
    """Forget deliveries that are over, put off others."""
    async with database.pool.acquire() as connection:
        if done:
            await connection.execute(query("smpp_delivery_done"), *columns(sorted(done)))
        if later:
            await connection.execute(query("smpp_delivery_postpone"), *columns(sorted(later)))


async def purge(database: Database, older_than: datetime) -> str:
    """Forget what nobody has come for; PostgreSQL's word on how many."""
    said: str = await database.pool.execute(query("smpp_delivery_purge"), id_floor(older_than))
    return said


async def add_parts(database: Database, parts: Sequence[StoredPart]) -> list[list[StoredPart]]:
    """Keep parts; for each long message that they belong to, in the order given, all parts of it that are there by now."""
    newest = {(part.message, part.number): part for part in parts}
    messages = list(dict.fromkeys(part.message for part in parts))

    async def work(connection: Connection) -> list[asyncpg.Record]:
        await connection.execute(query("smpp_part_insert"), *columns(sorted(newest.values())))
        return list(await connection.fetch(query("smpp_part_group"), *columns(messages)))

    groups: list[list[StoredPart]] = [[] for _ in messages]
    for row in await database.transaction(work):
        groups[row["ord"] - 1].append(_part_of(row))
    return groups


async def take_parts(
    database: Database, parts: Sequence[StoredPart], owed: Sequence[EsmeDelivery] = ()
) -> list[StoredPart]:
    """Forget parts, and write what is owed because of it; answers those that were still there."""

    async def work(connection: Connection) -> list[asyncpg.Record]:
        keys = sorted((*part.message, part.number, part.id) for part in parts)
        gone = await connection.fetch(query("smpp_part_delete"), *columns(keys))
        if gone:
            await insert(connection, owed)
        return list(gone)

    gone = {(row["bucket"], row["id"]) for row in await database.transaction(work)}
    return [part for part in parts if (part.bucket, part.id) in gone]


async def old_parts(database: Database, before: datetime, limit: int) -> list[list[StoredPart]]:
    """The parts of at most `limit` long messages to which nothing has been added since `before`."""
    groups: dict[LongMessage, list[StoredPart]] = {}
    for row in await database.pool.fetch(query("smpp_part_old"), id_floor(before), limit):
        part = _part_of(row)
        groups.setdefault(part.message, []).append(part)
    return list(groups.values())


def _part_of(row: asyncpg.Record) -> StoredPart:
    return StoredPart(*(row[name] for name in StoredPart._fields))
