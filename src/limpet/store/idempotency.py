"""Customers' own keys for requests that make messages, in PostgreSQL, inside the transaction of the message.

What a repetition is answered is `limpet.flow.repeat`'s decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from limpet.store.database import Connection, Database
from limpet.store.queries import query

REMEMBERED_DAYS = 2


class KeyPlace(NamedTuple):
    """Where a key is. Sorted lists keep batches from deadlocking."""

    bucket: int
    account_id: int
    key: str


class KeyedMessage(NamedTuple):
    """A key with the message that it stands for, and the hash of the form that made it."""

    place: KeyPlace
    form_hash: bytes
    message_bucket: int
    message_id: int


async def claim(connection: Connection, new: Sequence[KeyedMessage]) -> set[KeyPlace]:
    """Write keys; answers those that were free. For another one whoever wrote it has committed."""
    rows = [(*one.place, one.form_hash, one.message_bucket, one.message_id) for one in sorted(new)]
    made = await connection.fetch(query("idempotency_claim"), *(list(column) for column in zip(*rows, strict=True)))
    return {KeyPlace(row["bucket"], row["account_id"], row["key"]) for row in made}


async def find(connection: Connection, places: Iterable[KeyPlace]) -> dict[KeyPlace, KeyedMessage]:
    """What these keys stand for."""
    rows = await connection.fetch(query("idempotency_find"), *_columns(places))
    found = [
        KeyedMessage(
            KeyPlace(row["bucket"], row["account_id"], row["key"]), row["form_hash"], row["message_bucket"], row["message_id"]
        )
        for row in rows
    ]  # fmt: skip
    return {one.place: one for one in found}


async def give_back(connection: Connection, places: Iterable[KeyPlace]) -> None:
    """Forget keys whose requests came to nothing."""
    await connection.execute(query("idempotency_give_back"), *_columns(places))


async def purge(database: Database, before_id: int) -> None:
    """Forget keys of messages made before an id."""
    await database.pool.execute(query("idempotency_purge"), before_id)


def _columns(places: Iterable[KeyPlace]) -> list[list[object]]:
    return [list(column) for column in zip(*sorted(places), strict=True)]
