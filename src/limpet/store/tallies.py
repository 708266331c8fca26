"""Small exact counts in PostgreSQL: right in every process and after a crash, because they commit with what they count.

A count is held from the statement that changes it to the commit. They are taken in one order everywhere: a service's segments
before any mapping; after all mappings a member's people, a campaign's segments, a brand's and an account's scheduled messages;
and within a kind by id.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

from limpet.store.database import Connection, Database
from limpet.store.queries import query

NO_DAY = 0


class Tally(StrEnum):
    """What is counted, each by the id of what it is a count of."""

    CONTACTS = "contacts"
    """New people of a pool member in a UTC day."""
    SEGMENTS = "segments"
    """Segments of a service in a UTC day."""
    CAMPAIGN = "campaign"
    """Segments of a campaign to the United States in a day of its carriers."""
    TMOBILE = "tmobile"
    """Segments of a brand to T-Mobile in such a day."""
    SCHEDULED = "scheduled"
    """Messages that an account has scheduled; not of a day."""


async def add(connection: Connection, tally: Tally, day: int, more: Mapping[int, int]) -> dict[int, int]:
    """Count `more` (or less) for each id; answers what the counts have come to, never below 0."""
    wanted = sorted(more.items())
    rows = await connection.fetch(query("tally_add"), tally, day, [i for i, _ in wanted], [n for _, n in wanted])
    return {row["of_id"]: row["value"] for row in rows}


async def read(connection: Connection, tally: Tally, day: int, ids: Collection[int]) -> dict[int, int]:
    """The counts as committed; what was never counted is not there."""
    rows = await connection.fetch(query("tally_read"), tally, day, list(ids))
    return {row["of_id"]: row["value"] for row in rows}


async def count(database: Database, tally: Tally, day: int, of_id: int) -> int:
    """One count as committed."""
    async with database.pool.acquire() as connection:
        return (await read(connection, tally, day, [of_id])).get(of_id, 0)


async def forget(database: Database, today: int) -> None:
    """Drop the counts of days before yesterday."""
    await database.pool.execute(query("tally_forget"), today - 1)
