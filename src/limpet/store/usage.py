"""What accounts have used, counted from the messages that there are: one that was deleted does not count any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from limpet.core.ids import id_floor
from limpet.core.usage import DAY, Day
from limpet.store.database import Database
from limpet.store.queries import query

MESSAGES_MAX = 1_000_000
"""At how many messages one count looks."""
_FIRST_DAY = date(2020, 1, 1)


async def account_ids(database: Database, account_sid: str) -> list[int]:
    """An account and its sub-accounts."""
    return [row["id"] for row in await database.pool.fetch(query("usage_account_ids"), account_sid)]


async def days(database: Database, accounts: Sequence[int], start: date, end: date) -> list[Day] | None:
    """The counts of each day from `start` to `end`; None when that is more than MESSAGES_MAX messages."""
    floors = [id_floor(datetime.combine(day, time(), UTC)) for day in (start, end + DAY)]
    rows = await database.pool.fetch(query("usage_days"), accounts, *floors, MESSAGES_MAX + 1)
    if sum(row["seen"] for row in rows) > MESSAGES_MAX:
        return None
    return [
        Day(_FIRST_DAY + timedelta(days=row["day"]), row["inbound"], row["media"], row["messages"], row["segments"])
        for row in rows
    ]
