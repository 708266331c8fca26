"""How much waits in the database, for operators who watch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from limpet.store.carriers import Waiting
from limpet.store.database import Database
from limpet.store.queries import query


@dataclass(frozen=True, slots=True)
class Depths:
    """What waits: messages by lane (the empty one is of those without a sender), callbacks owed and of these those due since
    `oldest_callback`, and receipts of nobody."""

    queues: Mapping[str, Waiting]
    callbacks_owed: int
    callbacks_due: int
    oldest_callback: datetime | None
    receipts_kept: int


async def depths(database: Database, now: datetime) -> Depths:
    """All of it, on one connection."""
    async with database.pool.acquire() as connection:
        queues = await connection.fetch(query("gauge_queues"))
        owed = await connection.fetchrow(query("gauge_callbacks"), now)
        kept = await connection.fetchval(query("gauge_receipts"))
    assert owed is not None
    return Depths(
        {row["lane"]: Waiting(row["waiting"], row["oldest"]) for row in queues},
        owed["owed"], owed["due"], owed["oldest"], kept,
    )  # fmt: skip
