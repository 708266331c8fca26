"""What is not kept of messages, taken out of PostgreSQL: texts, recipients' numbers, and the numbers in callbacks still owed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from limpet.core.ids import id_floor
from limpet.core.status import Status
from limpet.store import sticky
from limpet.store.database import Connection, Database
from limpet.store.dispatch import Key, Outgoing, columns, outgoing
from limpet.store.messages import BY_MAPPING, LEFT
from limpet.store.queries import query
from limpet.store.sticky import MappingKey

RECEIPT_DAYS: Final = 3
"""Carriers try for two days at most; after three nobody waits for the receipt of a message any more."""


class Over(NamedTuple):
    """A message of which not everything is kept. `pseudonym` takes the place of its recipient; None while that is needed. `media`
    says that there are media which go with its text."""

    key: Key
    recipient: str
    pseudonym: str | None
    media: bool = False


async def forget(connection: Connection, over: Sequence[Over]) -> None:
    """Take out what is not kept, in the transaction of the change that ended the need for it."""
    ordered = sorted(over, key=lambda one: one.key)
    rows = await connection.fetch(query("message_forget"), *columns((*one.key, one.pseudonym) for one in ordered))
    if pictured := [one.key for one in ordered if one.media]:
        await connection.execute(query("media_forget"), *columns(pictured))
        await connection.execute(query("mms_forget"), *columns(pictured))
    hidden = {one.key: one for one in ordered if one.pseudonym is not None}
    if not hidden:
        return
    await connection.execute(query("callback_forget"), *columns(hidden))
    left = [
        (MappingKey(row["bucket"], row["service_id"], name), row["member_id"])
        for row in rows
        if (one := hidden.get(Key(row["bucket"], row["id"]))) is not None
        and row["sticky"] in BY_MAPPING
        and Status(row["status"]) in LEFT
        for name in (one.recipient, one.pseudonym or "")
    ]
    if left:
        await sticky.establish(connection, left)


async def overdue(database: Database, now: datetime, limit: int) -> list[Outgoing]:
    """Messages that left more than RECEIPT_DAYS ago, have no receipt, and are still to be obfuscated; at most `limit`."""
    since = now - timedelta(days=RECEIPT_DAYS)
    return [outgoing(row) for row in await database.pool.fetch(query("message_overdue"), since, id_floor(since), limit)]
