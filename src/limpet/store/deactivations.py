"""Numbers that carriers took out of service, by day, in PostgreSQL: brought by the operator, read as a list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from limpet.core.ids import BUCKETS, bucket_of
from limpet.store.database import Database
from limpet.store.queries import query

KEPT_DAYS: Final = 90
_BUCKETS_AT_ONCE = 64


class Deactivations:
    """Every day's list. `bucket_key` places numbers."""

    def __init__(self, database: Database, bucket_key: bytes) -> None:
        self._database = database
        self._bucket_key = bucket_key

    async def begin(self, day: date, now: datetime) -> None:
        """There is a list of this day from now on, even if nothing is on it."""
        await self._database.pool.execute(query("deactivation_day_note"), day, now)

    async def add(self, day: date, numbers: Sequence[str]) -> int:
        """Put numbers on a day's list; how many were not on it before."""
        places = sorted({(bucket_of(number, self._bucket_key), number) for number in numbers})
        buckets, days, values = [bucket for bucket, _ in places], [day] * len(places), [number for _, number in places]
        return len(await self._database.pool.fetch(query("deactivation_insert"), buckets, days, values))

    async def has(self, day: date) -> bool:
        """Whether there is a list of this day."""
        known: bool = await self._database.pool.fetchval(query("deactivation_day_known"), day)
        return known

    async def numbers(self, day: date) -> AsyncIterator[list[str]]:
        """A day's list, in parts."""
        for first in range(0, BUCKETS, _BUCKETS_AT_ONCE):
            buckets = list(range(first, first + _BUCKETS_AT_ONCE))
            rows = await self._database.pool.fetch(query("deactivations_of_day"), buckets, day)
            if rows:
                yield [row["number"] for row in rows]


async def purge(database: Database, today: date) -> None:
    """Forget lists older than KEPT_DAYS: their days first, so that no part of a list is taken for all of it."""
    oldest = today - timedelta(days=KEPT_DAYS)
    await database.pool.execute(query("deactivation_days_purge"), oldest)
    await database.pool.execute(query("deactivation_purge"), oldest, range(BUCKETS))
