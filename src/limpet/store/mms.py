"""Messages that go out with their media, and inbound ones that came before, in PostgreSQL, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from limpet.store.database import Connection, Database
from limpet.store.dispatch import Key, columns
from limpet.store.queries import query

REMEMBERED_DAYS = 8
"""Carriers repeat notices for a day or two; an id that comes again after this time is a new message."""


class NewMms(NamedTuple):
    """A message that is to go with media: whether a sender carries it already, and the link that may stand for the media."""

    bucket: int
    message_id: int
    carried: bool
    link: str | None


class Seen(NamedTuple):
    """An inbound message by its carrier's own id, and the row that it would be."""

    bucket: int
    carrier: str
    carrier_message_id: str
    message_id: int


async def insert(connection: Connection, new: Sequence[NewMms]) -> None:
    """Note what is to go with media."""
    await connection.execute(query("mms_insert"), *columns(sorted(new)))


async def wanted(connection: Connection, keys: Sequence[Key]) -> dict[Key, str | None]:
    """Those of the messages that are to go with media, each with its link."""
    rows = await connection.fetch(query("mms_wanted"), *columns(sorted(keys)))
    return {Key(row["bucket"], row["message_id"]): row["link"] for row in rows}


async def carry(connection: Connection, keys: Sequence[Key]) -> None:
    """These have a sender that carries their media."""
    await connection.execute(query("mms_carry"), *columns(sorted(keys)))


async def carried(connection: Connection, keys: Sequence[Key]) -> dict[Key, tuple[str, ...]]:
    """Those of the messages that go with media, and the URLs of what is left of these."""
    found: dict[Key, tuple[str, ...]] = {}
    for row in await connection.fetch(query("mms_carried"), *columns(sorted(keys))):
        key = Key(row["bucket"], row["message_id"])
        found[key] = found.get(key, ()) + (() if row["url"] is None else (row["url"],))
    return found


async def first_seen(connection: Connection, came: Sequence[Seen]) -> set[tuple[int, int]]:
    """The `(bucket, message_id)` of those that have not come before; of two in one batch one of them."""
    rows = await connection.fetch(query("inbound_seen_insert"), *columns(sorted(came)))
    return {(row["bucket"], row["message_id"]) for row in rows}


async def forget_seen(database: Database, before_id: int) -> None:
    """Forget the ids of inbound messages made before an id."""
    await database.pool.execute(query("inbound_seen_purge"), before_id)
