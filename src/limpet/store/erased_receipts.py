"""Which receipts are of messages that were erased, in PostgreSQL: by the carriers' ids, which name nobody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from limpet.store.database import Connection, Database
from limpet.store.dispatch import columns
from limpet.store.queries import query


class ErasedReceipt(NamedTuple):
    """A receipt that may still come. `bucket` is the person's."""

    bucket: int
    carrier: str
    carrier_message_id: str


async def note(connection: Connection, coming: Iterable[ErasedReceipt], row_id: int) -> None:
    """Remember these from the time of `row_id` on, in the transaction that erases their messages."""
    if wanted := sorted(set(coming)):
        await connection.execute(query("erased_receipt_insert"), *columns(wanted), row_id)


async def find(connection: Connection, asked: Iterable[ErasedReceipt]) -> set[ErasedReceipt]:
    """Which of these are of erased messages."""
    wanted = sorted(asked)
    rows = await connection.fetch(query("erased_receipt_find"), *columns(wanted)) if wanted else []
    return {ErasedReceipt(*row) for row in rows}


async def purge(database: Database, oldest_id: int) -> None:
    """Forget those noted under ids before `oldest_id`: carriers do not repeat them any more."""
    await database.pool.execute(query("erased_receipt_purge"), oldest_id)
