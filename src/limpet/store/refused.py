"""Which senders carriers refuse for a country, in PostgreSQL: written by answers, looked at and cleared by operators.

A mark belongs to a membership, so it goes when the number leaves the pool. What it means is `limpet.core.selection`'s business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from limpet.core.ids import day_date
from limpet.store.database import Connection, Database
from limpet.store.queries import query

LIST_MAX = 10_000


class Mark(NamedTuple):
    """A carrier refuses a member for recipients of a country, with Twilio's code."""

    member_id: int
    country: str
    error_code: int


@dataclass(frozen=True, slots=True)
class MarkView:
    """A mark as operators see it; it counts until the day before `until`."""

    account_sid: str
    service_sid: str
    sender: str
    carrier: str
    country: str
    error_code: int
    refused_at: datetime
    until: date


async def mark(connection: Connection, marks: Iterable[Mark], today: int, days: int, now: datetime) -> None:
    """Write marks that count for so many days. A pool goes a generation on where that was news: a flood of them is one change."""
    last = {(one.member_id, one.country): one for one in marks}
    if not last:
        return
    members, countries, codes = zip(*sorted(last.values()), strict=True)
    rows = await connection.fetch(
        query("refused_mark"), list(members), list(countries), list(codes), today, today + days, now
    )
    if rows:
        await connection.execute(query("refused_changed"), sorted({row["member_id"] for row in rows}))


async def purge(database: Database, today: int) -> None:
    """Delete what has aged out."""
    await database.pool.execute(query("refused_purge"), today)


class RefusedSenders:
    """The marks for operators."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, today: int, service_sid: str | None = None) -> list[MarkView]:
        """The marks that count, of one service or of all, newest first, at most LIST_MAX."""
        rows = await self._database.pool.fetch(query("refused_list"), today, service_sid, LIST_MAX)
        return [
            MarkView(
                row["account_sid"], row["service_sid"], row["address"], row["carrier"], row["country"], row["error_code"],
                row["refused_at"], day_date(row["until_day"]),
            )
            for row in rows
        ]  # fmt: skip

    async def clear(self, address: str, country: str | None) -> int:
        """Forget that a number is refused, for one country or for all; how many marks there were."""

        async def work(connection: Connection) -> int:
            rows = await connection.fetch(query("refused_clear"), address, country)
            if rows:
                await connection.execute(query("refused_changed"), sorted({row["member_id"] for row in rows}))
            return len(rows)

        return await self._database.transaction(work)
